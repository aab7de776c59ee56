/* Open image files, shared by everybody who reads them: ten snapshots of one chain are ten readers
 * and not ten times as many descriptors and tables in memory.
 *
 * A file that was changed since it was opened is opened anew, as another image, so that what is
 * known of the old one is never taken for the new one's.  (Frozen images do not change; this is
 * about those that somebody else has replaced or written to.)  A file under two names is two
 * images: where its backing file is depends on the name. */
#include "image.h"
#include "../threads.h"
#include "cache.h"
#include "io.h"
#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SECTOR 512

static Lock images_lock = LOCK_INIT;
static GHashTable *images; /* a set of Image, by file; guarded by images_lock */
static guint open_images;  /* also those that are in the set as another; the same */

static guint
image_hash (gconstpointer data)
{
  const Image *image = data;
  return (guint)(image->inode ^ image->inode >> 32 ^ image->device);
}

static gboolean
image_equal (gconstpointer a, gconstpointer b)
{
  const Image *one = a, *other = b;
  return image_is (one, other) && strcmp (one->path, other->path) == 0 &&
         one->format == other->format && one->length == other->length &&
         one->modified == other->modified && one->changed == other->changed &&
         one->opener.open == other->opener.open && one->opener.data == other->opener.data;
}

gboolean
image_is (const Image *image, const Image *other)
{
  return image->device == other->device && image->inode == other->inode;
}

static gint64
nanoseconds (const struct timespec *time)
{
  return (gint64)time->tv_sec * 1000000000 + time->tv_nsec;
}

guint64
image_raw_size (guint64 length)
{
  return (length + SECTOR - 1) / SECTOR * SECTOR;
}

/* QEMU asks a file for holes only where its clusters were allocated and not written
 * (preallocation=metadata); the rule is its own (qcow2_detect_metadata_preallocation), but that it
 * is not looked up which clusters are free. */
static gboolean
is_sparse (const Image *image, const struct stat *status)
{
  guint64 clusters = image->length >> image->header->cluster_bits;
  guint64 stored = (guint64)status->st_blocks * SECTOR >> image->header->cluster_bits;
  return clusters >= MAX (stored * 10 / 9, stored + 2);
}

static gboolean
check_features (const Image *image, GError **error)
{
  return qcow2_header_is_plain (image->header) ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "%s is encrypted, has external data or has features that are not known here",
               image->path);
}

static gboolean
is_in_memory (int fd)
{
  struct statfs system;
  return fstatfs (fd, &system) == 0 &&
         (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

/* What is in the file, once it is known which one it is. */
static gboolean
load (Image *image, const struct stat *status, GError **error)
{
  image->tables = cache_owner_new ();
  image->clusters = cache_owner_new ();
  image->in_memory = is_in_memory (image->fd);
  if (image->format == IMAGE_RAW) {
    image->size = image_raw_size (image->length);
    return TRUE;
  }
  image->header = qcow2_header_read (image->fd, error);
  if (!image->header)
    return fail_in (error, "%s", image->path);
  image->size = image->header->size;
  image->sparse = is_sparse (image, status);
  return check_features (image, error);
}

static void
image_free (Image *image)
{
  if (image->fd >= 0)
    close (image->fd);
  g_clear_pointer (&image->header, qcow2_header_free);
  g_free (image->path);
  g_free (image);
}

/* Takes the descriptor. */
static Image *
image_new (int fd, const ImageOpener *opener, const char *path, ImageFormat format,
           const struct stat *status)
{
  Image *image = g_new0 (Image, 1);
  image->refs = 1;
  image->opener = *opener;
  image->fd = fd;
  image->path = g_strdup (path);
  image->format = format;
  image->device = status->st_dev;
  image->inode = status->st_ino;
  image->length = (guint64)status->st_size;
  image->modified = nanoseconds (&status->st_mtim);
  image->changed = nanoseconds (&status->st_ctim);
  return image;
}

/* The image that is open already instead of @image, which is freed then. */
static Image *
share (Image *image)
{
  autolock held = lock_hold (&images_lock);
  Image *open = images ? g_hash_table_lookup (images, image) : NULL;
  if (!open)
    return image;
  open->refs++;
  image_free (image);
  return open;
}

/* From now on others find it. */
static Image *
publish (Image *image)
{
  autolock held = lock_hold (&images_lock);
  if (!images)
    images = g_hash_table_new (image_hash, image_equal);
  if (!g_hash_table_contains (images, image))
    g_hash_table_add (images, image);
  open_images++;
  return image;
}

/* A device has no length that fstat knows: @status gets it. */
static gboolean
can_be_read (const ImageOpener *opener, int fd, ImageFormat format, struct stat *status)
{
  guint64 length;
  if (!S_ISBLK (status->st_mode) || !opener->devices || format != IMAGE_RAW)
    return S_ISREG (status->st_mode);
  if (ioctl (fd, BLKGETSIZE64, &length) < 0)
    return FALSE;
  status->st_size = (off_t)length;
  return TRUE;
}

Image *
image_open (const ImageOpener *opener, const char *path, ImageFormat format, GError **error)
{
  struct stat status;
  int fd = opener->open (opener->data, path, error);
  if (fd < 0)
    return NULL;
  if (fstat (fd, &status) < 0 || !can_be_read (opener, fd, format, &status)) {
    fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is no regular file", path);
    close (fd);
    return NULL;
  }
  Image *image = share (image_new (fd, opener, path, format, &status));
  if (image->tables)
    return image;
  if (load (image, &status, error))
    return publish (image);
  image_free (image);
  return NULL;
}

Image *
image_ref (Image *image)
{
  autolock held = lock_hold (&images_lock);
  image->refs++;
  return image;
}

static gboolean
was_last (Image *image)
{
  autolock held = lock_hold (&images_lock);
  if (--image->refs > 0)
    return FALSE;
  if (g_hash_table_lookup (images, image) == image)
    g_hash_table_remove (images, image);
  if (--open_images == 0)
    cache_clear ();
  return TRUE;
}

void
image_unref (Image *image)
{
  if (image && was_last (image))
    image_free (image);
}

/* ---- what is stored */

/* Up to where zeros stand in for what the file lacks at its end. */
static guint64
padded_end (const Image *image)
{
  guint64 cluster;
  if (image->format == IMAGE_RAW)
    return image->size;
  cluster = G_GUINT64_CONSTANT (1) << image->header->cluster_bits;
  return (image->length + cluster - 1) & ~(cluster - 1);
}

/* Reads up to the end of the file; *@got: bytes. */
static gboolean
read_to_end (const Image *image, void *to, gsize length, guint64 offset, gboolean wait, gsize *got,
             GError **error)
{
  gssize count = io_read (image->fd, to, length, offset, wait || image->in_memory);
  if (count < 0 && errno == EAGAIN && !wait)
    return FALSE;
  if (count < 0)
    return fail_errno (error, "reading %s", image->path);
  *got = (gsize)count;
  return TRUE;
}

static gboolean
is_cut_off (const Image *image, gsize length, guint64 offset, GError **error)
{
  return fail (error, BACKEND_ERROR_DAMAGED,
               "%s is cut off: %" G_GSIZE_FORMAT " bytes at %" G_GUINT64_FORMAT " are missing",
               image->path, length, offset);
}

gboolean
image_read (const Image *image, void *to, gsize length, guint64 offset, gboolean wait,
            GError **error)
{
  gsize got = 0;
  if (!read_to_end (image, to, length, offset, wait, &got, error))
    return FALSE;
  if (got == length)
    return TRUE;
  /* Shorter than when it was opened, or too short from the start. */
  if (offset + got < image->length || offset + length > padded_end (image))
    return is_cut_off (image, length - got, offset + got, error);
  memset ((guint8 *)to + got, 0, length - got);
  return TRUE;
}

gboolean
image_read_table (const Image *image, void *to, gsize length, guint64 offset, gboolean wait,
                  GError **error)
{
  gsize got = 0;
  return read_to_end (image, to, length, offset, wait, &got, error) &&
         (got == length || is_cut_off (image, length - got, offset + got, error));
}

/* Behind the end of the file nothing is stored, but only a raw disk may say so: what an image lacks
 * there is damage, which a hole would hide. */
Extent
image_extent (const Image *image, guint64 offset, guint64 length)
{
  ExtentKind behind = image->format == IMAGE_RAW ? EXTENT_ZERO : EXTENT_DATA;
  off_t data, hole;
  if (offset >= image->length)
    return (Extent){ behind, length };
  length = MIN (length, image->length - offset);
  data = lseek (image->fd, (off_t)offset, SEEK_DATA);
  if (data < 0) /* ENXIO: nothing but a hole to the end */
    return (Extent){ errno == ENXIO ? EXTENT_ZERO : EXTENT_DATA, length };
  if ((guint64)data > offset)
    return (Extent){ EXTENT_ZERO, MIN (length, (guint64)data - offset) };
  hole = lseek (image->fd, (off_t)offset, SEEK_HOLE);
  if (hole <= data)
    return (Extent){ EXTENT_DATA, length };
  return (Extent){ EXTENT_DATA, MIN (length, (guint64)hole - offset) };
}
