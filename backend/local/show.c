/* Snapshots as a picture shows them.
 *
 * What costs something is only done for what is new: a snapshot that equals the one of the picture
 * before is that one, which also tells who watches that it did not change.  The images of such a
 * snapshot are not looked at again: they were sound, and they are frozen. */
#include "show.h"
#include "../xml.h"
#include "describe.h"
#include "elsewhere.h"
#include "fd.h"
#include "frozen.h"
#include "method.h"
#include "stored.h"
#include <fcntl.h>
#include <string.h>

#define EVERYTHING                                                                                 \
  (CAN_CREATE | CAN_DISCARD | CAN_REVERT | CAN_DESCRIBE | CAN_RENAME | CAN_MERGE_PARENT |          \
   CAN_MERGE_CHILDREN | CAN_REDEFINE | CAN_CURRENT | CAN_NO_CURRENT | CAN_HOLD | CAN_PARENT |      \
   CAN_COPY | CAN_SAVE | CAN_COMPRESS | CAN_FORGET | CAN_METHOD | CAN_DISK)

const BackendCan shown_can = EVERYTHING;

/* What there must be data for. */
#define ON_DATA (CAN_REVERT | CAN_MERGE_PARENT | CAN_COPY | CAN_SAVE)
/* With the snapshot of one disk. */
#define ON_DISK (CAN_DISCARD | CAN_RENAME | CAN_HOLD)
#define MARK_LENGTH 8

/* ---- of records ---- */

/* libvirt's <disk> names the file that an external snapshot is overlaid with: the active one. */
static Disk *
active_disk (const Showing *showing, const Disk *disk)
{
  const LocalDisk *active = local_domain_disk (showing->found, disk->target);
  g_autofree char *path = active ? local_disk_path (active) : NULL;
  g_autofree char *xml = active ? xml_disk (disk->target, active->format, path) : NULL;
  return disk_new (disk->target, disk->size, xml);
}

static void
disk_release (gpointer disk)
{
  disk_free (disk);
}

/* The domain as it was then, with the files of its disks where it was found: libvirt's schema takes
 * no relative ones.  NULL: not kept, or it cannot be read. */
static Text *
whole_domain (const Showing *showing, const Snapshot *snapshot)
{
  g_autofree char *directory =
      g_build_filename (places_store_path (showing->places), showing->found->name, NULL);
  char *xml = snapshot->domain_xml ? xml_domain_absolute (snapshot->domain_xml, directory) : NULL;
  return xml ? text_take_string (xml) : NULL;
}

/* The document describes the snapshot even where XML cannot carry its description.  NULL: it cannot
 * carry the name, and another one would be a lie. */
static Text *
snapshot_xml (const Showing *showing, const Snapshot *snapshot, const char *parent)
{
  g_autofree char *description =
      snapshot->description ? describe_xml_text (snapshot->description) : NULL;
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (disk_release);
  Snapshot shown = *snapshot;
  for (guint i = 0; i < snapshot->disks->len; i++)
    g_ptr_array_add (disks, active_disk (showing, g_ptr_array_index (snapshot->disks, i)));
  shown.domain_xml = whole_domain (showing, snapshot);
  shown.description = description;
  shown.disks = disks;
  char *xml = xml_domainsnapshot (&shown, parent, showing->domain->uuid, NULL);
  if (!xml && shown.domain_xml) { /* the record holds a description that is none */
    g_clear_pointer (&shown.domain_xml, text_unref);
    xml = xml_domainsnapshot (&shown, parent, showing->domain->uuid, NULL);
  }
  text_unref (shown.domain_xml);
  return xml ? text_take_string (xml) : NULL;
}

/* NULL: no parent, or none that is there. */
static const char *
parent_name (const Showing *showing, const char *parent)
{
  if (!parent)
    return NULL;
  const Record *record = records_find (showing->records, parent);
  const Snapshot *internal = record ? NULL : g_hash_table_lookup (showing->internals, parent);
  return record ? record->name : internal ? internal->name : NULL;
}

/* What the picture before made of @record, which never changes; NULL: something else, as its parent
 * had another name, or nothing. */
static Snapshot *
find_same (const Showing *showing, const Record *record)
{
  gboolean same =
      record->shown && g_strcmp0 (record->shown_under, parent_name (showing, record->parent)) == 0;
  return same ? record->shown : NULL;
}

static gboolean
look_at_frozen (const Showing *showing, const RecordImage *image, GError **error)
{
  guint64 size;
  if (record_image_is_elsewhere (image)) /* only a child process could tell */
    return TRUE;
  g_autofree char *path = frozen_path (showing->places, image);
  autofd fd = places_open_path (showing->places, path, O_RDONLY | O_NOFOLLOW, error);
  if (fd < 0 || !frozen_size (fd, image->raw, &size, error))
    return FALSE;
  return !image->raw || size == image->size ||
         fail (error, BACKEND_ERROR_DAMAGED, "it has not the size that was frozen");
}

/* What is wrong with the images of @record; NULL: nothing.  Free with g_free. */
static char *
images_problem (const Showing *showing, const Record *record)
{
  char *problem = NULL;
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    g_autoptr (GError) error = NULL;
    if (!look_at_frozen (showing, image, &error))
      describe_problem (&problem, "its image of disk %s: %s", image->target, error->message);
  }
  return problem;
}

/* 0: that is not known.  To look into a snapshot of ZFS's would mount it, and each picture asks for
 * all of them; a volume has no holes that could be asked for. */
static guint64
stored_for (const Showing *showing, const RecordImage *image, const char *path)
{
  gboolean asks = !record_image_is_elsewhere (image) || image->method == &method_exec;
  return asks ? stored_bytes (showing->places, path, image->raw) : 0;
}

static void
add_frozen_disks (const Showing *showing, Snapshot *snapshot, const Record *record)
{
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    g_autofree char *path = record_image_is_elsewhere (image)
                                ? elsewhere_path (showing->places, image)
                                : frozen_path (showing->places, image);
    g_autofree char *xml =
        xml_frozen_disk (image->target, image->raw ? "raw" : "qcow2", path, NULL);
    Disk *disk = disk_new (image->target, image->size, xml);
    disk->allocated = stored_for (showing, image, path);
    disk->readable = TRUE; /* only plain images are ever frozen */
    disk->method = g_strdup (image->method->name);
    g_ptr_array_add (snapshot->disks, disk);
  }
}

/* What goes on in place of the disk is read through the image. */
static void
stand_alone (Snapshot *snapshot, const Record *record)
{
  const RecordImage *image = record_find_image (record, record->disk);
  snapshot->disk = g_strdup (record->disk);
  snapshot->after = g_strdup (record->after);
  snapshot->replaced = image->method->goes_on != NULL;
  snapshot->can = snapshot->replaced ? ON_DISK | CAN_MERGE_CHILDREN : ON_DISK;
}

static Snapshot *
snapshot_from_record (const Showing *showing, const Record *record, const char *problem)
{
  Snapshot *snapshot = snapshot_new (record->uuid, record->name);
  snapshot->mark = g_strndup (record->uuid, MARK_LENGTH);
  snapshot->parent = g_strdup (record->parent);
  snapshot->created = record->created;
  snapshot->taken = record->taken;
  snapshot->changed = record->changed;
  snapshot->state = g_strdup (record->state);
  snapshot->description = g_strdup (record->description);
  snapshot->problem = g_strdup (problem);
  snapshot->external = !record->internal;
  snapshot->metadata = TRUE;
  snapshot->no_data = !record->problem && record->images->len == 0;
  snapshot->held = record->held;
  snapshot->compression = g_strdup (record->compression);
  snapshot->quiesced = g_strdup (record->quiesced);
  snapshot->kept_xml = record->kept_xml ? text_from_string (record->kept_xml) : NULL;
  snapshot->can = snapshot->no_data ? EVERYTHING & ~ON_DATA : EVERYTHING;
  snapshot->domain_xml = record->domain_xml ? text_from_string (record->domain_xml) : NULL;
  add_frozen_disks (showing, snapshot, record);
  if (record->disk)
    stand_alone (snapshot, record);
  else if (!record->problem)
    snapshot->xml = snapshot_xml (showing, snapshot, parent_name (showing, record->parent));
  return snapshot;
}

static Snapshot *
show_anew (const Showing *showing, Record *record, const char *problem)
{
  const Snapshot *before = showing->before ? domain_snapshot (showing->before, record->uuid) : NULL;
  Snapshot *snapshot = snapshot_from_record (showing, record, problem);
  snapshot_note_change (snapshot, before);
  snapshot_unref (record->shown);
  g_free (record->shown_under);
  record->shown = snapshot;
  record->shown_under = g_strdup (parent_name (showing, record->parent));
  return snapshot_ref (record->shown);
}

Snapshot *
show_record (const Showing *showing, Record *record)
{
  Snapshot *same = find_same (showing, record);
  if (same && !same->problem && !record->problem)
    return snapshot_ref (same);
  g_autofree char *problem =
      record->problem ? g_strdup (record->problem) : images_problem (showing, record);
  if (same && g_strcmp0 (same->problem, problem) == 0)
    return snapshot_ref (same);
  return show_anew (showing, record, problem);
}

/* ---- inside images ---- */

static gboolean
disks_equal (const GPtrArray *some, const GPtrArray *others)
{
  if (some->len != others->len)
    return FALSE;
  for (guint i = 0; i < some->len; i++) {
    const Disk *one = g_ptr_array_index (some, i);
    const Disk *other = g_ptr_array_index (others, i);
    if (one->size != other->size || strcmp (one->target, other->target) != 0 ||
        strcmp (one->xml->data, other->xml->data) != 0)
      return FALSE;
  }
  return TRUE;
}

Snapshot *
show_internal (const Showing *showing, Snapshot *snapshot)
{
  const Snapshot *same = showing->before ? domain_snapshot (showing->before, snapshot->id) : NULL;
  if (same && same->created == snapshot->created &&
      same->created_nanoseconds == snapshot->created_nanoseconds && same->can == snapshot->can &&
      strcmp (same->state, snapshot->state) == 0 && disks_equal (same->disks, snapshot->disks))
    return snapshot_ref ((Snapshot *)same);
  snapshot->xml = snapshot_xml (showing, snapshot, NULL);
  return snapshot_ref (snapshot);
}
