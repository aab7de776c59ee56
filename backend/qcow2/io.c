/* The one place that reads image files.
 *
 * They are read and never mapped: what a guest or another program makes shorter would raise SIGBUS
 * in a mapping, and here is only a short read. */
#include "io.h"
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/* A file system that cannot tell whether it would wait is taken to. */
static gssize
read_once (int fd, void *to, gsize length, guint64 offset, gboolean wait)
{
  struct iovec piece = { to, length };
  gssize got;
  if (wait)
    return pread (fd, to, length, (off_t)offset);
  got = preadv2 (fd, &piece, 1, (off_t)offset, RWF_NOWAIT);
  if (got < 0 && errno == EOPNOTSUPP)
    errno = EAGAIN;
  return got;
}

gssize
io_read (int fd, void *to, gsize length, guint64 offset, gboolean wait)
{
  gsize done = 0;
  while (done < length) {
    gssize got = read_once (fd, (guint8 *)to + done, length - done, offset + done, wait);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    done += (gsize)got;
  }
  return (gssize)done;
}
