/* Where a disk holds data, asked in its order and anywhere. */
#include "disk.h"

static gboolean
ask_extent (Disk *disk, guint64 offset, Extent *extent)
{
  for (gboolean wait = FALSE;; wait = TRUE) {
    g_autoptr (GError) error = NULL;

    if (disk_reader_extent (disk->reader, offset, wait, extent, &error))
      break;
    if (!disk_try_again (disk, "the extent", offset, wait, error))
      return FALSE;
  }
  if (extent->length == 0 || extent->length > disk->reader->size - offset)
    return disk_complain (disk,
                          "the extent at %" G_GUINT64_FORMAT " has the length %" G_GUINT64_FORMAT,
                          offset, extent->length);
  return TRUE;
}

gboolean
extents_walk (Disk *disk)
{
  Extent extent;

  for (guint64 at = 0; at < disk->reader->size; at += extent.length) {
    Range range = { .start = at };

    if (!ask_extent (disk, at, &extent))
      return FALSE;
    range.length = extent.length;
    range.data = extent.kind == EXTENT_DATA;
    if (disk->extents->len > 0) {
      Range *last = &g_array_index (disk->extents, Range, disk->extents->len - 1);

      if (last->data == range.data) {
        last->length += range.length;
        continue;
      }
    }
    g_array_append_val (disk->extents, range);
  }
  return TRUE;
}

static const Range *
extent_at (const Disk *disk, guint64 offset)
{
  const Range *range = &g_array_index (disk->extents, Range, 0);

  while (offset - range->start >= range->length)
    range++;
  return range;
}

static gboolean
probe_extents (Disk *disk)
{
  for (guint i = 0; i < DISK_SAMPLES && disk->reader->size > 0; i++) {
    guint64 offset = disk_random (disk, disk->reader->size);
    const Range *expected = extent_at (disk, offset);
    Extent extent;

    if (!ask_extent (disk, offset, &extent))
      return FALSE;
    if ((extent.kind == EXTENT_DATA) != expected->data ||
        extent.length > expected->start + expected->length - offset)
      return disk_complain (disk, "the extent at %" G_GUINT64_FORMAT " depends on where one begins",
                            offset);
  }
  return TRUE;
}

/* A search that gives up may stop early, at what it then takes for data. */
static gboolean
probe_seek (Disk *disk)
{
  for (guint i = 0; i < DISK_SAMPLES && disk->reader->size > 0; i++) {
    guint64 offset = disk_random (disk, disk->reader->size), found = 0;
    const Range *range = extent_at (disk, offset);
    gboolean data = g_rand_boolean (disk->random);
    guint64 expected = range->data == data ? offset : range->start + range->length;
    g_autoptr (GError) error = NULL;

    if (!disk_reader_seek (disk->reader, offset, data ? EXTENT_DATA : EXTENT_ZERO, TRUE, &found,
                           &error))
      return disk_try_again (disk, "seeking", offset, TRUE, error);
    if (found != expected && disk->reader->size <= DISK_WHOLE)
      return disk_complain (disk,
                            "seeking %s from %" G_GUINT64_FORMAT " finds %" G_GUINT64_FORMAT
                            " and not %" G_GUINT64_FORMAT,
                            data ? "data" : "a hole", offset, found, expected);
  }
  return TRUE;
}

gboolean
extents_probe (Disk *disk)
{
  return probe_extents (disk) && probe_seek (disk);
}
