/* The records of one domain in memory, and what is asked of all of them.  Nothing here locks. */
#include "method.h"
#include "records.h"

/* ---- who names which image ---- */

/* Its file; or, where it has none of its own, what the other storage knows it as.  Free with
 * g_free.
 */
static char *
record_image_key (const RecordImage *image)
{
  return record_image_is_elsewhere (image) ? g_strdup (image->image) : record_image_file (image);
}

/* How many records name an image.  Never changed: copies of the table share it. */
typedef struct {
  gint refs; /* atomic */
  char *key;
  guint records;
} Naming;

static gpointer
naming_ref (gpointer data)
{
  Naming *naming = data;
  g_atomic_int_inc (&naming->refs);
  return naming;
}

static void
naming_unref (gpointer data)
{
  Naming *naming = data;
  if (!g_atomic_int_dec_and_test (&naming->refs))
    return;
  g_free (naming->key);
  g_free (naming);
}

/* One more record names @image (@by 1), or one less (-1). */
static void
count_naming (Table *images, const RecordImage *image, int by)
{
  g_autofree char *key = record_image_key (image);
  const Naming *before = table_get (images, key);
  g_assert (before || by > 0); /* a record's images are what they were when it was put */
  guint count = (before ? before->records : 0) + (guint)by;
  if (count == 0) {
    table_remove (images, key);
    return;
  }
  Naming *naming = g_new (Naming, 1);
  *naming = (Naming){ 1, g_steal_pointer (&key), count };
  table_put (images, naming->key, naming);
  naming_unref (naming); /* the table has its own reference */
}

static void
count_namings (Records *records, const Record *record, int by)
{
  for (guint i = 0; i < record->images->len; i++)
    count_naming (records->images, g_ptr_array_index (record->images, i), by);
}

/* ---- records ---- */

static gpointer
ref_record (gpointer record)
{
  return record_ref (record);
}

static void
unref_record (gpointer record)
{
  record_unref (record);
}

static GHashTable *
methods_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

Records *
records_new (const char *uuid, const char *name)
{
  Records *records = g_new0 (Records, 1);
  records->uuid = g_strdup (uuid);
  records->name = g_strdup (name);
  records->unnamed = record_images_new ();
  records->kept = record_images_new ();
  records->methods = methods_new ();
  records->records = table_new (ref_record, unref_record);
  records->unread = table_new (ref_record, unref_record);
  records->images = table_new (naming_ref, naming_unref);
  return records;
}

Record *
records_find (const Records *records, const char *uuid)
{
  return table_get (records->records, uuid);
}

void
records_remove (Records *records, const char *uuid)
{
  const Record *old = records_find (records, uuid);
  if (!old)
    return;
  count_namings (records, old, -1);
  records->damaged -= old->problem != NULL;
  table_remove (records->unread, uuid);
  table_remove (records->records, uuid);
}

void
records_put (Records *records, Record *record)
{
  g_autoptr (Record) kept = record_ref (record); /* it may be the one that is there */
  records_remove (records, record->uuid);
  table_put (records->records, record->uuid, record);
  if (record_is_unread (record))
    table_put (records->unread, record->uuid, record);
  count_namings (records, record, 1);
  records->damaged += record->problem != NULL;
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

void
records_check_unnamed (Records *records)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < records->kept->len; i++)
    g_hash_table_add (seen, record_image_key (g_ptr_array_index (records->kept, i)));
  for (guint i = 0; i < records->unnamed->len;) {
    const RecordImage *image = g_ptr_array_index (records->unnamed, i);
    if (records_name (records, image) || !g_hash_table_add (seen, record_image_key (image)))
      g_ptr_array_remove_index (records->unnamed, i);
    else
      i++;
  }
}

gboolean
records_name (const Records *records, const RecordImage *image)
{
  g_autofree char *key = record_image_key (image);
  return table_get (records->images, key) != NULL;
}

gboolean
records_name_image (const Records *records, const char *file)
{
  return table_get (records->images, file) != NULL;
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
  TableIter iter = { records->records };
  gpointer record;
  while (records->damaged > 0 && table_next (&iter, &record))
    if (((const Record *)record)->problem)
      return record;
  return NULL;
}

static GHashTable *
copy_methods (const Records *records)
{
  GHashTable *methods = methods_new ();
  GHashTableIter iter;
  gpointer target, word;
  g_hash_table_iter_init (&iter, records->methods);
  while (g_hash_table_iter_next (&iter, &target, &word))
    g_hash_table_insert (methods, g_strdup (target), g_strdup (word));
  return methods;
}

/* Without those that were looked into since. */
static Table *
still_unread (const Records *records)
{
  Table *unread = table_copy (records->unread);
  TableIter iter = { records->unread };
  gpointer record;
  while (table_next (&iter, &record))
    if (!record_is_unread (record))
      table_remove (unread, ((const Record *)record)->uuid);
  return unread;
}

Records *
records_copy (const Records *records)
{
  Records *copy = g_new0 (Records, 1);
  copy->uuid = g_strdup (records->uuid);
  copy->name = g_strdup (records->name);
  copy->current = g_strdup (records->current);
  copy->unnamed = record_images_copy (records->unnamed);
  copy->kept = record_images_copy (records->kept);
  copy->methods = copy_methods (records);
  copy->has_head = records->has_head;
  copy->records = table_copy (records->records);
  copy->unread = still_unread (records);
  copy->images = table_copy (records->images);
  copy->damaged = records->damaged;
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
  table_free (records->records);
  table_free (records->unread);
  table_free (records->images);
  g_free (records);
}
