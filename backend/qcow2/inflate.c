/* The two compressions of qcow2, as QEMU reads them (block/qcow2-threads.c).
 *
 * The length that an image says is rounded up to sectors, so what follows the stream is not looked
 * at.
 *
 * A cluster is decompressed in one call, straight to its place: so whatever window a stream asks
 * for, none is allocated.  Deflate is libdeflate's matter, which is far quicker than zlib; what it
 * does not take for complete is zlib's, as in QEMU. */
#include "inflate.h"
#include "../threads.h"
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#define ZLIB_WINDOW_BITS 12

/* What decompressors need for themselves, used again: never more than were at work at one time. */
typedef struct {
  struct libdeflate_decompressor *deflate;
  ZSTD_DCtx *zstd;
} Tools;

static Lock idle_lock = LOCK_INIT;
static GPtrArray *idle; /* of Tools; NULL: none yet; guarded by idle_lock */

static Tools *
take_tools (void)
{
  Tools *tools;
  {
    autolock held = lock_hold (&idle_lock);
    if (idle && idle->len > 0)
      return g_ptr_array_remove_index_fast (idle, idle->len - 1);
  }
  tools = g_new (Tools, 1);
  *tools = (Tools){ libdeflate_alloc_decompressor (), ZSTD_createDCtx () };
  g_assert (tools->deflate && tools->zstd);
  return tools;
}

static void
give_tools (Tools *tools)
{
  autolock held = lock_hold (&idle_lock);
  if (!idle)
    idle = g_ptr_array_new ();
  g_ptr_array_add (idle, tools);
}

static gboolean
inflate_zlib (const guint8 *from, gsize length, guint8 *to, gsize size)
{
  z_stream stream = {
    .next_in = (guint8 *)from,
    .avail_in = (uInt)length,
    .next_out = to,
    .avail_out = (uInt)size,
  };
  int result;
  if (inflateInit2 (&stream, -ZLIB_WINDOW_BITS) != Z_OK)
    return FALSE;
  result = inflate (&stream, Z_FINISH);
  inflateEnd (&stream);
  /* Z_BUF_ERROR: the stream does not say that it ends here. */
  return (result == Z_STREAM_END || result == Z_BUF_ERROR) && stream.avail_out == 0;
}

static gboolean
inflate_deflate (const Tools *tools, const guint8 *from, gsize length, guint8 *to, gsize size)
{
  gsize used, made;
  return (libdeflate_deflate_decompress_ex (tools->deflate, from, length, to, size, &used, &made) ==
              LIBDEFLATE_SUCCESS &&
          made == size) ||
         inflate_zlib (from, length, to, size);
}

/* The cluster may be in several frames. */
static gboolean
inflate_zstd (const Tools *tools, const guint8 *from, gsize length, guint8 *to, gsize size)
{
  while (size > 0) {
    gsize frame = ZSTD_findFrameCompressedSize (from, length);
    gsize made =
        ZSTD_isError (frame) ? frame : ZSTD_decompressDCtx (tools->zstd, to, size, from, frame);
    if (ZSTD_isError (made))
      return FALSE;
    from += frame;
    length -= frame;
    to += made;
    size -= made;
  }
  return TRUE;
}

gboolean
inflate_cluster (Compression method, const guint8 *from, gsize length, guint8 *to, gsize size)
{
  Tools *tools = take_tools ();
  gboolean done = method == COMPRESSION_ZSTD ? inflate_zstd (tools, from, length, to, size)
                                             : inflate_deflate (tools, from, length, to, size);
  give_tools (tools);
  return done;
}
