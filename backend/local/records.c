/* Records on disk: what is known of a snapshot that its image does not say.
 *
 *   .vmsnapfs/DOMAIN-UUID/s-SNAPSHOT-UUID   one snapshot
 *   .vmsnapfs/DOMAIN-UUID/head              the current one, and the images without a name
 *
 * Nothing here commits anything: that is commit.c.  A damaged record hides only itself. */
#include "records.h"
#include "file-names.h"
#include "sealed.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SNAPSHOT_PREFIX "s-"

char *
record_image_file (const RecordImage *image)
{
  return g_strconcat (IMAGE_PREFIX, image->image, IMAGE_SUFFIX, NULL);
}

RecordImage *
record_image_copy (const RecordImage *image)
{
  RecordImage *copy = g_new0 (RecordImage, 1);
  copy->target = g_strdup (image->target);
  copy->image = g_strdup (image->image);
  copy->directory = g_strdup (image->directory);
  copy->size = image->size;
  return copy;
}

void
record_image_free (RecordImage *image)
{
  g_free (image->target);
  g_free (image->image);
  g_free (image->directory);
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

Record *
record_new (void)
{
  Record *record = g_new0 (Record, 1);
  record->refs = 1;
  record->images = images_new ();
  return record;
}

Record *
record_copy (const Record *record)
{
  Record *copy = g_new0 (Record, 1);
  copy->refs = 1;
  copy->uuid = g_strdup (record->uuid);
  copy->name = g_strdup (record->name);
  copy->parent = g_strdup (record->parent);
  copy->description = g_strdup (record->description);
  copy->state = g_strdup (record->state);
  copy->domain_xml = g_strdup (record->domain_xml);
  copy->created = record->created;
  copy->changed = record->changed;
  copy->images = images_copy (record->images);
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
  g_free (record->description);
  g_free (record->state);
  g_free (record->domain_xml);
  g_free (record->problem);
  g_ptr_array_unref (record->images);
  g_free (record);
}

Records *
records_new (const char *uuid, const char *name)
{
  Records *records = g_new0 (Records, 1);
  records->uuid = g_strdup (uuid);
  records->name = g_strdup (name);
  records->unnamed = images_new ();
  records->records =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)record_unref);
  return records;
}

void
records_put (Records *records, Record *record)
{
  g_hash_table_replace (records->records, record->uuid, record_ref (record));
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
  copy->unnamed = images_copy (records->unnamed);
  copy->current = g_strdup (records->current);
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
  g_hash_table_unref (records->records);
  g_free (records);
}

char *
records_file (const char *uuid)
{
  return g_strconcat (SNAPSHOT_PREFIX, uuid, NULL);
}

/* -------------------------------------------------------------------- writing */

static void
put_images (JsonObject *object, const char *member, const GPtrArray *images)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < images->len; i++) {
    const RecordImage *image = g_ptr_array_index (images, i);
    JsonObject *entry = json_object_new ();
    sealed_set_string (entry, "target", image->target);
    sealed_set_string (entry, "image", image->image);
    sealed_set_string (entry, "directory", image->directory);
    json_object_set_int_member (entry, "size", (gint64)image->size);
    json_array_add_object_element (array, entry);
  }
  json_object_set_array_member (object, member, array);
}

static gboolean
write_object (int fd, const char *file, const char *suffix, JsonObject *object, GError **error)
{
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  g_autofree char *name = g_strconcat (file, suffix, NULL);
  return sealed_write (fd, name, root, error);
}

gboolean
records_write_snapshot (int fd, const Record *record, const char *suffix, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  sealed_set_string (object, "uuid", record->uuid);
  sealed_set_string (object, "name", record->name);
  sealed_set_string (object, "parent", record->parent);
  sealed_set_string (object, "description", record->description);
  sealed_set_string (object, "state", record->state);
  json_object_set_int_member (object, "created", record->created);
  json_object_set_int_member (object, "changed", record->changed);
  put_images (object, "disks", record->images);
  sealed_set_string (object, "domain", record->domain_xml);
  g_autofree char *file = records_file (record->uuid);
  return write_object (fd, file, suffix, object, error);
}

gboolean
records_write_head (int fd, const Records *records, const char *suffix, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  sealed_set_string (object, "uuid", records->uuid);
  sealed_set_string (object, "name", records->name);
  sealed_set_string (object, "current", records->current);
  put_images (object, "unnamed", records->unnamed);
  return write_object (fd, RECORDS_HEAD, suffix, object, error);
}

/* -------------------------------------------------------------------- reading */

static RecordImage *
get_image (JsonObject *object)
{
  RecordImage *image = g_new0 (RecordImage, 1);
  image->target = sealed_string (object, "target");
  image->image = sealed_string (object, "image");
  image->directory = sealed_string (object, "directory");
  image->size = (guint64)sealed_number (object, "size");
  if (image->target && image->directory && image->image && g_uuid_string_is_valid (image->image))
    return image;
  record_image_free (image);
  return NULL;
}

static gboolean
get_images (JsonObject *object, const char *member, GPtrArray *images)
{
  JsonObject *entry;
  for (guint i = 0; (entry = sealed_element (object, member, i)); i++) {
    RecordImage *image = get_image (entry);
    if (!image)
      return FALSE;
    g_ptr_array_add (images, image);
  }
  return TRUE;
}

static Record *
damaged_record (const char *uuid, const char *problem)
{
  Record *record = record_new ();
  record->uuid = g_strdup (uuid);
  record->name = g_strdup (uuid);
  record->problem = g_strdup (problem);
  return record;
}

static Record *
record_from_object (JsonObject *object, const char *uuid)
{
  g_autoptr (Record) record = record_new ();
  record->uuid = g_strdup (uuid);
  record->name = sealed_string (object, "name");
  record->parent = sealed_string (object, "parent");
  record->description = sealed_string (object, "description");
  record->state = sealed_string (object, "state");
  record->domain_xml = sealed_string (object, "domain");
  record->created = sealed_number (object, "created");
  record->changed = sealed_number (object, "changed");
  g_autofree char *own = sealed_string (object, "uuid");
  gboolean whole = get_images (object, "disks", record->images) && record->name && record->state &&
                   g_strcmp0 (own, uuid) == 0;
  return whole ? g_steal_pointer (&record) : damaged_record (uuid, "its record contradicts itself");
}

/* What is damaged is shown as that; what cannot be opened now (no descriptors, say) is an error,
 * for it may be sound. */
static Record *
read_record (int fd, const char *file, GError **error)
{
  const char *uuid = file + strlen (SNAPSHOT_PREFIX);
  g_autoptr (GError) wrong = NULL;
  g_autoptr (JsonObject) object = sealed_read (fd, file, &wrong);
  if (object)
    return record_from_object (object, uuid);
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DAMAGED))
    return damaged_record (uuid, wrong->message);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return NULL;
}

static gboolean
read_head (int fd, Records *records, GError **error)
{
  g_autoptr (JsonObject) object = sealed_read (fd, RECORDS_HEAD, error);
  if (!object)
    return FALSE;
  records->current = sealed_string (object, "current");
  if (!get_images (object, "unnamed", records->unnamed))
    return fail (error, BACKEND_ERROR_DAMAGED, "the record head contradicts itself");
  return TRUE;
}

/* A head is missing where nothing was committed yet: only beside records is that a problem. */
static gboolean
judge_head (Records *records, GError *wrong, GError **error)
{
  gboolean missing = g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND);
  if (!missing && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DAMAGED)) {
    g_propagate_error (error, wrong);
    return FALSE;
  }
  if (!missing || g_hash_table_size (records->records) > 0)
    records->problem = g_strdup (wrong->message);
  g_error_free (wrong);
  return TRUE;
}

static gboolean
is_record (const char *name)
{
  return g_str_has_prefix (name, SNAPSHOT_PREFIX) &&
         g_uuid_string_is_valid (name + strlen (SNAPSHOT_PREFIX));
}

static DIR *
open_directory (int fd)
{
  int copy = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = copy < 0 ? NULL : fdopendir (copy);
  if (!directory && copy >= 0)
    close (copy);
  return directory;
}

static gboolean
read_all_records (DIR *directory, int fd, Records *records, GError **error)
{
  for (struct dirent *entry; errno = 0, (entry = readdir (directory));) {
    if (!is_record (entry->d_name))
      continue;
    g_autoptr (Record) record = read_record (fd, entry->d_name, error);
    if (!record)
      return FALSE;
    records_put (records, record);
  }
  return errno == 0 || fail_errno (error, "reading the records of %s", records->name);
}

Records *
records_read (int fd, const char *uuid, const char *name, GError **error)
{
  g_autoptr (Records) records = records_new (uuid, name);
  DIR *directory = open_directory (fd);
  if (!directory) {
    fail_errno (error, "reading the records of %s", name);
    return NULL;
  }
  gboolean whole = read_all_records (directory, fd, records, error);
  closedir (directory);
  GError *wrong = NULL;
  if (!whole || (!read_head (fd, records, &wrong) && !judge_head (records, wrong, error)))
    return NULL;
  return g_steal_pointer (&records);
}
