/* Parts that several operations are made of: records of the present state, and frozen disks. */
#include "making.h"
#include "internal.h"
#include "method.h"

Record *
making_find_record (const Change *change, const char *id, GError **error)
{
  Record *record = records_find (change->records, id);
  if (record)
    return record;
  if (internal_is_id (id))
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "this snapshot is inside a disk image and has no record that could be changed");
  else
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", change->found->name);
  return NULL;
}

static Record *
new_record (const char *name, const char *description)
{
  Record *record = record_new ();
  record->uuid = g_uuid_string_random ();
  record->name = g_strdup (name);
  record->description = description && *description ? g_strdup (description) : NULL;
  record->state = g_strdup ("shutoff");
  record->created = record->changed = seconds_now ();
  return record;
}

Record *
making_record (const Change *change, const char *name, const char *description, const char *parent)
{
  const char *xml = change->found->xml;
  Record *record = new_record (name, description);
  record->parent = g_strdup (parent);
  record->domain_xml = xml && g_utf8_validate (xml, -1, NULL) ? g_strdup (xml) : NULL;
  return record;
}

Record *
making_disk_record (const Change *change, const char *name, const char *description,
                    const char *target)
{
  Record *record = new_record (name, description);
  record->disk = g_strdup (target);
  record->after = g_strdup (change->records->current);
  return record;
}

/* Where the bytes of @disk are once they are frozen under the uuid that it has. */
static RecordImage *
image_of (const Change *change, const ChangeDisk *disk, const Method *method)
{
  RecordImage *image = g_new0 (RecordImage, 1);
  image->target = g_strdup (disk->disk->target);
  image->image = g_strdup (disk->freeze);
  image->directory = places_spell (change->store->places, disk->disk->directory);
  image->size = disk->size;
  image->raw = local_disk_is_raw (disk->disk);
  image->method = method;
  image->plain = record_image_is_elsewhere (image);
  return image;
}

void
making_freeze (Change *change, ChangeDisk *disk, Record *record, const Method *method)
{
  change_freeze (disk);
  g_ptr_array_add (record->images, image_of (change, disk, method));
}

void
making_keep_internal (Change *change, ChangeDisk *disk)
{
  if (!disk->has_snapshots || disk->freeze)
    return;
  change_freeze (disk);
  g_ptr_array_add (change->records->unnamed, image_of (change, disk, &method_qemu));
}

static void
list_images (Change *change, GPtrArray *list, const Record *record)
{
  for (guint i = 0; i < record->images->len; i++)
    g_ptr_array_add (list, record_image_copy (g_ptr_array_index (record->images, i)));
  change->head = TRUE;
}

void
making_unname (Change *change, const Record *record)
{
  list_images (change, change->records->unnamed, record);
}

void
making_keep (Change *change, const Record *record)
{
  list_images (change, change->records->kept, record);
}

static void
unlist (GPtrArray *list, const RecordImage *image)
{
  for (guint i = list->len; i > 0; i--) {
    const RecordImage *listed = g_ptr_array_index (list, i - 1);
    if (g_str_equal (listed->image, image->image))
      g_ptr_array_remove_index (list, i - 1);
  }
}

void
making_unkeep (Change *change, const Record *record)
{
  for (guint i = 0; i < record->images->len; i++)
    unlist (change->records->kept, g_ptr_array_index (record->images, i));
  change->head = TRUE;
}
