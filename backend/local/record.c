/* Records in memory: making, copying and freeing them.  Nothing here locks; a record never changes
 * once somebody else can see it. */
#include "file-names.h"
#include "method.h"
#include "records.h"

char *
record_image_file (const RecordImage *image)
{
  return g_strconcat (IMAGE_PREFIX, image->image, image->raw ? RAW_IMAGE_SUFFIX : IMAGE_SUFFIX,
                      NULL);
}

gboolean
record_image_is_elsewhere (const RecordImage *image)
{
  return image->method->storage != NULL;
}

RecordImage *
record_image_copy (const RecordImage *image)
{
  RecordImage *copy = g_new0 (RecordImage, 1);
  copy->target = g_strdup (image->target);
  copy->image = g_strdup (image->image);
  copy->directory = g_strdup (image->directory);
  copy->disk = g_strdup (image->disk);
  copy->located = g_strdup (image->located);
  copy->size = image->size;
  copy->raw = image->raw;
  copy->method = image->method;
  copy->plain = g_atomic_int_get (&image->plain);
  return copy;
}

void
record_image_free (RecordImage *image)
{
  g_free (image->target);
  g_free (image->image);
  g_free (image->directory);
  g_free (image->disk);
  g_free (image->located);
  g_free (image);
}

static GPtrArray *
images_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)record_image_free);
}

static GPtrArray *
images_copy (const GPtrArray *images)
{
  GPtrArray *copy = images_new ();
  for (guint i = 0; i < images->len; i++)
    g_ptr_array_add (copy, record_image_copy (g_ptr_array_index (images, i)));
  return copy;
}

static GPtrArray *
strings_new (void)
{
  return g_ptr_array_new_with_free_func (g_free);
}

static gpointer
copy_string (gconstpointer string, gpointer nothing)
{
  return g_strdup (string);
}

Record *
record_new (void)
{
  Record *record = g_new0 (Record, 1);
  record->refs = 1;
  record->images = images_new ();
  record->left_out = strings_new ();
  return record;
}

void
record_set_images (Record *record, const Record *from)
{
  g_ptr_array_unref (record->images);
  g_ptr_array_unref (record->left_out);
  g_free (record->compression);
  g_free (record->quiesced);
  record->images = images_copy (from->images);
  record->left_out = g_ptr_array_copy (from->left_out, copy_string, NULL);
  g_ptr_array_set_free_func (record->left_out, g_free);
  record->compression = g_strdup (from->compression);
  record->quiesced = g_strdup (from->quiesced);
}

const RecordImage *
record_find_image (const Record *record, const char *target)
{
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    if (g_str_equal (image->target, target))
      return image;
  }
  return NULL;
}

static void
no_longer_left_out (Record *record, const char *target)
{
  guint at;
  if (g_ptr_array_find_with_equal_func (record->left_out, target, g_str_equal, &at))
    g_ptr_array_remove_index (record->left_out, at);
}

void
record_take_images (Record *record, const Record *from)
{
  g_autoptr (GPtrArray) own = g_ptr_array_ref (record->images);
  record_set_images (record, from);
  for (guint i = 0; i < own->len; i++) {
    const RecordImage *image = g_ptr_array_index (own, i);
    if (record_find_image (record, image->target))
      continue;
    g_ptr_array_add (record->images, record_image_copy (image));
    no_longer_left_out (record, image->target);
    g_clear_pointer (&record->quiesced, g_free); /* it is of two moments now */
  }
}

Record *
record_copy (const Record *record)
{
  Record *copy = record_new ();
  copy->uuid = g_strdup (record->uuid);
  copy->name = g_strdup (record->name);
  copy->parent = g_strdup (record->parent);
  copy->disk = g_strdup (record->disk);
  copy->after = g_strdup (record->after);
  copy->description = g_strdup (record->description);
  copy->state = g_strdup (record->state);
  copy->domain_xml = g_strdup (record->domain_xml);
  copy->created = record->created;
  copy->taken = record->taken;
  copy->changed = record->changed;
  record_set_images (copy, record);
  copy->kept_xml = g_strdup (record->kept_xml);
  copy->internal = record->internal;
  copy->held = record->held;
  copy->problem = g_strdup (record->problem);
  return copy;
}

Record *
record_ref (Record *record)
{
  g_atomic_int_inc (&record->refs);
  return record;
}

void
record_unref (Record *record)
{
  if (!g_atomic_int_dec_and_test (&record->refs))
    return;
  g_free (record->uuid);
  g_free (record->name);
  g_free (record->parent);
  g_free (record->disk);
  g_free (record->after);
  g_free (record->description);
  g_free (record->state);
  g_free (record->domain_xml);
  g_free (record->problem);
  g_free (record->compression);
  g_free (record->quiesced);
  g_free (record->kept_xml);
  g_free (record->shown_under);
  snapshot_unref (record->shown);
  g_ptr_array_unref (record->images);
  g_ptr_array_unref (record->left_out);
  g_free (record);
}

Records *
records_new (const char *uuid, const char *name)
{
  Records *records = g_new0 (Records, 1);
  records->uuid = g_strdup (uuid);
  records->name = g_strdup (name);
  records->unnamed = images_new ();
  records->kept = images_new ();
  records->methods = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  records->records =
      g_hash_table_new_full (id_hash, g_str_equal, NULL, (GDestroyNotify)record_unref);
  return records;
}

void
records_put (Records *records, Record *record)
{
  g_hash_table_replace (records->records, record->uuid, record_ref (record));
}

const char *
records_method (const Records *records, const char *target)
{
  return g_hash_table_lookup (records->methods, target);
}

void
records_set_method (Records *records, const char *target, const char *word)
{
  if (word)
    g_hash_table_replace (records->methods, g_strdup (target), g_strdup (word));
  else
    g_hash_table_remove (records->methods, target);
}

static void
copy_methods (Records *records, const Records *from)
{
  GHashTableIter iter;
  gpointer target, word;
  g_hash_table_iter_init (&iter, from->methods);
  while (g_hash_table_iter_next (&iter, &target, &word))
    records_set_method (records, target, word);
}

static void
add_images (GHashTable *images, const GPtrArray *from)
{
  for (guint i = 0; i < from->len; i++)
    g_hash_table_add (images, ((RecordImage *)g_ptr_array_index (from, i))->image);
}

void
records_check_unnamed (Records *records)
{
  if (records->unnamed->len == 0)
    return;
  g_autoptr (GHashTable) images = g_hash_table_new (id_hash, g_str_equal);
  GHashTableIter iter;
  gpointer record;
  g_hash_table_iter_init (&iter, records->records);
  while (g_hash_table_iter_next (&iter, NULL, &record))
    add_images (images, ((const Record *)record)->images);
  add_images (images, records->kept);
  for (guint i = 0; i < records->unnamed->len;) {
    RecordImage *image = g_ptr_array_index (records->unnamed, i);
    if (g_hash_table_contains (images, image->image)) {
      g_ptr_array_remove_index (records->unnamed, i);
      continue;
    }
    g_hash_table_add (images, image->image);
    i++;
  }
}

gboolean
record_images_have (const GPtrArray *images, const char *file)
{
  for (guint i = 0; i < images->len; i++) {
    const RecordImage *image = g_ptr_array_index (images, i);
    g_autofree char *name = record_image_file (image);
    if (!record_image_is_elsewhere (image) && g_str_equal (name, file))
      return TRUE;
  }
  return FALSE;
}

static gboolean
images_have_uuid (const GPtrArray *images, const char *uuid)
{
  for (guint i = 0; i < images->len; i++)
    if (g_str_equal (((const RecordImage *)g_ptr_array_index (images, i))->image, uuid))
      return TRUE;
  return FALSE;
}

static gboolean
any_record (const Records *records, gboolean (*have) (const GPtrArray *images, const char *what),
            const char *what)
{
  GHashTableIter iter;
  gpointer record;
  g_hash_table_iter_init (&iter, records->records);
  while (g_hash_table_iter_next (&iter, NULL, &record))
    if (have (((const Record *)record)->images, what))
      return TRUE;
  return FALSE;
}

gboolean
records_name_image (const Records *records, const char *file)
{
  return any_record (records, record_images_have, file);
}

gboolean
records_name_uuid (const Records *records, const char *image)
{
  return any_record (records, images_have_uuid, image);
}

gboolean
records_know_image (const Records *records, const char *file)
{
  return records_name_image (records, file) || record_images_have (records->unnamed, file) ||
         record_images_have (records->kept, file);
}

const Record *
records_find_damaged (const Records *records)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, records->records);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((const Record *)value)->problem)
      return value;
  return NULL;
}

Records *
records_copy (const Records *records)
{
  Records *copy = records_new (records->uuid, records->name);
  GHashTableIter iter;
  gpointer record;
  g_hash_table_iter_init (&iter, records->records);
  while (g_hash_table_iter_next (&iter, NULL, &record))
    records_put (copy, record);
  g_ptr_array_unref (copy->unnamed);
  g_ptr_array_unref (copy->kept);
  copy->unnamed = images_copy (records->unnamed);
  copy->kept = images_copy (records->kept);
  copy_methods (copy, records);
  copy->current = g_strdup (records->current);
  copy->has_head = records->has_head;
  copy->problem = g_strdup (records->problem);
  copy->untidy = g_strdup (records->untidy);
  return copy;
}

void
records_free (Records *records)
{
  if (!records)
    return;
  g_free (records->uuid);
  g_free (records->name);
  g_free (records->current);
  g_free (records->problem);
  g_free (records->untidy);
  g_ptr_array_unref (records->unnamed);
  g_ptr_array_unref (records->kept);
  g_hash_table_unref (records->methods);
  g_hash_table_unref (records->records);
  g_free (records);
}
