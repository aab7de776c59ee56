/* The two compressions of qcow2, as QEMU reads them (block/qcow2-threads.c).
 *
 * The length that an image says is rounded up to sectors, so what follows the stream is not looked
 * at. */
#include "inflate.h"
#include <zlib.h>
#include <zstd.h>

#define ZLIB_WINDOW_BITS 12
/* QEMU sets no limit; a window of 8 MiB is four times the largest cluster. */
#define ZSTD_WINDOW_BITS 23

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

/* The cluster may be in several frames. */
static gboolean
inflate_frames (ZSTD_DCtx *context, const guint8 *from, gsize length, guint8 *to, gsize size)
{
  ZSTD_inBuffer in = { from, length, 0 };
  ZSTD_outBuffer out = { to, size, 0 };
  gsize left = 0;
  while (out.pos < out.size) {
    gsize in_before = in.pos, out_before = out.pos;
    left = ZSTD_decompressStream (context, &out, &in);
    if (ZSTD_isError (left) || (in.pos == in_before && out.pos == out_before))
      return FALSE;
  }
  return left == 0;
}

static gboolean
inflate_zstd (const guint8 *from, gsize length, guint8 *to, gsize size)
{
  ZSTD_DCtx *context = ZSTD_createDCtx ();
  gboolean done =
      context &&
      !ZSTD_isError (ZSTD_DCtx_setParameter (context, ZSTD_d_windowLogMax, ZSTD_WINDOW_BITS)) &&
      inflate_frames (context, from, length, to, size);
  ZSTD_freeDCtx (context);
  return done;
}

gboolean
inflate_cluster (Compression method, const guint8 *from, gsize length, guint8 *to, gsize size)
{
  if (method == COMPRESSION_ZSTD)
    return inflate_zstd (from, length, to, size);
  return inflate_zlib (from, length, to, size);
}
