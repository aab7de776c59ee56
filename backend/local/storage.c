/* What every storage that is not ours is asked, and how far its answers are believed: not at all
 * where they can be looked at.  Only the bytes are believed. */
#include "storage.h"
#include "../qcow2/header.h"
#include "copy-back.h"
#include "dataset.h"
#include "device.h"
#include "fd.h"
#include "frozen.h"
#include "volume.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_PATIENCE (5 * G_USEC_PER_SEC) /* what was killed needs a moment to be gone */
#define LOCK_PAUSE 10000                   /* microseconds */

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
  return device_size (fd, size, error);
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
  return disk < 0 || fstat (disk, &active) < 0 || !device_same (&kept, &active) ||
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

int
storage_lock (const char *whose, int records, GError **error)
{
  autofd lock = openat (records, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gint64 until = g_get_monotonic_time () + LOCK_PATIENCE;
  while (lock < 0 || flock (lock, LOCK_EX | LOCK_NB) < 0) {
    if (lock < 0 || errno != EWOULDBLOCK) {
      fail_errno (error, "locking the records");
      return -1;
    }
    if (g_get_monotonic_time () >= until) {
      fail (error, BACKEND_ERROR_BUSY, "%s has left a process that has not ended", whose);
      return -1;
    }
    g_usleep (LOCK_PAUSE);
  }
  return fd_steal (&lock);
}

/* -------------------------------------------------------------------- bringing back */

/* @held keeps machines from what it is open on, and from nothing else. */
static int
open_held (const Places *places, const StorageImage *image, int held, GError **error)
{
  struct stat locked, found;
  autofd disk = places_open_path (places, image->disk, O_RDWR | O_NOFOLLOW, error);
  if (disk < 0)
    return -1;
  if (held >= 0 && fstat (held, &locked) == 0 && fstat (disk, &found) == 0 &&
      device_same (&locked, &found) && storage_check (disk, image, error))
    return fd_steal (&disk);
  if (error && !*error)
    fail (error, BACKEND_ERROR_FAILED, "%s was replaced meanwhile", image->disk);
  return -1;
}

StorageEnd
storage_copy_back (const Storage *storage, const Places *places, const StorageImage *image,
                   int held, Job *job, GError **error)
{
  g_autofree char *path = NULL;
  gboolean touched = FALSE;
  autofd from = storage_open (storage, places, image, NULL, &path, error);
  autofd to = from < 0 ? -1 : open_held (places, image, held, error);
  if (to < 0)
    return STORAGE_REFUSED;
  if (copy_back (from, to, image->size, job, &touched, error))
    return STORAGE_DONE;
  fail_in (error, "%s", image->disk);
  return touched ? STORAGE_UNKNOWN : STORAGE_REFUSED;
}

/* -------------------------------------------------------------------- which one */

const char *
storage_usual (int fd)
{
  return volume_is_logical (fd) ? "lvm" : dataset_is_there (fd) ? "zfs" : NULL;
}
