/* A disk, or a part of it, as raw bytes into a file or a pipe.
 *
 * What is known to be a hole is never read: it is skipped where the target can have holes, and
 * written as zeros where it cannot. */
#include "copy.h"

#include "../backend/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1024 * 1024)

typedef struct {
  int fd;
  gboolean sparse;
  char *buffer; /* of PIECE */
} Copy;

/* Skipping must not uncover what the file had there before. */
static gboolean
can_skip (int fd)
{
  struct stat status;
  int flags = fcntl (fd, F_GETFL);

  return fstat (fd, &status) == 0 && S_ISREG (status.st_mode) && flags >= 0 &&
         (flags & O_APPEND) == 0 && lseek (fd, 0, SEEK_CUR) >= status.st_size;
}

static gboolean
write_piece (Copy *copy, gsize length, GError **error)
{
  for (gsize done = 0; done < length;) {
    gssize wrote = write (copy->fd, copy->buffer + done, length - done);

    if (wrote < 0 && errno != EINTR)
      return fail_errno (error, "standard output");
    if (wrote > 0)
      done += (gsize)wrote;
  }
  return TRUE;
}

static gboolean
copy_data (Copy *copy, DiskReader *reader, guint64 offset, guint64 length, GError **error)
{
  for (guint64 end = offset + length; offset < end;) {
    gsize count = (gsize)MIN (end - offset, PIECE);

    if (!disk_reader_read (reader, copy->buffer, count, offset, TRUE, error) ||
        !write_piece (copy, count, error))
      return FALSE;
    offset += count;
  }
  return TRUE;
}

static gboolean
copy_zeros (Copy *copy, guint64 length, GError **error)
{
  if (copy->sparse)
    return lseek (copy->fd, (off_t)length, SEEK_CUR) >= 0 || fail_errno (error, "standard output");
  memset (copy->buffer, 0, PIECE);
  while (length > 0) {
    gsize count = (gsize)MIN (length, PIECE);

    if (!write_piece (copy, count, error))
      return FALSE;
    length -= count;
  }
  return TRUE;
}

static gboolean
copy_extents (Copy *copy, DiskReader *reader, guint64 offset, guint64 length, GError **error)
{
  for (guint64 end = offset + length; offset < end;) {
    Extent extent;
    guint64 count;

    if (!disk_reader_extent (reader, offset, TRUE, &extent, error))
      return FALSE;
    count = MIN (extent.length, end - offset);
    if (extent.kind == EXTENT_DATA ? !copy_data (copy, reader, offset, count, error)
                                   : !copy_zeros (copy, count, error))
      return FALSE;
    offset += count;
  }
  /* A hole at the end has to be made. */
  return !copy->sparse || ftruncate (copy->fd, lseek (copy->fd, 0, SEEK_CUR)) == 0 ||
         fail_errno (error, "standard output");
}

gboolean
copy_disk (DiskReader *reader, guint64 offset, guint64 length, int to, GError **error)
{
  g_autofree char *buffer = g_malloc (PIECE);
  Copy copy = { .fd = to, .sparse = can_skip (to), .buffer = buffer };

  return copy_extents (&copy, reader, offset, length, error);
}
