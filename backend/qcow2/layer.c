/* From an offset of the disk to a place in the image: the two levels of tables.
 *
 * The L1 table's entries say where L2 tables are, those where clusters are.  Both are read through
 * the cache, in slices: of a table of 2 MiB only what is asked for.  With extended L2 tables an
 * entry has 16 bytes, and each of 32 subclusters is there, zero or absent by itself; everything
 * below is counted in units, which are subclusters there and clusters elsewhere.
 *
 * What contradicts the format (docs/interop/qcow2.txt) is DAMAGED when it is met, and only there:
 * a run ends before the first bad unit. */
#include "layer.h"
#include "bytes.h"
#include "cache.h"

#define SLICE 4096
#define SUBCLUSTER_BITS 5 /* 32 of them in a cluster */
#define ALL_SUBCLUSTERS G_GUINT64_CONSTANT (0xffffffff)

#define ENTRY_OFFSET G_GUINT64_CONSTANT (0x00fffffffffffe00)
#define L1_RESERVED G_GUINT64_CONSTANT (0x7f000000000001ff)
#define L2_RESERVED G_GUINT64_CONSTANT (0x3f000000000001fe)
#define L2_COMPRESSED (G_GUINT64_CONSTANT (1) << 62)
#define L2_ZERO G_GUINT64_CONSTANT (1)

/* The shapes that follow from the header. */
typedef struct {
  guint cluster_bits;
  guint unit_bits;
  guint entry_bits; /* an L2 entry has so many bytes, as a power of two */
  guint table_bits; /* an L2 table stands for so many bytes of the disk */
  gsize slice;      /* bytes of an L2 table that are read at once */
} Shape;

static Shape
shape_of (const Qcow2Header *header)
{
  guint cluster = header->cluster_bits;
  guint entry = header->extended_l2 ? 4 : 3;
  return (Shape){
    .cluster_bits = cluster,
    .unit_bits = header->extended_l2 ? cluster - SUBCLUSTER_BITS : cluster,
    .entry_bits = entry,
    .table_bits = 2 * cluster - entry,
    .slice = MIN ((gsize)1 << cluster, SLICE),
  };
}

static guint64
low_bits (guint64 value, guint bits)
{
  return value & ((G_GUINT64_CONSTANT (1) << bits) - 1);
}

static guint64
to_end_of (guint64 offset, guint bits)
{
  return (G_GUINT64_CONSTANT (1) << bits) - low_bits (offset, bits);
}

static gboolean
is_damaged (const Layer *layer, const char *what, guint64 offset, GError **error)
{
  return fail (error, BACKEND_ERROR_DAMAGED, "%s: %s at %" G_GUINT64_FORMAT " of its disk",
               layer->image->path, what, offset);
}

/* A part of a table; it is all there or damaged. */
static Block *
read_slice (const Image *image, guint64 offset, gsize length, gboolean wait, GError **error)
{
  Block *block = cache_find (image->tables, offset, length);
  if (block)
    return block;
  block = block_new (image->tables, offset, length);
  if (image_read_table (image, block->bytes, length, offset, wait, error))
    return cache_add (block);
  block_unref (block);
  return NULL;
}

/* ---- L1 */

/* How many entries from @index on, in this slice that ends before @end, lead nowhere. */
static guint64
count_empty (const Block *slice, guint64 first, guint64 index, guint64 end)
{
  guint64 at = index;
  while (at < end && (big64 (slice->bytes + (at - first) * 8) & (ENTRY_OFFSET | L1_RESERVED)) == 0)
    at++;
  return at - index;
}

/* The L2 table for @offset in *@table; 0: there is none, and for *@empty tables from here on. */
static gboolean
find_table (const Layer *layer, guint64 index, gboolean wait, guint64 offset, guint64 *table,
            guint64 *empty, GError **error)
{
  guint64 first = index & ~(guint64)(SLICE / 8 - 1);
  guint64 end = MIN (first + SLICE / 8, layer->l1.entries);
  g_autoptr (Block) slice = read_slice (layer->image, layer->l1.offset + first * 8,
                                        (gsize)(end - first) * 8, wait, error);
  if (!slice)
    return FALSE;
  guint64 entry = big64 (slice->bytes + (index - first) * 8);
  *table = entry & ENTRY_OFFSET;
  *empty = *table == 0 ? count_empty (slice, first, index, end) : 0;
  if ((entry & L1_RESERVED) != 0 || low_bits (*table, layer->image->header->cluster_bits) != 0)
    return is_damaged (layer, "a damaged L1 entry", offset, error);
  return TRUE;
}

/* ---- L2 */

static Run
compressed_run (const Layer *layer, guint64 entry, guint64 offset)
{
  guint cluster_bits = layer->image->header->cluster_bits;
  guint shift = 62 - (cluster_bits - 8);
  guint64 host = low_bits (entry, shift);
  guint64 sectors = low_bits (entry >> shift, cluster_bits - 8) + 1;
  return (Run){
    .kind = RUN_COMPRESSED,
    .length = to_end_of (offset, cluster_bits),
    .host = host,
    .stored = (guint32)(sectors * 512 - (host & 511)),
    .skip = (guint32)low_bits (offset, cluster_bits),
  };
}

/* Whether the whole cluster is of one kind. */
static gboolean
is_uniform (guint64 bitmap)
{
  guint64 allocated = bitmap & ALL_SUBCLUSTERS, zero = bitmap >> 32;
  return (allocated == 0 || allocated == ALL_SUBCLUSTERS) && (zero == 0 || zero == ALL_SUBCLUSTERS);
}

/* The part of the cluster @run, whose kind is what the entry alone says, that begins at @offset. */
static gboolean
refine (const Layer *layer, const Shape *shape, guint64 bitmap, guint64 offset, Run *run,
        GError **error)
{
  guint subcluster = (guint)(low_bits (offset, shape->cluster_bits) >> shape->unit_bits);
  gboolean allocated = bitmap >> subcluster & 1;
  gboolean zero = bitmap >> (32 + subcluster) & 1;
  gboolean stored = run->kind == RUN_DATA;
  if ((allocated && zero) || (!stored && (bitmap & ALL_SUBCLUSTERS) != 0))
    return is_damaged (layer, "a damaged subcluster", offset, error);
  run->kind = zero ? RUN_ZERO : allocated ? RUN_DATA : RUN_UNALLOCATED;
  if (!is_uniform (bitmap))
    run->length = to_end_of (offset, shape->unit_bits);
  return TRUE;
}

/* What an entry says of the unit that @offset is in, from there to the unit's end, or further where
 * that is the same. */
static gboolean
decode (const Layer *layer, const Shape *shape, const guint8 *bytes, guint64 offset, Run *run,
        GError **error)
{
  const Qcow2Header *header = layer->image->header;
  guint64 entry = big64 (bytes);
  guint64 host = entry & ENTRY_OFFSET;
  gboolean zero = !header->extended_l2 && (entry & L2_ZERO) != 0;
  if (entry & L2_COMPRESSED) {
    *run = compressed_run (layer, entry, offset);
    return TRUE;
  }
  if ((entry & L2_RESERVED) != 0 || low_bits (host, shape->cluster_bits) != 0 ||
      ((entry & L2_ZERO) != 0 && (header->extended_l2 || header->version < 3)))
    return is_damaged (layer, "a damaged L2 entry", offset, error);
  *run = (Run){
    .kind = zero   ? RUN_ZERO
            : host ? RUN_DATA
                   : RUN_UNALLOCATED,
    .length = to_end_of (offset, shape->cluster_bits),
    .host = host + low_bits (offset, shape->cluster_bits),
  };
  return !header->extended_l2 || refine (layer, shape, big64 (bytes + 8), offset, run, error);
}

static gboolean
continues (const Run *run, const Run *next)
{
  if (run->kind != next->kind || run->kind == RUN_COMPRESSED)
    return FALSE;
  return run->kind != RUN_DATA || next->host == run->host + run->length;
}

/* Adds the units behind the first that go on as it does, as far as the slice reaches. */
static void
extend (const Layer *layer, const Shape *shape, const Block *slice, guint64 offset, guint64 length,
        Run *run)
{
  guint64 mask = (slice->length >> shape->entry_bits) - 1;
  guint64 begin = offset >> shape->cluster_bits;
  while (run->length < length) {
    guint64 at = offset + run->length;
    guint64 cluster = at >> shape->cluster_bits;
    Run next;
    if ((cluster & ~mask) != (begin & ~mask) ||
        !decode (layer, shape, slice->bytes + ((cluster & mask) << shape->entry_bits), at, &next,
                 NULL) ||
        !continues (run, &next))
      return;
    run->length += next.length;
  }
}

/* Adds the clusters behind the first whose entries say just the same: that they have no bytes, and
 * in a large disk these are many.  @byte: where the first one's entry is in the slice. */
static void
extend_empty (const Shape *shape, const Block *slice, gsize byte, guint64 offset, Run *run)
{
  gsize size = (gsize)1 << shape->entry_bits;
  const guint8 *first = slice->bytes + byte;
  if ((run->kind != RUN_ZERO && run->kind != RUN_UNALLOCATED) ||
      run->length != to_end_of (offset, shape->cluster_bits) ||
      (size == 16 && !is_uniform (big64 (first + 8))))
    return;
  for (gsize at = byte + size; at < slice->length; at += size) {
    if (memcmp (slice->bytes + at, first, size) != 0)
      return;
    run->length += G_GUINT64_CONSTANT (1) << shape->cluster_bits;
  }
}

static gboolean
run_in_table (const Layer *layer, const Shape *shape, guint64 table, guint64 offset, guint64 length,
              gboolean wait, Run *run, GError **error)
{
  guint64 index = low_bits (offset, shape->table_bits) >> shape->cluster_bits;
  guint64 byte = index << shape->entry_bits;
  gsize within = byte & (shape->slice - 1);
  g_autoptr (Block) slice =
      read_slice (layer->image, table + (byte - within), shape->slice, wait, error);
  if (!slice || !decode (layer, shape, slice->bytes + within, offset, run, error))
    return FALSE;
  extend_empty (shape, slice, within, offset, run);
  extend (layer, shape, slice, offset, length, run);
  return TRUE;
}

gboolean
layer_run (const Layer *layer, guint64 offset, guint64 length, gboolean wait, Run *run,
           GError **error)
{
  *run = (Run){ .kind = RUN_DATA, .length = length, .host = offset };
  if (layer->image->format == IMAGE_RAW)
    return TRUE;
  Shape shape = shape_of (layer->image->header);
  guint64 index = offset >> shape.table_bits, table, empty;
  run->kind = RUN_UNALLOCATED;
  if (index >= layer->l1.entries) /* only at a snapshot: the disk was made larger afterwards */
    return TRUE;
  if (!find_table (layer, index, wait, offset, &table, &empty, error))
    return FALSE;
  if (table == 0)
    run->length = ((index + empty) << shape.table_bits) - offset;
  else if (!run_in_table (layer, &shape, table, offset, length, wait, run, error))
    return FALSE;
  run->length = MIN (run->length, length);
  return TRUE;
}
