/* Snapshots in storage that is not ours: it makes them while the disk is kept from machines, before
 * the commit, and brings them back after it.  The disk stays what it is. */
#include "../qcow2/header.h"
#include "elsewhere.h"
#include "fd.h"
#include "making.h"
#include "method.h"
#include <fcntl.h>

/* Nobody would know that the file behind it is needed, once the snapshot is elsewhere. */
static gboolean
stands_alone (const Places *places, const LocalDisk *disk, const char *path, GError **error)
{
  if (local_disk_is_raw (disk))
    return TRUE;
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, error);
  g_autoptr (Qcow2Header) header = fd < 0 ? NULL : qcow2_header_read (fd, error);
  if (!header)
    return fail_in (error, "%s", disk->target);
  return !header->backing || fail (error, BACKEND_ERROR_UNSUPPORTED,
                                   "%s (%s) is based on another image, which a snapshot in other "
                                   "storage would be read through",
                                   disk->target, disk->file);
}

static gboolean
check (const Storage *storage, const Places *places, const LocalDisk *disk, GError **error)
{
  g_autofree char *path = local_disk_path (disk);
  return (storage->check (places, path, error) || fail_in (error, "disk %s", disk->target)) &&
         stands_alone (places, disk, path, error);
}

static gboolean
check_exec (const Places *places, const LocalDisk *disk, GError **error)
{
  return check (&storage_hook, places, disk, error);
}

static gboolean
check_lvm (const Places *places, const LocalDisk *disk, GError **error)
{
  return check (&storage_lvm, places, disk, error);
}

static gboolean
check_zfs (const Places *places, const LocalDisk *disk, GError **error)
{
  return check (&storage_zfs, places, disk, error);
}

static gboolean
freeze (Change *change, ChangeDisk *disk, Record *record, GError **error)
{
  g_autofree char *path = local_disk_path (disk->disk);
  if (disk->has_snapshots)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s holds snapshots inside, which its snapshot would hold once more",
                 disk->disk->file);
  making_freeze (change, disk, record, disk->method);
  disk->elsewhere = g_ptr_array_index (record->images, record->images->len - 1);
  disk->elsewhere->disk = places_spell (change->store->places, path);
  change->head = TRUE; /* what makes it will list it there */
  return TRUE;
}

static gboolean
go_on (Change *change, ChangeDisk *disk, const RecordImage *image, GError **error)
{
  return TRUE;
}

/* What is frozen by being renamed cannot be written to as well. */
static gboolean
check_in_place (const ChangeDisk *disk, const RecordImage *image, GError **error)
{
  if (disk->has_snapshots)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s holds snapshots inside, which would be lost: its storage (method %s) writes "
                 "over it",
                 disk->disk->file, image->method->name);
  if (!disk->freeze || disk->elsewhere || disk->copy)
    return TRUE;
  return fail (error, BACKEND_ERROR_UNSUPPORTED,
               "disk %s cannot be saved by %s and brought back by %s in one step: take a snapshot "
               "first",
               disk->disk->target, disk->method->name, image->method->name);
}

/* All that can be known before the commit: that it is there, and is what it was. */
static gboolean
bring_back (Change *change, ChangeDisk *disk, const RecordImage *image, GError **error)
{
  const Places *places = change->store->places;
  g_autofree char *kept = NULL;
  if (!check_in_place (disk, image, error))
    return FALSE;
  autofd fd = elsewhere_open (places, image, &kept, error);
  if (fd < 0)
    return FALSE;
  disk->brought_back = record_image_copy (image);
  return TRUE;
}

const Method method_lvm = {
  .name = "lvm",
  .storage = &storage_lvm,
  .check = check_lvm,
  .freeze = freeze,
  .go_on = go_on,
  .bring_back = bring_back,
};

const Method method_zfs = {
  .name = "zfs",
  .storage = &storage_zfs,
  .check = check_zfs,
  .freeze = freeze,
  .go_on = go_on,
  .bring_back = bring_back,
};

const Method method_exec = {
  .name = "exec",
  .storage = &storage_hook,
  .check = check_exec,
  .freeze = freeze,
  .go_on = go_on,
  .bring_back = bring_back,
};
