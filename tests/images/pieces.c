/* What to read of a disk, in pieces of random lengths. */
#include "disk.h"

#include <unistd.h>

#define MARGIN (256 * 1024) /* read around the data of a large disk */

static guint64
random_length (Disk *disk)
{
  static const guint64 longest[] = { 600, 5000, 70000, 300000, DISK_LONGEST };
  guint64 limit = longest[g_rand_int_range (disk->random, 0, G_N_ELEMENTS (longest))];

  return g_rand_int_range (disk->random, 0, 4) == 0 ? 4096 : 1 + disk_random (disk, limit);
}

static void
cut (Disk *disk, guint64 start, guint64 end)
{
  while (start < end) {
    guint64 length = random_length (disk);
    Range piece = { start, MIN (length, end - start), FALSE };

    g_array_append_val (disk->pieces, piece);
    start += piece.length;
  }
}

static void
cut_around (Disk *disk, guint64 start, guint64 length)
{
  guint64 from = start > MARGIN ? start - MARGIN : 0;

  cut (disk, from, MIN (start + MIN (length, DISK_WHOLE) + MARGIN, disk->reader->size));
}

static void
cut_reference_data (Disk *disk)
{
  off_t data = 0, hole = 0;

  while ((data = lseek (disk->reference, hole, SEEK_DATA)) >= 0 &&
         (guint64)data < disk->reader->size) {
    hole = lseek (disk->reference, data, SEEK_HOLE);
    cut_around (disk, (guint64)data, (guint64)(hole - data));
  }
}

void
pieces_cut (Disk *disk)
{
  guint64 size = disk->reader->size;

  g_array_set_size (disk->pieces, 0);
  if (size <= DISK_WHOLE) {
    cut (disk, 0, size);
    return;
  }
  for (guint i = 0; i < disk->extents->len; i++) {
    const Range *range = &g_array_index (disk->extents, Range, i);

    if (range->data)
      cut_around (disk, range->start, range->length);
  }
  cut_reference_data (disk);
  for (guint i = 0; i < DISK_SAMPLES; i++)
    cut_around (disk, disk_random (disk, size), 1);
}

void
pieces_shuffle (Disk *disk)
{
  Range *pieces = (Range *)disk->pieces->data;

  for (guint i = disk->pieces->len; i > 1; i--) {
    guint other = (guint)disk_random (disk, i);
    Range piece = pieces[i - 1];

    pieces[i - 1] = pieces[other];
    pieces[other] = piece;
  }
}
