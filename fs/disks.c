/* The rows in `disks`: for each disk its description, its bytes and how it is snapshotted.
 *
 * They are kinds of their own under one name with different suffixes.  A disk as it was is as
 * old as its snapshot, whatever happens to that one's name or description: backup programs take a
 * file whose times changed for another.  A disk as it is is measured each time, and is not there
 * while the machine runs. */
#include "../backend/xml.h"
#include "attr.h"
#include "names.h"
#include "rows.h"

#include <string.h>

static const GPtrArray *
disks_of (const Place *dir)
{
  return dir->snapshot != NULL ? dir->snapshot->disks : dir->domain->disks;
}

/* What asking whether a row is there left to be asked again. */
static gboolean
has_to_wait (const Place *dir)
{
  return !dir->wait->allowed && dir->wait->needed != WAIT_FOR_NOTHING;
}

static void
list_disk (const Place *dir, const NodeKind *kind, const Disk *disk, Listing *listing)
{
  g_auto (Place) place = place_inside (dir, kind);

  place.disk = disk;
  if (row_present (&place) && (kind != &disk_directory_kind || lists_disk_directory (&place))) {
    g_autofree char *file_name = name_of_disk (disk, kind->suffix);

    listing_add (listing, file_name, &place);
  }
}

static gboolean
is_kind_of (const Place *dir, const NodeKind *kind)
{
  for (const NodeKind *const *beside = dir->kind->beside; *beside != NULL; beside++)
    if (*beside == kind)
      return TRUE;
  return FALSE;
}

/* Disks that the machine has no more, and that have snapshots of their own. */
static void
list_gone_disks (const Place *dir, Listing *listing)
{
  const GPtrArray *snapshots = domain_disk_snapshots (dir->domain, NULL);
  const char *last = NULL;

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    const char *target = snapshot_single_disk (snapshot);

    if (g_strcmp0 (target, last) != 0 && place_live_disk (dir->domain, target) == NULL)
      list_disk (dir, &disk_directory_kind, g_ptr_array_index (snapshot->disks, 0), listing);
    last = target;
  }
}

gboolean
list_disks (const Place *dir, Listing *listing, GError **error)
{
  const GPtrArray *disks = disks_of (dir);

  for (guint i = 0; i < disks->len; i++) {
    const Disk *disk = g_ptr_array_index (disks, i);

    list_disk (dir, dir->kind->member, disk, listing);
    for (const NodeKind *const *beside = dir->kind->beside; *beside != NULL; beside++)
      list_disk (dir, *beside, disk, listing);
  }
  if (is_kind_of (dir, &disk_directory_kind))
    list_gone_disks (dir, listing);
  return !has_to_wait (dir);
}

/* The disk whose file of @kind is called @file_name. */
static gboolean
find_of_kind (const Place *dir, const NodeKind *kind, const char *file_name, Place *child)
{
  const GPtrArray *disks = disks_of (dir);

  if (!g_str_has_suffix (file_name, kind->suffix))
    return FALSE;
  *child = place_inside (dir, kind);
  for (guint i = 0; i < disks->len; i++) {
    g_autofree char *called = NULL;

    child->disk = g_ptr_array_index (disks, i);
    called = name_of_disk (child->disk, kind->suffix);
    if (strcmp (called, file_name) == 0 && row_present (child))
      return TRUE;
  }
  place_clear (child);
  return FALSE;
}

static gboolean
find_gone_disk (const Place *dir, const char *file_name, Place *child)
{
  const GPtrArray *snapshots = domain_disk_snapshots (dir->domain, NULL);

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    const Disk *disk = g_ptr_array_index (snapshot->disks, 0);
    g_autofree char *called = name_of_disk (disk, disk_directory_kind.suffix);

    if (strcmp (called, file_name) != 0)
      continue;
    *child = place_inside (dir, &disk_directory_kind);
    child->disk = disk;
    return TRUE;
  }
  return FALSE;
}

gboolean
find_disk_file (const Place *dir, const char *file_name, Place *child, GError **error)
{
  if (find_of_kind (dir, dir->kind->member, file_name, child))
    return TRUE;
  for (const NodeKind *const *beside = dir->kind->beside; *beside != NULL; beside++)
    if (find_of_kind (dir, *beside, file_name, child))
      return TRUE;
  if (is_kind_of (dir, &disk_directory_kind) && find_gone_disk (dir, file_name, child))
    return TRUE;
  if (has_to_wait (dir))
    return FALSE;
  return fail (error, BACKEND_ERROR_NOT_FOUND, "there is no \"%s\" here", file_name);
}

gboolean
has_disk_xml (const Place *place)
{
  return place->disk->xml != NULL;
}

gboolean
is_readable (const Place *place)
{
  return place->disk->readable && !place->snapshot->no_data;
}

/* 0: it is not known. */
static guint64
count_stored (guint64 allocated, guint64 size)
{
  return allocated != 0 ? MIN (allocated, size) : size;
}

/* In nanoseconds.  Other bytes under the name come with another time, which is how backup programs
 * and the page cache notice. */
static gint64
time_of_bytes (const Snapshot *snapshot)
{
  return snapshot->taken > 0 ? snapshot->taken
                             : attr_nanoseconds (snapshot->created) + snapshot->created_nanoseconds;
}

gboolean
measure_frozen (const Place *place, DiskMeasure *measure, GError **error)
{
  const Disk *disk = place->disk;

  *measure = (DiskMeasure){
    .size = disk->size,
    .allocated = count_stored (disk->allocated, disk->size),
    .modified = time_of_bytes (place->snapshot),
  };
  return TRUE;
}

/* It is there unless the machine runs; what else is wrong with it, stat says. */
gboolean
is_at_rest (const Place *place)
{
  g_autoptr (GError) error = NULL;
  DiskMeasure measure;

  if (!place->disk->readable)
    return FALSE;
  if (measure_live (place, &measure, &error))
    return TRUE;
  return error != NULL && !g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY);
}

gboolean
measure_live (const Place *place, DiskMeasure *measure, GError **error)
{
  if (!wait_for (place->wait, WAIT_TO_MEASURE) ||
      !backend_measure_disk (place->mount->backend, place->owner->name, place->disk->target,
                             measure, error))
    return FALSE;
  measure->allocated = count_stored (measure->allocated, measure->size);
  return TRUE;
}

/* ---- how it is snapshotted */

gboolean
has_disk_method (const Place *place)
{
  return place->disk->method != NULL;
}

Text *
show_disk_method (const Place *place, GError **error)
{
  return text_take_string (xml_snapshot_method_element (place->disk->method));
}

/* Only the disk itself may be named as what is to be snapshotted. */
static gboolean
check_device (const Disk *disk, const Text *document, GError **error)
{
  g_autofree char *device = xml_snapshot_device (document);
  g_autofree char *source = xml_disk_source (disk->xml);

  return device == NULL || g_strcmp0 (device, source) == 0 ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "the device %.200s is not the disk %s: what a file system is on is not snapshotted "
               "beneath it",
               device, disk->target);
}

/* The word that was written by itself, or in the element; NULL with INVALID or UNSUPPORTED. */
static char *
written_method (const Disk *disk, char **words, const Text *document, GError **error)
{
  if (document != NULL)
    return check_device (disk, document, error) ? xml_snapshot_method (document, error) : NULL;
  if (g_strv_length (words) == 1)
    return g_strdup (words[0]);
  fail (error, BACKEND_ERROR_INVALID, "a method is one word, or a <diskSnapshot> element");
  return NULL;
}

gboolean
take_disk_method (const Place *place, char **words, const Text *document, Job *job, GError **error)
{
  const Disk *disk = place->disk;
  g_autofree char *method = written_method (disk, words, document, error);

  if (method == NULL)
    return FALSE;
  if (g_strcmp0 (method, disk->method) == 0) /* a backup is copied back */
    return TRUE;
  return backend_set_method (place->mount->backend, place->owner->name, disk->target,
                             g_str_equal (method, "default") ? NULL : method, job, error);
}
