#pragma once
#include "../disk-reader.h"

/* Reads disks out of image files: qcow2 and raw, alone or in chains.  Images are not trusted (they
 * are written by guests, or by whoever sent them): whatever an image says, only files that the
 * opener lets through are opened, memory stays within bounds, and damage is an error and never
 * other bytes. */

typedef enum { IMAGE_RAW, IMAGE_QCOW2 } ImageFormat;

/* Whose policy decides which files may be read. */
typedef struct {
  /* Opens the file for reading and returns its descriptor; -1 and an error when it is not to be
   * read.  @path is absolute: the one that was asked for, or a backing file's, without "." and
   * "..".  It must not follow symbolic links, must not wait (O_NONBLOCK), and may
   * take locks, which are held until the last reader of the file is closed. */
  int (*open) (gpointer data, const char *path, GError **error);
  gpointer data;
  gboolean devices; /* a raw image may be a block device; else each is a regular file */
} ImageOpener;

/* The disk in the image @path (absolute) and everything behind it, or as it was at the snapshot
 * inside the image whose ID is @snapshot (exactly; NULL: the image as it is).  The format is said,
 * never guessed.  The opener is not used after this returns.
 *
 * UNSUPPORTED: encrypted, external data, unknown features, a backing file that is not a plain path
 * with its format said, too many layers.  DAMAGED: an image contradicts itself, or is behind
 * itself. NOT_FOUND: no such snapshot.  And whatever the opener says. */
DiskReader *image_reader_open (const ImageOpener *opener, const char *path, ImageFormat format,
                               const char *snapshot, GError **error);

/* Bytes that a guest sees of a raw image of @length bytes: whole sectors, as QEMU has it. */
guint64 image_raw_size (guint64 length);

/* Bytes of all caches together, and the most that are kept; for statistics.  For a moment, while
 * something is added, there are more. */
void image_reader_memory (guint64 *used, guint64 *budget);
