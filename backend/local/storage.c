/* What every storage that is not ours is asked, and how far its answers are believed: not at all
 * where they can be looked at.  Only the bytes are believed. */
#include "storage.h"
#include "../qcow2/header.h"
#include "fd.h"
#include "frozen.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static gboolean
check_header (int fd, const StorageImage *image, GError **error)
{
  g_autoptr (Qcow2Header) header = image->raw ? NULL : qcow2_header_read (fd, error);
  if (image->raw)
    return TRUE;
  if (!header)
    return FALSE;
  return (qcow2_header_is_plain (header) && !header->backing) ||
         fail (error, BACKEND_ERROR_DAMAGED,
               "it is read through other files, which nobody keeps for it");
}

static gboolean
size_of (int fd, const StorageImage *image, guint64 *size, GError **error)
{
  struct stat status;
  if (!image->raw || fstat (fd, &status) < 0 || !S_ISBLK (status.st_mode))
    return frozen_size (fd, image->raw, size, error);
  return ioctl (fd, BLKGETSIZE64, size) == 0 || fail_errno (error, "reading its size");
}

gboolean
storage_check (int fd, const StorageImage *image, GError **error)
{
  guint64 size;
  if (!size_of (fd, image, &size, error) || !check_header (fd, image, error))
    return FALSE;
  return size == image->size || fail (error, BACKEND_ERROR_DAMAGED,
                                      "its disk has %" G_GUINT64_FORMAT
                                      " bytes, and that of the snapshot %" G_GUINT64_FORMAT,
                                      size, image->size);
}

/* Whoever writes to the disk would write to its snapshot.  It may be somewhere else by now. */
static gboolean
is_not_the_disk (const Places *places, const StorageImage *image, int fd, GError **error)
{
  struct stat kept, active;
  autofd disk = places_open_path (places, image->disk, O_RDONLY, NULL);
  if (fstat (fd, &kept) < 0)
    return fail_errno (error, "looking at it");
  return disk < 0 || fstat (disk, &active) < 0 || kept.st_dev != active.st_dev ||
         kept.st_ino != active.st_ino ||
         fail (error, BACKEND_ERROR_DAMAGED, "it is the disk itself");
}

int
storage_open (const Storage *storage, const Places *places, const StorageImage *image, Job *job,
              char **path, GError **error)
{
  *path = NULL;
  if (!storage->locate (places, image, job, path, error))
    return -1;
  if (!*path) {
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no snapshot %s of disk %s", storage->name,
          image->image, image->target);
    return -1;
  }
  autofd fd = places_open_path (places, *path, O_RDONLY | O_NOFOLLOW, error);
  if (fd >= 0 && storage_check (fd, image, error) && is_not_the_disk (places, image, fd, error))
    return fd_steal (&fd);
  if (fd >= 0)
    fail_in (error, "%s", *path);
  fail_in (error, "%s says where a snapshot is", storage->name);
  return -1;
}

gboolean
storage_create (const Storage *storage, const Places *places, const StorageImage *image,
                int records, Job *job, char **path, GError **error)
{
  *path = NULL;
  if (storage->create (places, image, records, job, error) != STORAGE_DONE)
    return FALSE;
  autofd fd = storage_open (storage, places, image, job, path, error);
  if (fd >= 0)
    return TRUE;
  if (error && g_error_matches (*error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    (*error)->code = BACKEND_ERROR_FAILED; /* of the domain that is asked for, nothing is missing */
  return fail_in (error, "%s says that a snapshot is made", storage->name);
}

gboolean
storage_remove (const Storage *storage, const Places *places, const StorageImage *image,
                int records, Job *job, GError **error)
{
  g_autofree char *path = NULL;
  if (storage->remove (places, image, records, job, error) != STORAGE_DONE ||
      !storage->locate (places, image, job, &path, error))
    return FALSE;
  return !path ||
         fail (error, BACKEND_ERROR_FAILED,
               "%s says that a snapshot is removed, and that it is at %s", storage->name, path);
}
