/* The picture of a domain: what the directory says, what the records say, and what is inside the
 * images.
 *
 * It is made anew after every change, so what costs something is only done for what is new: a
 * snapshot that equals the one of the picture before is that one, which also tells who watches that
 * it did not change.  The images of such a snapshot are not looked at again: they were sound, and
 * they are frozen.
 *
 * Nothing here is an error: what is wrong is shown. */
#include "picture.h"
#include "../xml.h"
#include "describe.h"
#include "elsewhere.h"
#include "fd.h"
#include "frozen.h"
#include "internal.h"
#include "live.h"
#include "locks.h"
#include "method.h"
#include "stored.h"
#include <fcntl.h>
#include <string.h>

#define EVERYTHING                                                                                 \
  (CAN_CREATE | CAN_DISCARD | CAN_REVERT | CAN_DESCRIBE | CAN_RENAME | CAN_MERGE_PARENT |          \
   CAN_MERGE_CHILDREN | CAN_REDEFINE | CAN_CURRENT | CAN_NO_CURRENT | CAN_HOLD | CAN_PARENT |      \
   CAN_COPY | CAN_SAVE | CAN_COMPRESS | CAN_FORGET | CAN_METHOD | CAN_DISK)
/* What there must be data for. */
#define ON_DATA (CAN_REVERT | CAN_MERGE_PARENT | CAN_COPY | CAN_SAVE)
/* With the snapshot of one disk. */
#define ON_DISK (CAN_DISCARD | CAN_RENAME | CAN_HOLD)
#define MARK_LENGTH 8

typedef struct {
  const Places *places;
  const LocalDomain *found;
  const Records *records; /* NULL: none */
  const Domain *before;   /* NULL: none */
  Domain *domain;         /* being made */
  GHashTable *internals;  /* id -> Snapshot */
} Build;

/* ---- snapshots ---- */

/* libvirt's <disk> names the file that an external snapshot is overlaid with: the active one. */
static Disk *
active_disk (const Build *build, const Disk *disk)
{
  const LocalDisk *active = local_domain_disk (build->found, disk->target);
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
whole_domain (const Build *build, const Snapshot *snapshot)
{
  g_autofree char *directory =
      g_build_filename (places_store_path (build->places), build->found->name, NULL);
  char *xml = snapshot->domain_xml ? xml_domain_absolute (snapshot->domain_xml, directory) : NULL;
  return xml ? text_take_string (xml) : NULL;
}

/* The document describes the snapshot even where XML cannot carry its description.  NULL: it cannot
 * carry the name, and another one would be a lie. */
static Text *
snapshot_xml (const Build *build, const Snapshot *snapshot, const char *parent)
{
  g_autofree char *description =
      snapshot->description ? describe_xml_text (snapshot->description) : NULL;
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (disk_release);
  Snapshot shown = *snapshot;
  for (guint i = 0; i < snapshot->disks->len; i++)
    g_ptr_array_add (disks, active_disk (build, g_ptr_array_index (snapshot->disks, i)));
  shown.domain_xml = whole_domain (build, snapshot);
  shown.description = description;
  shown.disks = disks;
  char *xml = xml_domainsnapshot (&shown, parent, build->domain->uuid, NULL);
  if (!xml && shown.domain_xml) { /* the record holds a description that is none */
    g_clear_pointer (&shown.domain_xml, text_unref);
    xml = xml_domainsnapshot (&shown, parent, build->domain->uuid, NULL);
  }
  text_unref (shown.domain_xml);
  return xml ? text_take_string (xml) : NULL;
}

/* NULL: no parent, or none that is there. */
static const char *
parent_name (const Build *build, const char *parent)
{
  if (!parent)
    return NULL;
  const Record *record = g_hash_table_lookup (build->records->records, parent);
  const Snapshot *internal = record ? NULL : g_hash_table_lookup (build->internals, parent);
  return record ? record->name : internal ? internal->name : NULL;
}

/* What the picture before made of @record, which never changes; NULL: something else, as its parent
 * had another name, or nothing. */
static Snapshot *
find_same (const Build *build, const Record *record)
{
  gboolean same =
      record->shown && g_strcmp0 (record->shown_under, parent_name (build, record->parent)) == 0;
  return same ? record->shown : NULL;
}

static gboolean
look_at_frozen (const Build *build, const RecordImage *image, GError **error)
{
  guint64 size;
  if (record_image_is_elsewhere (image)) /* only a child process could tell */
    return TRUE;
  g_autofree char *path = frozen_path (build->places, image);
  autofd fd = places_open_path (build->places, path, O_RDONLY | O_NOFOLLOW, error);
  if (fd < 0 || !frozen_size (fd, image->raw, &size, error))
    return FALSE;
  return !image->raw || size == image->size ||
         fail (error, BACKEND_ERROR_DAMAGED, "it has not the size that was frozen");
}

/* What is wrong with the images of @record; NULL: nothing.  Free with g_free. */
static char *
images_problem (const Build *build, const Record *record)
{
  char *problem = NULL;
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    g_autoptr (GError) error = NULL;
    if (!look_at_frozen (build, image, &error))
      describe_problem (&problem, "its image of disk %s: %s", image->target, error->message);
  }
  return problem;
}

/* 0: that is not known.  To look into a snapshot of ZFS's would mount it, and each picture asks for
 * all of them; a volume has no holes that could be asked for. */
static guint64
stored_for (const Build *build, const RecordImage *image, const char *path)
{
  gboolean asks = !record_image_is_elsewhere (image) || image->method == &method_exec;
  return asks ? stored_bytes (build->places, path, image->raw) : 0;
}

static void
add_frozen_disks (const Build *build, Snapshot *snapshot, const Record *record)
{
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    g_autofree char *path = record_image_is_elsewhere (image)
                                ? elsewhere_path (build->places, image)
                                : frozen_path (build->places, image);
    g_autofree char *xml =
        xml_frozen_disk (image->target, image->raw ? "raw" : "qcow2", path, NULL);
    Disk *disk = disk_new (image->target, image->size, xml);
    disk->allocated = stored_for (build, image, path);
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
snapshot_from_record (const Build *build, const Record *record, const char *problem)
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
  add_frozen_disks (build, snapshot, record);
  if (record->disk)
    stand_alone (snapshot, record);
  else if (!record->problem)
    snapshot->xml = snapshot_xml (build, snapshot, parent_name (build, record->parent));
  return snapshot;
}

static Snapshot *
show_record (const Build *build, Record *record, const char *problem)
{
  const Snapshot *before = build->before ? domain_snapshot (build->before, record->uuid) : NULL;
  Snapshot *snapshot = snapshot_from_record (build, record, problem);
  snapshot_note_change (snapshot, before);
  snapshot_unref (record->shown);
  g_free (record->shown_under);
  record->shown = snapshot;
  record->shown_under = g_strdup (parent_name (build, record->parent));
  return snapshot_ref (record->shown);
}

static Snapshot *
picture_record (const Build *build, Record *record)
{
  Snapshot *same = find_same (build, record);
  if (same && !same->problem && !record->problem)
    return snapshot_ref (same);
  g_autofree char *problem =
      record->problem ? g_strdup (record->problem) : images_problem (build, record);
  if (same && g_strcmp0 (same->problem, problem) == 0)
    return snapshot_ref (same);
  return show_record (build, record, problem);
}

static void
add_records (Build *build, GPtrArray *snapshots)
{
  g_autoptr (GPtrArray) sorted = frozen_by_age (build->records);
  for (guint i = 0; i < sorted->len; i++) {
    Record *next = g_ptr_array_index (sorted, i);
    if (next->problem)
      describe_problem (&build->domain->problem, "the record of the snapshot %s is damaged",
                        next->uuid);
    g_ptr_array_add (snapshots, picture_record (build, next));
  }
}

/* ---- snapshots inside images ---- */

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

/* @snapshot with its document, or the same one from the picture before. */
static Snapshot *
picture_internal (const Build *build, Snapshot *snapshot)
{
  const Snapshot *same = build->before ? domain_snapshot (build->before, snapshot->id) : NULL;
  if (same && same->created == snapshot->created &&
      same->created_nanoseconds == snapshot->created_nanoseconds && same->can == snapshot->can &&
      strcmp (same->state, snapshot->state) == 0 && disks_equal (same->disks, snapshot->disks))
    return snapshot_ref ((Snapshot *)same);
  snapshot->xml = snapshot_xml (build, snapshot, NULL);
  return snapshot_ref (snapshot);
}

static GPtrArray *
picture_internals (Build *build)
{
  g_autoptr (GPtrArray) listed = internal_list (build->places, build->found, build->records);
  GPtrArray *internals = g_ptr_array_sized_new (listed->len);
  for (guint i = 0; i < listed->len; i++) {
    Snapshot *snapshot = picture_internal (build, g_ptr_array_index (listed, i));
    g_ptr_array_add (internals, snapshot);
    g_hash_table_insert (build->internals, snapshot->id, snapshot);
  }
  return internals;
}

/* ---- the whole ---- */

static void
snapshot_release (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static GPtrArray *
picture_snapshots (Build *build)
{
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (snapshot_release);
  g_autoptr (GPtrArray) internals = picture_internals (build);
  if (build->records)
    add_records (build, snapshots);
  for (guint i = 0; i < internals->len; i++)
    g_ptr_array_add (snapshots, g_ptr_array_index (internals, i));
  return snapshots;
}

Domain *
picture_build (const Places *places, const LocalDomain *found, const Records *records,
               Domain *before, const char *frozen)
{
  g_autoptr (GHashTable) internals = g_hash_table_new (g_str_hash, g_str_equal);
  Domain *domain = domain_new (found->name, found->uuid);
  Build build = { places, found, records, before, domain, internals };
  domain->can = EVERYTHING;
  domain->changed = found->changed;
  domain->xml = found->xml ? text_from_string (found->xml) : NULL;
  domain->current = records ? g_strdup (records->current) : NULL;
  if (found->problem)
    describe_problem (&domain->problem, "%s", found->problem);
  if (records && records->problem)
    describe_problem (&domain->problem, "%s", records->problem);
  if (records && records->untidy)
    g_ptr_array_add (domain->notes, g_strdup_printf ("untidy: %s", records->untidy));
  if (frozen)
    g_ptr_array_add (domain->notes, g_strdup_printf ("frozen: %s", frozen));
  live_disks_add (places, found, records, domain);
  domain_seal (domain, picture_snapshots (&build));
  return domain;
}

char *
picture_run_state (const Places *places, const LocalDomain *domain, GError **error)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    g_autofree char *path = local_disk_path (g_ptr_array_index (domain->disks, i));
    g_autoptr (GError) wrong = NULL;
    autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, &wrong);
    if (fd >= 0 && locks_writer_lives (fd))
      return g_strdup ("running");
    if (fd < 0 && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND)) {
      g_propagate_error (error, g_steal_pointer (&wrong));
      return NULL;
    }
  }
  return g_strdup ("shutoff");
}

gboolean
picture_is_off (const Places *places, const LocalDomain *domain)
{
  g_autofree char *state = domain ? picture_run_state (places, domain, NULL) : NULL;
  return !domain || g_strcmp0 (state, "shutoff") == 0;
}
