/* The tables of the image are laid one after the other into a file in memory, whose holes are the
 * entries that say nothing.  The format is docs/interop/qcow2.txt in QEMU's source; nothing of
 * backend/qcow2 is used, so that no mistake is made twice. */
#include "made.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define COPIED (G_GUINT64_CONSTANT (1) << 63)
#define COMPRESSED (G_GUINT64_CONSTANT (1) << 62)
#define READS_AS_ZERO G_GUINT64_CONSTANT (1)

#define ROOM (1536 * 1024)
#define MOST_L1 4096
#define MOST_PLACED 24

static guint64
cluster_size (const Made *made)
{
  return G_GUINT64_CONSTANT (1) << made->cluster_bits;
}

static void
put (Made *made, guint64 at, const void *bytes, gsize count)
{
  MUST (pwrite (made->fd, bytes, count, (off_t)at) == (ssize_t)count);
  made->end = MAX (made->end, at + count);
}

static void
put64 (Made *made, guint64 at, guint64 value)
{
  guint64 big = GUINT64_TO_BE (value);
  put (made, at, &big, sizeof big);
}

static void
put32 (Made *made, guint64 at, guint32 value)
{
  guint32 big = GUINT32_TO_BE (value);
  put (made, at, &big, sizeof big);
}

/* Where the next @count bytes go that begin a cluster. */
static guint64
place (Made *made, guint64 count)
{
  guint64 at = (made->end + cluster_size (made) - 1) & ~(cluster_size (made) - 1);
  made->end = at + count;
  return at;
}

/* ---- the map of a disk */

static guint
entry_size (const Made *made)
{
  return made->extended ? 16 : 8;
}

static guint64
entries_per_l2 (const Made *made)
{
  return cluster_size (made) / entry_size (made);
}

static guint64
clusters_of (const Made *made, guint64 size)
{
  return (size + cluster_size (made) - 1) >> made->cluster_bits;
}

/* Mostly small; at times so large that most L1 entries are empty. */
static guint64
choose_size (const Made *made, Recipe *recipe)
{
  guint64 shape = recipe_take (recipe, 1), tail = recipe_take (recipe, 2) * 512;
  guint64 most = (entries_per_l2 (made) * MOST_L1) << made->cluster_bits;
  guint64 whole = (shape & 127) << made->cluster_bits;
  if (shape & 128)
    whole = recipe_take (recipe, 5) << 9;
  return MIN (whole + tail % cluster_size (made), most);
}

static guint64
find_l2 (Made *made, MadeMap *map, guint64 index)
{
  for (guint i = 0; i < map->l2->len; i++) {
    const MadeL2 *l2 = &g_array_index (map->l2, MadeL2, i);
    if (l2->index == index)
      return l2->offset;
  }
  MadeL2 fresh = { index, place (made, cluster_size (made)), FALSE };
  g_array_append_val (map->l2, fresh);
  put64 (made, map->l1 + index * 8, fresh.offset | COPIED);
  return fresh.offset;
}

static const Placed *
find_placed (const MadeMap *map, guint64 guest)
{
  for (guint i = 0; i < map->placed->len; i++) {
    const Placed *placed = &g_array_index (map->placed, Placed, i);
    if (placed->guest == guest)
      return placed;
  }
  return NULL;
}

/* Near the begin or near the end. */
static guint64
choose_guest (const Made *made, const MadeMap *map, Recipe *recipe)
{
  guint64 total = clusters_of (made, map->size), wish = recipe_take (recipe, 1);
  return wish < 160 ? wish % total : total - 1 - (wish - 160) % total;
}

static gsize
pack (const Made *made, guint8 *to, gsize room, guint8 *from, gsize count)
{
  if (made->zstd) {
    gsize packed = ZSTD_compress (to, room, from, count, 1);
    return ZSTD_isError (packed) ? 0 : packed;
  }
  z_stream stream = {
    .next_in = from, .avail_in = (guint)count, .next_out = to, .avail_out = (guint)room
  };
  MUST (deflateInit2 (&stream, 1, Z_DEFLATED, -12, 5, Z_DEFAULT_STRATEGY) == Z_OK);
  int said = deflate (&stream, Z_FINISH);
  deflateEnd (&stream);
  return said == Z_STREAM_END ? stream.total_out : 0;
}

/* Compressed clusters follow each other at any byte.  FALSE: it would not become smaller. */
static gboolean
place_compressed (Made *made, Placed *placed)
{
  gsize size = cluster_size (made);
  g_autofree guint8 *plain = g_malloc (size);
  g_autofree guint8 *packed = g_malloc (size);
  made_content (plain, size, 0, placed->seed);
  gsize count = pack (made, packed, size - 1, plain, size);
  if (count == 0)
    return FALSE;
  placed->host = made->end;
  placed->packed = (guint32)count;
  made->room -= (gint64)size;
  put (made, placed->host, packed, count);
  return TRUE;
}

static void
place_data (Made *made, Placed *placed)
{
  gsize size = cluster_size (made);
  g_autofree guint8 *bytes = g_malloc (size);
  made_content (bytes, size, 0, placed->seed);
  placed->host = place (made, size);
  put (made, placed->host, bytes, size);
  made->room -= (gint64)size;
}

static guint64
compressed_entry (const Made *made, const Placed *placed)
{
  guint shift = 62 - (made->cluster_bits - 8);
  guint64 more = ((placed->host + placed->packed - 1) >> 9) - (placed->host >> 9);
  return COMPRESSED | more << shift | placed->host;
}

static void
put_entry (Made *made, const Placed *placed)
{
  guint64 entry = placed->kind == PLACED_ZERO ? 0 : placed->host | COPIED;
  if (placed->kind == PLACED_COMPRESSED)
    entry = compressed_entry (made, placed);
  else if (placed->kind != PLACED_DATA && !made->extended)
    entry |= READS_AS_ZERO;
  put64 (made, placed->entry, entry);
  if (made->extended)
    put64 (made, placed->entry + 8, (guint64)placed->zero << 32 | placed->stored);
}

/* What the parts of a cluster are, if there are parts: no part is both. */
static void
choose_parts (const Made *made, Placed *placed, Recipe *recipe)
{
  guint32 stored = (guint32)recipe_take (recipe, 4), zero = (guint32)recipe_take (recipe, 4);
  placed->stored = placed->kind == PLACED_DATA ? stored : 0;
  placed->zero = zero & ~placed->stored;
  if (placed->kind == PLACED_COMPRESSED)
    placed->zero = 0;
}

static void
place_cluster (Made *made, MadeMap *map, Recipe *recipe)
{
  Placed placed = { .guest = choose_guest (made, map, recipe) };
  guint64 wish = recipe_take (recipe, 1);
  if (find_placed (map, placed.guest))
    return;
  placed.kind = wish & 3;
  placed.seed = (guint8)(1 + map->placed->len * 37 + (wish >> 2) * 5);
  if (made->room <= 0 || (made->version == 2 && placed.kind == PLACED_ZERO_KEPT))
    placed.kind = PLACED_ZERO;
  if (made->version == 2 && placed.kind == PLACED_ZERO)
    return; /* it has no such thing */
  guint64 l2 = find_l2 (made, map, placed.guest / entries_per_l2 (made));
  placed.entry = l2 + placed.guest % entries_per_l2 (made) * entry_size (made);
  if (placed.kind == PLACED_COMPRESSED && !place_compressed (made, &placed))
    placed.kind = PLACED_DATA;
  if (placed.kind == PLACED_DATA || placed.kind == PLACED_ZERO_KEPT)
    place_data (made, &placed);
  if (made->extended)
    choose_parts (made, &placed, recipe);
  put_entry (made, &placed);
  g_array_append_val (map->placed, placed);
}

static void
make_map (Made *made, MadeMap *map, Recipe *recipe)
{
  map->placed = g_array_new (FALSE, FALSE, sizeof (Placed));
  map->l2 = g_array_new (FALSE, FALSE, sizeof (MadeL2));
  map->size = choose_size (made, recipe);
  guint64 needed = clusters_of (made, map->size) + entries_per_l2 (made) - 1;
  map->l1_entries = needed / entries_per_l2 (made) + recipe_take (recipe, 1) % 3;
  map->l1 = place (made, map->l1_entries * 8);
  guint64 count = map->size == 0 ? 0 : recipe_take (recipe, 1) % MOST_PLACED;
  for (guint64 i = 0; i < count; i++)
    place_cluster (made, map, recipe);
}

/* ---- what is around it */

static void
make_snapshots (Made *made, Recipe *recipe)
{
  guint64 begin = place (made, 0), at = begin;
  for (guint i = 1; i < made->maps_count; i++) {
    const MadeMap *map = &made->maps[i];
    guint64 extra = recipe_take (recipe, 1) & 1 ? 24 : 16;
    put64 (made, at, map->l1);
    put32 (made, at + 8, (guint32)map->l1_entries);
    put32 (made, at + 12, 1 << 16 | 3); /* bytes of ID and tag */
    put32 (made, at + 36, (guint32)extra);
    put64 (made, at + 48, map->size);
    char names[5] = { (char)('0' + i), 't', 'a', 'g' };
    put (made, at + 40 + extra, names, 4);
    at = (at + 40 + extra + 4 + 7) & ~G_GUINT64_CONSTANT (7);
  }
  made->snapshots = made->maps_count > 1 ? begin : 0;
  made->snapshots_length = at - begin;
  made->end = MAX (made->end, at);
}

/* Extensions follow the header, the name of the backing file follows them. */
static void
make_backing (Made *made, guint64 at)
{
  if (!made->backing_name)
    return;
  const char *format = made->raw ? "raw" : "qcow2";
  put32 (made, at, 0xe2792aca);
  put32 (made, at + 4, (guint32)strlen (format));
  put (made, at + 8, format, strlen (format));
  put64 (made, at + 16, 0); /* the end of the extensions */
  put (made, at + 24, made->backing_name, strlen (made->backing_name));
  put64 (made, 8, at + 24);
  put32 (made, 16, (guint32)strlen (made->backing_name));
}

static void
make_header (Made *made, Recipe *recipe)
{
  const MadeMap *map = &made->maps[0];
  guint64 bits = recipe_take (recipe, 1);
  put32 (made, 0, 0x514649fb);
  put32 (made, 4, made->version);
  put32 (made, 20, made->cluster_bits);
  put64 (made, 24, map->size);
  put32 (made, 36, (guint32)map->l1_entries);
  put64 (made, 40, map->l1);
  put64 (made, 48, cluster_size (made)); /* the refcount table, which nobody reads */
  put32 (made, 56, 1);
  put32 (made, 60, made->maps_count - 1);
  put64 (made, 64, made->snapshots);
  if (made->version == 2) {
    make_backing (made, 72);
    return;
  }
  /* dirty, corrupt, compression type, extended L2 */
  put64 (made, 72, (bits & 3) | (made->zstd ? 8 : 0) | (made->extended ? 16 : 0));
  put32 (made, 96, bits >> 2 & 3 ? 4 : 0); /* how wide reference counts are */
  put32 (made, 100, 112);
  guint8 type = made->zstd;
  put (made, 104, &type, 1);
  make_backing (made, 112);
}

static void
choose_format (Made *made, Recipe *recipe)
{
  static const guint8 bits[] = { 9, 9, 9, 10, 11, 12, 14, 16, 14, 14, 16, 16, 18, 9, 12, 21 };
  guint64 wish = recipe_take (recipe, 1);
  made->cluster_bits = bits[wish & 15];
  made->version = wish & 128 ? 2 : 3;
  made->zstd = made->version == 3 && wish & 64;
  made->extended = made->version == 3 && wish & 32 && made->cluster_bits >= 14;
}

Made *
made_new (Recipe *recipe, const Made *backing, const char *name, gsize raw_length, guint8 raw_seed)
{
  Made *made = g_new0 (Made, 1);
  made->fd = memfd_create ("image", MFD_CLOEXEC);
  MUST (made->fd >= 0);
  made->room = ROOM;
  made->backing = backing;
  made->backing_name = name;
  made->raw = !backing;
  made->raw_length = raw_length;
  made->raw_seed = raw_seed;
  choose_format (made, recipe);
  made->maps_count = 1 + (guint)recipe_take (recipe, 1) % MADE_MAPS;
  made->end = 2 * cluster_size (made);
  for (guint i = 0; i < made->maps_count; i++)
    make_map (made, &made->maps[i], recipe);
  make_snapshots (made, recipe);
  make_header (made, recipe);
  MUST (ftruncate (made->fd, (off_t)made->end) == 0);
  return made;
}

void
made_free (Made *made)
{
  if (!made)
    return;
  for (guint i = 0; i < made->maps_count; i++) {
    g_array_unref (made->maps[i].placed);
    g_array_unref (made->maps[i].l2);
  }
  close (made->fd);
  g_free (made);
}
