/* Whether a block device was written to: what the kernel counts of it, as one number. */
#include "device.h"
#include "fd.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

typedef struct {
  guint64 read, written, discarded; /* sectors */
} Sectors;

/* The kernel's Documentation/block/stat.rst.  A flush counts as a write, but has no sectors. */
static gboolean
count_sectors (dev_t device, Sectors *sectors)
{
  g_autofree char *text = NULL;
  g_autofree char *path =
      g_strdup_printf ("/sys/dev/block/%u:%u/stat", major (device), minor (device));
  *sectors = (Sectors){ 0 };
  return g_file_get_contents (path, &text, NULL, NULL) &&
         sscanf (text,
                 "%*u %*u %" G_GUINT64_FORMAT " %*u %*u %*u %" G_GUINT64_FORMAT
                 " %*u %*u %*u %*u %*u %*u %" G_GUINT64_FORMAT,
                 &sectors->read, &sectors->written, &sectors->discarded) >= 2;
}

/* Past the page cache. */
static gboolean
read_a_block (int fd, GError **error)
{
  static const gsize block = 64 * 1024; /* a multiple of whatever a device's blocks are */
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  autofd direct = open (path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
  g_autofree void *buffer = aligned_alloc (block, block);
  return (direct >= 0 && buffer && pread (direct, buffer, block, 0) >= 0) ||
         fail_errno (error, "reading a block");
}

/* Some drivers count nothing, and whoever likes can turn it off. */
static gboolean
count_surely (int fd, dev_t device, Sectors *sectors, GError **error)
{
  Sectors before;
  gboolean known = count_sectors (device, &before);
  if (known && !read_a_block (fd, error))
    return FALSE;
  return (known && count_sectors (device, sectors) && sectors->read > before.read) ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "the kernel does not count what is written to it (is queue/iostats 0?), so it would "
               "not be seen that a machine writes to it");
}

/* It counts from zero when it comes anew, by a number of its own. */
static guint64
number_of_coming (int fd)
{
  guint64 number = 0;
#ifdef BLKGETDISKSEQ
  if (ioctl (fd, BLKGETDISKSEQ, &number) < 0) /* of 5.15 */
    number = 0;
#endif
  return number;
}

gboolean
device_mark (int fd, gint64 *mark, GError **error)
{
  struct stat status;
  Sectors sectors;
  g_autofree char *boot = device_boot ();
  if (fsync (fd) < 0 || fstat (fd, &status) < 0)
    return fail_errno (error, "asking whether it is written to");
  if (!boot)
    return fail (error, BACKEND_ERROR_FAILED, "it is not known which run of the host this is");
  if (!count_surely (fd, status.st_rdev, &sectors, error))
    return FALSE;
  g_autofree char *text = g_strdup_printf (
      "%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
      boot, (guint64)status.st_ino, number_of_coming (fd), sectors.written, sectors.discarded);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  sum[2 * sizeof *mark] = '\0';
  *mark = (gint64)g_ascii_strtoull (sum, NULL, 16);
  return TRUE;
}
