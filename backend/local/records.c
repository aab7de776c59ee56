/* Records on disk: what is known of a snapshot that its image does not say.
 *
 *   .vmsnapfs/DOMAIN-UUID/s-SNAPSHOT-UUID   one snapshot
 *   .vmsnapfs/DOMAIN-UUID/head              the current one, the images without a name, and how
 *                                           the disks are snapshotted
 *
 * Nothing here commits anything: that is commit.c.  A damaged record hides only itself. */
#include "records.h"
#include "../xml.h"
#include "file-names.h"
#include "listing.h"
#include "method.h"
#include "sealed.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SNAPSHOT_PREFIX "s-"
#define FORMAT_RAW "raw" /* of an image; without one it is qcow2, as all were once */

char *
records_file (const char *uuid)
{
  return g_strconcat (SNAPSHOT_PREFIX, uuid, NULL);
}

gboolean
records_is_left_over (const char *file)
{
  return g_str_has_suffix (file, PREPARED_SUFFIX) || g_str_has_suffix (file, UNFINISHED_SUFFIX);
}

/* -------------------------------------------------------------------- writing */

JsonObject *
record_image_to_object (const RecordImage *image)
{
  JsonObject *object = json_object_new ();
  sealed_set_string (object, "target", image->target);
  sealed_set_string (object, "image", image->image);
  sealed_set_string (object, "directory", image->directory);
  json_object_set_int_member (object, "size", (gint64)image->size);
  sealed_set_string (object, "disk", image->disk);
  sealed_set_string (object, "located", image->located);
  sealed_set_string (object, "format", image->raw ? FORMAT_RAW : NULL);
  sealed_set_string (object, "method", image->method == &method_qemu ? NULL : image->method->name);
  return object;
}

static void
put_images (JsonObject *object, const char *member, const GPtrArray *images)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < images->len; i++)
    json_array_add_object_element (array, record_image_to_object (g_ptr_array_index (images, i)));
  json_object_set_array_member (object, member, array);
}

static void
put_methods (JsonObject *object, const Records *records)
{
  JsonArray *array = json_array_new ();
  GHashTableIter iter;
  gpointer target, word;
  g_hash_table_iter_init (&iter, records->methods);
  while (g_hash_table_iter_next (&iter, &target, &word)) {
    JsonObject *entry = json_object_new ();
    sealed_set_string (entry, "target", target);
    sealed_set_string (entry, "method", word);
    json_array_add_object_element (array, entry);
  }
  json_object_set_array_member (object, "methods", array);
}

static void
put_strings (JsonObject *object, const char *member, const GPtrArray *strings)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < strings->len; i++)
    sealed_add_string (array, g_ptr_array_index (strings, i));
  json_object_set_array_member (object, member, array);
}

static gboolean
write_object (int fd, const char *file, const char *suffix, guint version, JsonObject *object,
              GError **error)
{
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  g_autofree char *name = g_strconcat (file, suffix, NULL);
  return sealed_write_as (fd, name, version, root, error);
}

gboolean
records_write_snapshot (int fd, const Record *record, const char *suffix, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  sealed_set_string (object, "uuid", record->uuid);
  sealed_set_string (object, "name", record->name);
  sealed_set_string (object, "parent", record->parent);
  sealed_set_string (object, "disk", record->disk);
  sealed_set_string (object, "after", record->after);
  sealed_set_string (object, "description", record->description);
  sealed_set_string (object, "state", record->state);
  json_object_set_int_member (object, "created", record->created);
  json_object_set_int_member (object, "taken", record->taken);
  json_object_set_int_member (object, "changed", record->changed);
  put_images (object, "disks", record->images);
  put_strings (object, "left-out", record->left_out);
  sealed_set_string (object, "compression", record->compression);
  sealed_set_string (object, "quiesced", record->quiesced);
  sealed_set_string (object, "kept", record->kept_xml);
  json_object_set_boolean_member (object, "internal", record->internal);
  json_object_set_boolean_member (object, "held", record->held);
  sealed_set_string (object, "domain", record->domain_xml);
  g_autofree char *file = records_file (record->uuid);
  guint version = record->disk ? SEALED_OF_DISK : SEALED_FIRST;
  return write_object (fd, file, suffix, version, object, error);
}

gboolean
records_write_head (int fd, const Records *records, const char *suffix, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  sealed_set_string (object, "uuid", records->uuid);
  sealed_set_string (object, "name", records->name);
  sealed_set_string (object, "current", records->current);
  put_images (object, "unnamed", records->unnamed);
  put_images (object, "kept", records->kept);
  put_methods (object, records);
  return write_object (fd, RECORDS_HEAD, suffix, SEALED_FIRST, object, error);
}

/* -------------------------------------------------------------------- reading */

/* How it was frozen and what it is; FALSE: that is not known here. */
static gboolean
get_method (JsonObject *object, RecordImage *image)
{
  g_autofree char *method = sealed_string (object, "method");
  g_autofree char *format = sealed_string (object, "format");
  image->raw = format != NULL;
  image->method = method ? method_of_record (method) : &method_qemu;
  if (!image->method || (format && !g_str_equal (format, FORMAT_RAW)))
    return FALSE;
  image->plain = record_image_is_elsewhere (image);
  return !record_image_is_elsewhere (image) || image->disk;
}

RecordImage *
record_image_from_object (JsonObject *object)
{
  RecordImage *image = g_new0 (RecordImage, 1);
  image->target = sealed_string (object, "target");
  image->image = sealed_string (object, "image");
  image->directory = sealed_string (object, "directory");
  image->disk = sealed_string (object, "disk");
  image->located = sealed_string (object, "located");
  image->size = (guint64)sealed_number (object, "size");
  if (get_method (object, image) && image->target && image->directory && image->image &&
      g_uuid_string_is_valid (image->image))
    return image;
  record_image_free (image);
  return NULL;
}

static gboolean
get_images (JsonObject *object, const char *member, GPtrArray *images)
{
  JsonObject *entry;
  for (guint i = 0; (entry = sealed_element (object, member, i)); i++) {
    RecordImage *image = record_image_from_object (entry);
    if (!image)
      return FALSE;
    g_ptr_array_add (images, image);
  }
  return TRUE;
}

static void
get_methods (JsonObject *object, Records *records)
{
  JsonObject *entry;
  for (guint i = 0; (entry = sealed_element (object, "methods", i)); i++) {
    g_autofree char *target = sealed_string (entry, "target");
    g_autofree char *word = sealed_string (entry, "method");
    if (target && word)
      records_set_method (records, target, word);
  }
}

static void
get_strings (JsonObject *object, const char *member, GPtrArray *strings)
{
  char *string;
  for (guint i = 0; (string = sealed_element_string (object, member, i)); i++)
    g_ptr_array_add (strings, string);
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

/* One of a single disk is of that and nothing else; and a directory is called by it, beside the
 * files of others. */
static gboolean
is_of_its_disk (const Record *record)
{
  return !record->disk || (!record->parent && xml_is_target (record->disk) &&
                           record->images->len == 1 && record_find_image (record, record->disk));
}

static Record *
record_from_object (JsonObject *object, const char *uuid)
{
  g_autoptr (Record) record = record_new ();
  record->uuid = g_strdup (uuid);
  record->name = sealed_string (object, "name");
  record->parent = sealed_string (object, "parent");
  record->disk = sealed_string (object, "disk");
  record->after = sealed_string (object, "after");
  record->description = sealed_string (object, "description");
  record->state = sealed_string (object, "state");
  record->domain_xml = sealed_string (object, "domain");
  record->created = sealed_number (object, "created");
  record->taken = sealed_number (object, "taken");
  record->changed = sealed_number (object, "changed");
  record->compression = sealed_string (object, "compression");
  record->quiesced = sealed_string (object, "quiesced");
  record->kept_xml = sealed_string (object, "kept");
  record->internal = sealed_flag (object, "internal");
  record->held = sealed_flag (object, "held");
  get_strings (object, "left-out", record->left_out);
  g_autofree char *own = sealed_string (object, "uuid");
  gboolean whole = get_images (object, "disks", record->images) && record->name && record->state &&
                   is_of_its_disk (record) && g_strcmp0 (own, uuid) == 0;
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
  records->has_head = TRUE;
  records->current = sealed_string (object, "current");
  get_methods (object, records);
  if (!get_images (object, "unnamed", records->unnamed) ||
      !get_images (object, "kept", records->kept))
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
  if (!missing || table_size (records->records) > 0)
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

static gboolean
read_all_records (int fd, Records *records, GError **error)
{
  g_autofree char *what = g_strdup_printf ("the records of %s", records->name);
  g_autoptr (GPtrArray) files = listing_of (fd, what, error);
  for (guint i = 0; files && i < files->len; i++) {
    const char *file = g_ptr_array_index (files, i);
    g_autoptr (Record) record = is_record (file) ? read_record (fd, file, error) : NULL;
    if (is_record (file) && !record)
      return FALSE;
    if (record)
      records_put (records, record);
  }
  return files != NULL;
}

Records *
records_read (int fd, const char *uuid, const char *name, GError **error)
{
  g_autoptr (Records) records = records_new (uuid, name);
  GError *wrong = NULL;
  if (!read_all_records (fd, records, error) ||
      (!read_head (fd, records, &wrong) && !judge_head (records, wrong, error)))
    return NULL;
  return g_steal_pointer (&records);
}
