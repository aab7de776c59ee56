#pragma once
#include "header.h"
#include "reader.h"

/* One open image file.  Readers of the same file share it. */
typedef struct {
  gint refs; /* guarded by image.c's lock */
  int fd;
  char *path; /* as it was opened */
  ImageFormat format;
  guint64 size;        /* bytes that the guest sees */
  Qcow2Header *header; /* NULL: raw */
  gboolean in_memory;  /* reading it never waits, though its file system cannot say so */
  gboolean sparse;     /* a qcow2 file with holes in its clusters: see image_extent */
  guint64 tables;      /* owners in the cache: of pieces of tables */
  guint64 clusters;    /* of decompressed clusters */

  /* What tells the file, whether it was changed, and under which policy it was opened. */
  ImageOpener opener; /* only compared */
  guint64 device, inode, length;
  gint64 modified, changed; /* nanoseconds since the epoch */
} Image;

/* Opens the file, or shares the image when the same opener has it open already. */
Image *image_open (const ImageOpener *opener, const char *path, ImageFormat format, GError **error);
Image *image_ref (Image *image);
void image_unref (Image *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Image, image_unref)

/* Whether both are the same file. */
gboolean image_is (const Image *image, const Image *other);

/* The bytes that are stored at @offset of the file.  What the file lacks of the last cluster (of a
 * raw file: of the last 512 bytes) is zeros; anything further behind the end is DAMAGED.  FALSE and
 * no error: it would have to wait. */
gboolean image_read (const Image *image, void *to, gsize length, guint64 offset, gboolean wait,
                     GError **error);

/* The same of a table, of which nothing may be missing. */
gboolean image_read_table (const Image *image, void *to, gsize length, guint64 offset,
                           gboolean wait, GError **error);

/* The first bytes of what is stored at @offset of the file: all in a hole, or all not.  Asked of
 * the file system, for raw images and those with `sparse`. */
Extent image_extent (const Image *image, guint64 offset, guint64 length);
