/* Snapshots by clones, on any file system that has them (clone.h): a clone of the disk's file is
 * frozen, whatever its format, and the disk stays what it is.  No image comes to depend on another
 * one by it; but a clone of a qcow2 names the backing file that its original names.
 *
 * Bytes of a raw disk are the guest's to choose: nothing here looks at them. */
#include "../qcow2/header.h"
#include "clone.h"
#include "fd.h"
#include "frozen.h"
#include "locks.h"
#include "making.h"
#include "method.h"
#include "moment.h"
#include "prepare.h"
#include <fcntl.h>

static gboolean
check (const Places *places, const LocalDisk *disk, GError **error)
{
  if (disk->device)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s (%s) is a block device, and only files can be cloned", disk->target,
                 disk->file);
  autofd directory = places_open_path (places, disk->directory, O_RDONLY | O_DIRECTORY, error);
  if (directory < 0)
    return FALSE;
  if (clone_is_possible (directory))
    return TRUE;
  if (local_disk_is_raw (disk))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s (%s) is a raw disk, which can only be snapshotted as a clone, and the file "
                 "system of %s has no clones (xfs and btrfs have): qemu-img convert -O qcow2 makes "
                 "it one that can",
                 disk->target, disk->file, disk->directory);
  return fail (error, BACKEND_ERROR_UNSUPPORTED,
               "%s (%s) cannot be cloned: the file system of %s has no clones (xfs and btrfs have)",
               disk->target, disk->file, disk->directory);
}

/* The new file @name gets the bytes of @from.  A machine of the change stands still meanwhile. */
static gboolean
fill (const Change *change, const ChangeDisk *disk, int from, const char *name, GError **error)
{
  autofd writable = openat (disk->directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (writable < 0)
    return fail_errno (error, "%s", name);
  return (change->until > 0 ? clone_file_until (from, writable, change->until, error)
                            : clone_file (from, writable, error)) ||
         fail_in (error, "%s", disk->disk->file);
}

static gboolean
freeze (Change *change, ChangeDisk *disk, Record *record, GError **error)
{
  const char *file = disk->disk->file;
  if (disk->has_snapshots)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s holds snapshots inside, which a clone would hold once more", file);
  g_clear_pointer (&disk->second, g_free); /* it stays the disk's own */
  making_freeze (change, disk, record, &method_btrfs);
  disk->copy = journal_prepared_name ();
  return prepare_file (disk, disk->copy, &disk->copied, error);
}

static gboolean
check_clone (const Change *change, const ChangeDisk *disk, GError **error)
{
  guint64 size;
  gboolean raw = local_disk_is_raw (disk->disk);
  if (!frozen_size (disk->copied, raw, &size, error))
    return FALSE;
  if (size != disk->size)
    return fail (error, BACKEND_ERROR_BUSY, "%s was given another size meanwhile",
                 disk->disk->file);
  return moment_check_header (change, disk, disk->copied, error);
}

static gboolean
take (Change *change, ChangeDisk *disk, GError **error)
{
  return prepare_check (disk, disk->copy, disk->copied, error) &&
         fill (change, disk, disk->active, disk->copy, error) &&
         check_clone (change, disk, error) && prepare_rights (disk, disk->copied, error) &&
         locks_exclude_writers (disk->copied, disk->copy, error);
}

static gboolean
go_on (Change *change, ChangeDisk *disk, const RecordImage *image, GError **error)
{
  return TRUE;
}

static gboolean
check_frozen (int fd, const RecordImage *image, GError **error)
{
  guint64 size;
  if (!frozen_size (fd, image->raw, &size, error))
    return FALSE;
  return size == image->size || fail (error, BACKEND_ERROR_DAMAGED,
                                      "it is not what was frozen: its disk has %" G_GUINT64_FORMAT
                                      " bytes and had %" G_GUINT64_FORMAT,
                                      size, image->size);
}

static gboolean
bring_back (Change *change, ChangeDisk *disk, const RecordImage *image, GError **error)
{
  g_autofree char *file = record_image_file (image);
  autofd frozen = openat (disk->directory, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (frozen < 0)
    return fail_errno (error, "%s", file);
  if (!check_frozen (frozen, image, error))
    return fail_in (error, "%s", file);
  disk->overlay = journal_prepared_name ();
  disk->prepared_size = image->size;
  return prepare_file (disk, disk->overlay, &disk->prepared, error) &&
         fill (change, disk, frozen, disk->overlay, error);
}

const Method method_btrfs = {
  .name = "btrfs",
  .alias = "reflink",
  .check = check,
  .freeze = freeze,
  .take = take,
  .go_on = go_on,
  .bring_back = bring_back,
};
