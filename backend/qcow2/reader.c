/* A disk out of a chain of images.
 *
 * Each range is looked for from the top layer down, by a loop.  What stands in one piece in a file
 * is read in one piece, straight into the caller's buffer, however many clusters it is; what is
 * compressed comes from the cache.
 *
 * Who reads on where the read before ended gets what follows decompressed meanwhile. */
#include "reader.h"
#include "../threads.h"
#include "cluster.h"
#include "layers.h"

#define AHEAD (8 * 1024 * 1024) /* bytes of the disk that are decompressed ahead */

typedef struct {
  DiskReader base;
  GArray *layers; /* of Layer, the top first; never changes */
  Lock lock;      /* guards what follows */
  guint64 next;   /* where a sequential reader goes on */
  guint64 ahead;  /* up to here it was asked for */
} ImageReader;

/* ---- where bytes are */

typedef struct {
  Image *image; /* NULL: zeros that no layer has */
  Run run;      /* never RUN_UNALLOCATED */
} Piece;

/* What is at @offset of the disk, up to @length bytes. */
static gboolean
find_piece (const ImageReader *reader, guint64 offset, guint64 length, gboolean wait, Piece *piece,
            GError **error)
{
  *piece = (Piece){ .run = { .kind = RUN_ZERO, .length = length } };
  for (guint i = 0; i < reader->layers->len; i++) {
    const Layer *layer = &g_array_index (reader->layers, Layer, i);
    Run run;
    if (offset >= layer->size) /* a shorter image reads as zeros behind its end */
      return TRUE;
    length = MIN (piece->run.length, layer->size - offset);
    if (!layer_run (layer, offset, length, wait, &run, error))
      return FALSE;
    piece->run.length = run.length;
    if (run.kind == RUN_UNALLOCATED)
      continue;
    *piece = (Piece){ layer->image, run };
    return TRUE;
  }
  return TRUE;
}

/* ---- ahead */

/* The range was read, and compressed clusters were in it. */
static void
look_ahead (ImageReader *reader, guint64 offset, guint64 end)
{
  autolock held = lock_hold (&reader->lock);
  gboolean sequential = offset == reader->next;
  guint64 until = MIN (end + AHEAD, reader->base.size);
  Piece piece;
  reader->next = end;
  reader->ahead = sequential ? MAX (reader->ahead, end) : end;
  if (!sequential)
    return;
  for (; reader->ahead < until; reader->ahead += piece.run.length) {
    if (!find_piece (reader, reader->ahead, until - reader->ahead, FALSE, &piece, NULL))
      return;
    if (piece.run.kind == RUN_COMPRESSED &&
        !cluster_ahead (piece.image, piece.run.host, piece.run.stored))
      return;
  }
}

/* ---- reading */

/* One call of read. */
typedef struct {
  guint8 *to;
  gboolean wait;
  gboolean compressed; /* some of it */
  const Image *image;  /* what is still to be read from one file; NULL: nothing */
  guint64 host;
  gsize length;
} Reading;

static gboolean
finish_piece (Reading *reading, GError **error)
{
  const Image *image = g_steal_pointer (&reading->image);
  guint8 *to = reading->to - reading->length;
  return !image || image_read (image, to, reading->length, reading->host, reading->wait, error);
}

/* The bytes before in the buffer are all there or are those that @reading has still to read. */
static gboolean
read_data (Reading *reading, const Piece *piece, GError **error)
{
  const Run *run = &piece->run;
  if (reading->image == piece->image && run->host == reading->host + reading->length) {
    reading->length += run->length;
    return TRUE;
  }
  if (!finish_piece (reading, error))
    return FALSE;
  reading->image = piece->image;
  reading->host = run->host;
  reading->length = run->length;
  return TRUE;
}

static gboolean
read_compressed (Reading *reading, const Piece *piece, GError **error)
{
  const Run *run = &piece->run;
  g_autoptr (Block) block =
      cluster_get (piece->image, run->host, run->stored, reading->wait, error);
  reading->compressed = TRUE;
  if (!block)
    return FALSE;
  memcpy (reading->to, block->bytes + run->skip, run->length);
  return TRUE;
}

static gboolean
read_piece (Reading *reading, const Piece *piece, GError **error)
{
  if (piece->run.kind == RUN_DATA)
    return read_data (reading, piece, error);
  if (!finish_piece (reading, error))
    return FALSE;
  if (piece->run.kind == RUN_COMPRESSED)
    return read_compressed (reading, piece, error);
  memset (reading->to, 0, piece->run.length);
  return TRUE;
}

static gboolean
reader_read (DiskReader *base, void *buffer, gsize count, guint64 offset, gboolean wait,
             GError **error)
{
  ImageReader *reader = (ImageReader *)base;
  Reading reading = { .to = buffer, .wait = wait };
  for (guint64 at = offset, end = offset + count; at < end;) {
    Piece piece;
    if (!find_piece (reader, at, end - at, wait, &piece, error) ||
        !read_piece (&reading, &piece, error))
      return FALSE;
    reading.to += piece.run.length;
    at += piece.run.length;
  }
  if (!finish_piece (&reading, error))
    return FALSE;
  if (reading.compressed)
    look_ahead (reader, offset, offset + count);
  return TRUE;
}

/* ---- extents */

static gboolean
reader_extent (DiskReader *base, guint64 offset, gboolean wait, Extent *extent, GError **error)
{
  ImageReader *reader = (ImageReader *)base;
  Piece piece;
  if (!find_piece (reader, offset, base->size - offset, wait, &piece, error))
    return FALSE;
  *extent = (Extent){ piece.run.kind == RUN_ZERO ? EXTENT_ZERO : EXTENT_DATA, piece.run.length };
  if (piece.run.kind != RUN_DATA || (piece.image->format != IMAGE_RAW && !piece.image->sparse))
    return TRUE;
  if (!wait) /* a file system may have to look for its own holes on the disk */
    return FALSE;
  *extent = image_extent (piece.image, piece.run.host, piece.run.length);
  return TRUE;
}

/* ---- opening */

static void
reader_close (DiskReader *base)
{
  ImageReader *reader = (ImageReader *)base;
  g_array_unref (reader->layers);
  lock_clear (&reader->lock);
  g_free (reader);
}

static const DiskReaderOps reader_ops = {
  .read = reader_read,
  .extent = reader_extent,
  .close = reader_close,
};

DiskReader *
image_reader_open (const ImageOpener *opener, const char *path, ImageFormat format,
                   const char *snapshot, GError **error)
{
  GArray *layers = layers_open (opener, path, format, snapshot, error);
  if (!layers)
    return NULL;
  ImageReader *reader = g_new0 (ImageReader, 1);
  reader->base.ops = &reader_ops;
  reader->base.size = g_array_index (layers, Layer, 0).size;
  reader->layers = layers;
  lock_init (&reader->lock);
  return &reader->base;
}

void
image_reader_memory (guint64 *used, guint64 *budget)
{
  cache_memory (used, budget);
}
