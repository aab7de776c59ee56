/* QEMU's image locks.
 *
 * They are open-file-description locks on single bytes of the image (block/file-posix.c,
 * RAW_LOCK_PERM_BASE 100 and RAW_LOCK_SHARED_BASE 200).  They belong to the inode, so they follow
 * links and renames.  Shared locks need only a descriptor for reading. */
#include "locks.h"
#include <errno.h>
#include <fcntl.h>

#define USES_READING 100
#define USES_WRITING 101
#define FORBIDS_WRITING 201
#define FORBIDS_RESIZING 203

static struct flock
byte_lock (short type, off_t byte)
{
  return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
}

static gboolean
byte_is_locked (int fd, off_t byte)
{
  struct flock lock = byte_lock (F_WRLCK, byte);
  return fcntl (fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

gboolean
locks_writer_lives (int fd)
{
  return byte_is_locked (fd, USES_WRITING);
}

gboolean
locks_qemu_reads (int fd)
{
  return byte_is_locked (fd, USES_READING);
}

gboolean
locks_is_in_use (int fd)
{
  return byte_is_locked (fd, USES_WRITING) || byte_is_locked (fd, FORBIDS_WRITING);
}

static gboolean
forbid (int fd, off_t byte, const char *name, GError **error)
{
  struct flock lock = byte_lock (F_RDLCK, byte);
  if (fcntl (fd, F_OFD_SETLK, &lock) == 0)
    return TRUE;
  if (errno == EAGAIN || errno == EACCES)
    return fail (error, BACKEND_ERROR_BUSY, "%s is in use by another process", name);
  return fail_errno (error, "locking %s", name);
}

gboolean
locks_exclude_writers (int fd, const char *name, GError **error)
{
  /* Forbid first, then look: a QEMU that starts does it in the other order (it announces its
   * use, then looks for who forbids it), so that one of the two always sees the other. */
  if (!forbid (fd, FORBIDS_WRITING, name, error) || !forbid (fd, FORBIDS_RESIZING, name, error))
    return FALSE;
  if (byte_is_locked (fd, USES_WRITING))
    return fail (error, BACKEND_ERROR_BUSY,
                 "%s is in use: switch the machine off, or wait for the program that writes to it",
                 name);
  return TRUE;
}
