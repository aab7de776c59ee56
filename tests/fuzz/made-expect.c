/* What a made image must give, found the slow and plain way: cluster by cluster through the list
 * of what was placed. */
#include "made.h"
#include <string.h>

/* Compressible, and different at each offset near another. */
UNWATCHED void
made_content (guint8 *to, gsize count, guint64 offset, guint8 seed)
{
  for (gsize i = 0; i < count; i++) {
    guint64 at = offset + i;
    to[i] = (guint8)((seed ^ (at >> 6) * 29) + (at & 63));
  }
}

static void
expect_backing (const Made *made, guint8 *bytes, guint8 *known, gsize count, guint64 offset)
{
  memset (bytes, 0, count);
  memset (known, MADE_KNOWN, count);
  if (!made->backing_name)
    return;
  if (!made->raw && made->backing->unknown) { /* its size as well */
    memset (known, MADE_UNKNOWN, count);
    return;
  }
  guint64 size = made->raw ? made->raw_length : made->backing->maps[0].size;
  if (offset < size) {
    gsize there = (gsize)MIN (count, size - offset);
    if (made->raw)
      made_content (bytes, there, offset, made->raw_seed);
    else
      made_expect (made->backing, 0, bytes, known, there, offset);
  }
}

static const Placed *
placed_at (const MadeMap *map, guint64 guest)
{
  for (guint i = 0; i < map->placed->len; i++) {
    const Placed *placed = &g_array_index (map->placed, Placed, i);
    if (placed->guest == guest)
      return placed;
  }
  return NULL;
}

/* Whether the L2 table of cluster @guest cannot be trusted. */
static gboolean
l2_damaged (const Made *made, const MadeMap *map, guint64 guest)
{
  guint64 entries = (G_GUINT64_CONSTANT (1) << made->cluster_bits) / (made->extended ? 16 : 8);
  for (guint i = 0; i < map->l2->len; i++) {
    const MadeL2 *l2 = &g_array_index (map->l2, MadeL2, i);
    if (l2->damaged && l2->index == guest / entries)
      return TRUE;
  }
  return FALSE;
}

/* Of a cluster that was placed, the part at @offset. */
static gboolean
is_stored (const Made *made, const Placed *placed, guint32 part)
{
  if (placed->kind == PLACED_COMPRESSED || !made->extended)
    return placed->kind == PLACED_COMPRESSED || placed->kind == PLACED_DATA;
  return (placed->stored & part) != 0;
}

static gboolean
is_zero (const Made *made, const Placed *placed, guint32 part)
{
  return made->extended ? (placed->zero & part) != 0 : !is_stored (made, placed, part);
}

/* A range that is within one cluster, and within one of its 32 parts where there are parts. */
static void
expect_part (const Made *made, const MadeMap *map, guint8 *bytes, guint8 *known, gsize count,
             guint64 offset)
{
  guint64 guest = offset >> made->cluster_bits;
  guint64 mask = (G_GUINT64_CONSTANT (1) << made->cluster_bits) - 1;
  guint32 part = (guint32)1 << (offset >> (made->cluster_bits - 5) & 31);
  const Placed *placed = placed_at (map, guest);
  memset (known, MADE_KNOWN, count);
  if (l2_damaged (made, map, guest) || (placed && placed->damaged))
    memset (known, MADE_UNKNOWN, count);
  else if (placed && is_stored (made, placed, part))
    made_content (bytes, count, offset & mask, placed->seed);
  else if (placed && is_zero (made, placed, part))
    memset (bytes, 0, count);
  else
    expect_backing (made, bytes, known, count, offset);
}

UNWATCHED static void
weaken (guint8 *known, gsize count, MadeKnown most)
{
  for (gsize i = 0; i < count; i++)
    known[i] = MIN (known[i], most);
}

void
made_expect (const Made *made, guint index, guint8 *bytes, guint8 *known, gsize count,
             guint64 offset)
{
  const MadeMap *map = &made->maps[index];
  guint64 part = G_GUINT64_CONSTANT (1) << (made->cluster_bits - (made->extended ? 5 : 0));
  for (gsize at = 0; at < count;) {
    guint64 rest = part - ((offset + at) & (part - 1));
    gsize length = (gsize)MIN (rest, count - at);
    expect_part (made, map, bytes + at, known + at, length, offset + at);
    at += length;
  }
  if (made->unknown || (index > 0 && made->snapshots_unknown))
    weaken (known, count, MADE_UNKNOWN);
  if (made->cut)
    weaken (known, count, MADE_OR_ZERO);
}
