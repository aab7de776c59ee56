/* Comparing two disks and writing where they differ. */
#include "copy-back.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE (1024 * 1024)
#define BLOCK (64 * 1024) /* is written whole: as LVM's and ZFS's own blocks, or larger */

typedef struct {
  int from;
  int to;
  gboolean *touched;
  guint8 *kept; /* PIECE bytes of each */
  guint8 *now;
} Copy;

static gboolean
read_all (int fd, guint8 *to, gsize length, guint64 offset, const char *what, GError **error)
{
  for (gsize done = 0; done < length;) {
    ssize_t got = pread (fd, to + done, length - done, (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_errno (error, "reading the %s", what);
    if (got == 0)
      return fail (error, BACKEND_ERROR_DAMAGED, "the %s ends at byte %" G_GUINT64_FORMAT, what,
                   offset + done);
    done += (gsize)got;
  }
  return TRUE;
}

static gboolean
write_all (int fd, const guint8 *from, gsize length, guint64 offset, GError **error)
{
  for (gsize done = 0; done < length;) {
    ssize_t put = pwrite (fd, from + done, length - done, (off_t)(offset + done));
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return fail_errno (error, "writing the disk");
    done += (gsize)put;
  }
  return TRUE;
}

static gboolean
copy_piece (const Copy *copy, guint64 offset, gsize length, GError **error)
{
  if (!read_all (copy->from, copy->kept, length, offset, "snapshot", error) ||
      !read_all (copy->to, copy->now, length, offset, "disk", error))
    return FALSE;
  for (gsize at = 0; at < length; at += BLOCK) {
    gsize count = MIN (BLOCK, length - at);
    if (memcmp (copy->kept + at, copy->now + at, count) == 0)
      continue;
    *copy->touched = TRUE;
    if (!write_all (copy->to, copy->kept + at, count, offset + at, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
copy_back (int from, int to, guint64 size, Job *job, gboolean *touched, GError **error)
{
  g_autofree guint8 *kept = g_malloc (PIECE), *now = g_malloc (PIECE);
  const Copy copy = { from, to, touched, kept, now };
  *touched = FALSE;
  posix_fadvise (from, 0, 0, POSIX_FADV_SEQUENTIAL);
  posix_fadvise (to, 0, 0, POSIX_FADV_SEQUENTIAL);
  for (guint64 offset = 0; offset < size; offset += PIECE) {
    if (job)
      job_progress (job, offset, size);
    if (!copy_piece (&copy, offset, (gsize)MIN (PIECE, size - offset), error))
      return FALSE;
  }
  return fsync (to) == 0 || fail_errno (error, "writing the disk");
}
