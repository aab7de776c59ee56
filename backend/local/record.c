/* A record in memory, and its images: making, copying and freeing them.  Nothing here locks; a
 * record never changes once somebody else can see it. */
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

GPtrArray *
record_images_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)record_image_free);
}

GPtrArray *
record_images_copy (const GPtrArray *images)
{
  GPtrArray *copy = record_images_new ();
  for (guint i = 0; i < images->len; i++)
    g_ptr_array_add (copy, record_image_copy (g_ptr_array_index (images, i)));
  return copy;
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

gboolean
record_is_unread (const Record *record)
{
  for (guint i = 0; i < record->images->len; i++) {
    RecordImage *image = g_ptr_array_index (record->images, i);
    if (!image->raw && !g_atomic_int_get (&image->plain))
      return TRUE;
  }
  return FALSE;
}

Record *
record_new (void)
{
  Record *record = g_new0 (Record, 1);
  record->refs = 1;
  record->images = record_images_new ();
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
  record->images = record_images_copy (from->images);
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
