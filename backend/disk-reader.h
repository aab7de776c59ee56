#pragma once
#include <glib.h>

/* The bytes of one disk as they were at one snapshot, or as they are.  Whoever reads does not know
 * from what: an image, a chain of them, or memory.
 *
 * Any thread may call any of these, several at a time, but close, which is the last.
 *
 * @wait FALSE is for a thread that must not wait: then a function that would have to (for the
 * storage, or for decompression) returns FALSE without an error, and is called again with @wait
 * TRUE from a thread that may. */
typedef struct DiskReader DiskReader;

typedef enum {
  EXTENT_DATA,
  EXTENT_ZERO, /* reads as zeros, and nothing is stored for it */
} ExtentKind;

typedef struct {
  ExtentKind kind;
  guint64 length; /* bytes from the asked offset on; at least 1, never past the end */
} Extent;

typedef struct {
  /* All of the bytes or an error; they are within the disk.  Where an image is damaged, exactly
   * the ranges that are concerned fail, with DAMAGED. */
  gboolean (*read) (DiskReader *reader, void *buffer, gsize count, guint64 offset, gboolean wait,
                    GError **error);
  /* What is at @offset, which is within the disk.  The extent behind may be of the same kind. */
  gboolean (*extent) (DiskReader *reader, guint64 offset, gboolean wait, Extent *extent,
                      GError **error); /* optional; NULL: all data */
  void (*close) (DiskReader *reader);
} DiskReaderOps;

/* Embedded first in each implementation's own struct. */
struct DiskReader {
  const DiskReaderOps *ops;
  guint64 size; /* bytes that the guest sees; never changes */
};

/* INVALID when the range is not within the disk. */
gboolean disk_reader_read (DiskReader *reader, void *buffer, gsize count, guint64 offset,
                           gboolean wait, GError **error);
gboolean disk_reader_extent (DiskReader *reader, guint64 offset, gboolean wait, Extent *extent,
                             GError **error);

/* The first offset from @offset on that is of @kind; the disk's size when there is none.  The end
 * of the disk counts as a hole.  A search through very much gives up and takes where it is for
 * data, as lseek(2) allows. */
gboolean disk_reader_seek (DiskReader *reader, guint64 offset, ExtentKind kind, gboolean wait,
                           guint64 *found, GError **error);

/* NULL is no reader. */
void disk_reader_close (DiskReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DiskReader, disk_reader_close)
