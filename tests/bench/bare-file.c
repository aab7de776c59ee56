/* The file mode of bare: the bytes of one regular file, which is the root itself.
 *
 * A read is one pread into the one buffer and one reply from it, on the loop's thread. */
#include "bare.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int source; /* the descriptor */
static int cached; /* through the page cache */
static _Alignas(4096) char buffer[READ_LIMIT];

static void
op_getattr (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  struct stat st;

  fstat (source, &st);
  st.st_ino = ino;
  st.st_blksize = READ_LIMIT; /* so cp asks for as much */
  fuse_reply_attr (req, &st, TIMEOUT);
}

static void
op_open (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  file->direct_io = !cached;
  file->keep_cache = cached != 0;
  file->noflush = 1;
  fuse_reply_open (req, file);
}

static void
op_read (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file)
{
  ssize_t got = pread (source, buffer, size < READ_LIMIT ? size : READ_LIMIT, offset);

  if (got < 0)
    fuse_reply_err (req, errno);
  else
    fuse_reply_buf (req, buffer, (size_t)got);
}

static void
op_lseek (fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *file)
{
  off_t found = lseek (source, offset, whence);

  if (found < 0)
    fuse_reply_err (req, errno);
  else
    fuse_reply_lseek (req, found);
}

static const struct fuse_lowlevel_ops operations = {
  .init = bare_init,
  .getattr = op_getattr,
  .open = op_open,
  .read = op_read,
  .release = bare_release,
  .lseek = op_lseek,
};

const struct fuse_lowlevel_ops *
bare_file (const char *path, int cache)
{
  struct stat st;

  source = open (path, O_RDONLY);
  if (source < 0)
    err (1, "%s", path);
  if (fstat (source, &st) < 0 || !S_ISREG (st.st_mode))
    errx (1, "%s: not a regular file", path);
  cached = cache;
  return &operations;
}
