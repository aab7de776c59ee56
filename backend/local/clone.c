/* Clones: two files, one set of blocks, and whoever writes gets blocks of their own (FICLONE).
 *
 * btrfs, xfs and some others have them.  Whether a directory's file system has is tried, with files
 * that have no name, so that looking changes nothing; and tried once, for it does not change. */
#include "clone.h"
#include "../threads.h"
#include "fd.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define MAX_CACHED 4096
#define PIECE (G_GUINT64_CONSTANT (64) << 20) /* bytes; a multiple of every block size */

static Lock cache_lock = LOCK_INIT;
static GHashTable *cache; /* "DEVICE:INODE" of a directory -> whether; guarded by cache_lock */

/* btrfs clones only between files that are alike in this: it must be set while @to is empty. */
static void
agree_on_copy_on_write (int from, int to)
{
  int original, flags;
  if (ioctl (from, FS_IOC_GETFLAGS, &original) < 0 || ioctl (to, FS_IOC_GETFLAGS, &flags) < 0 ||
      (original & FS_NOCOW_FL) == (flags & FS_NOCOW_FL))
    return;
  flags ^= FS_NOCOW_FL;
  ioctl (to, FS_IOC_SETFLAGS, &flags); /* where that fails, cloning says so */
}

static gboolean
lacks_clones (int number)
{
  return number == EOPNOTSUPP || number == EXDEV || number == EINVAL || number == ENOTTY ||
         number == ENOSYS;
}

static gboolean
explain (GError **error)
{
  if (lacks_clones (errno))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the file system cannot clone the file");
  return fail_errno (error, "cloning");
}

gboolean
clone_file (int from, int to, GError **error)
{
  agree_on_copy_on_write (from, to);
  return ioctl (to, FICLONE, from) == 0 || explain (error);
}

/* The last piece is all that is left. */
gboolean
clone_file_until (int from, int to, gint64 deadline, GError **error)
{
  struct file_clone_range piece = { .src_fd = from, .src_length = PIECE };
  struct stat status;
  if (fstat (from, &status) < 0)
    return fail_errno (error, "cloning");
  agree_on_copy_on_write (from, to);
  for (; piece.src_offset + PIECE < (guint64)status.st_size; piece.src_offset += PIECE) {
    piece.dest_offset = piece.src_offset;
    if (ioctl (to, FICLONERANGE, &piece) < 0)
      return explain (error);
    if (g_get_monotonic_time () > deadline)
      return fail (error, BACKEND_ERROR_BUSY, "cloning takes longer than a guest can stand still");
  }
  piece.dest_offset = piece.src_offset;
  piece.src_length = 0;
  return ioctl (to, FICLONERANGE, &piece) == 0 || explain (error);
}

static int
open_nameless (int directory)
{
  return openat (directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* *@sure: that will be so the next time as well; a full disk says nothing of clones. */
static gboolean
try_to_clone (int directory, gboolean *sure)
{
  g_autoptr (GError) wrong = NULL;
  autofd from = open_nameless (directory);
  autofd to = from < 0 ? -1 : open_nameless (directory);
  *sure = to >= 0 || lacks_clones (errno);
  if (to < 0)
    return FALSE;
  gboolean possible = clone_file (from, to, &wrong);
  *sure = possible || g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED);
  return possible;
}

static gboolean
recall (const char *key, gboolean *possible)
{
  autolock held = lock_hold (&cache_lock);
  gpointer value = NULL;
  gboolean known = cache && g_hash_table_lookup_extended (cache, key, NULL, &value);
  *possible = GPOINTER_TO_INT (value);
  return known;
}

static void
remember (const char *key, gboolean possible)
{
  autolock held = lock_hold (&cache_lock);
  if (!cache)
    cache = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (g_hash_table_size (cache) >= MAX_CACHED)
    g_hash_table_remove_all (cache);
  g_hash_table_replace (cache, g_strdup (key), GINT_TO_POINTER (possible));
}

gboolean
clone_is_possible (int directory)
{
  struct stat status;
  gboolean possible, sure;
  if (fstat (directory, &status) < 0)
    return TRUE;
  g_autofree char *key = g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                          (guint64)status.st_dev, (guint64)status.st_ino);
  if (recall (key, &possible))
    return possible;
  possible = try_to_clone (directory, &sure);
  if (sure)
    remember (key, possible);
  return possible || !sure;
}
