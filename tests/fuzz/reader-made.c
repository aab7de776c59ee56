/* Images that a recipe makes (made.h), alone or with one or two behind them, and damage in them.
 * What the recipe left whole is opened, and every byte of it is what the recipe says; what it
 * damaged fails or gives some bytes, and concerns nothing else. */
#include "made.h"
#include "reading.h"
#include <sys/mman.h>

#define TOP "/store/top"
#define BASE "/store/base"
#define RAW "/store/images/raw"

#define MOST_RAW 40000
#define COMPARED 1536 /* bytes around the begin and the end of what was placed */

/* All of them are the same file. */
static const char *const base_names[] = { "base", "./base", "/store/base", "../store/./base" };
static const char *const raw_names[] = { "images/raw", "./images//raw", "/store/images/raw",
                                         "../store/images/raw" };

static int
raw_file (gsize length, guint8 seed)
{
  g_autofree guint8 *bytes = g_malloc (length + 1);
  int fd = memfd_create ("raw", MFD_CLOEXEC);
  made_content (bytes, length, 0, seed);
  MUST (fd >= 0 && write (fd, bytes, length) == (ssize_t)length);
  return fd;
}

UNWATCHED static void
compare (DiskReader *reader, const Made *made, guint index, guint64 offset, gsize count)
{
  guint8 bytes[COMPARED], expected[COMPARED], known[COMPARED];
  made_expect (made, index, expected, known, count, offset);
  gboolean may_fail = FALSE, done = reading_read (reader, bytes, count, offset);
  for (gsize i = 0; i < count; i++) {
    may_fail = may_fail || known[i] != MADE_KNOWN;
    MUST (!done || known[i] == MADE_UNKNOWN || bytes[i] == expected[i] ||
          (known[i] == MADE_OR_ZERO && bytes[i] == 0));
  }
  MUST (done || may_fail);
}

static void
compare_around (DiskReader *reader, const Made *made, guint index, guint64 middle)
{
  guint64 begin = middle - MIN (middle, COMPARED / 2);
  if (begin < reader->size)
    compare (reader, made, index, begin, (gsize)MIN (COMPARED, reader->size - begin));
}

/* What was stored is data, and what was made zero is a hole, whatever is behind. */
static void
check_kind (DiskReader *reader, const Made *made, const Placed *placed)
{
  Extent extent;
  guint64 offset = placed->guest << made->cluster_bits;
  if (placed->damaged || made->extended || !reading_extent (reader, offset, &extent))
    return;
  gboolean zero = placed->kind == PLACED_ZERO || placed->kind == PLACED_ZERO_KEPT;
  MUST (extent.kind == (zero ? EXTENT_ZERO : EXTENT_DATA));
}

static gboolean
is_whole (const Made *made, guint index)
{
  gboolean damaged = made->unknown || made->cut || (index > 0 && made->snapshots_unknown);
  for (guint i = 0; i < made->maps[index].l2->len; i++)
    damaged = damaged || g_array_index (made->maps[index].l2, MadeL2, i).damaged;
  return !damaged;
}

static void
check_placed (DiskReader *reader, const Made *made, guint index)
{
  const MadeMap *map = &made->maps[index];
  for (guint i = 0; i < map->placed->len; i++) {
    const Placed *placed = &g_array_index (map->placed, Placed, i);
    compare_around (reader, made, index, placed->guest << made->cluster_bits);
    compare_around (reader, made, index, (placed->guest + 1) << made->cluster_bits);
    if (is_whole (made, index))
      check_kind (reader, made, placed);
  }
}

/* Whether no damage can keep it from being opened: what is wrong in the tables shows when it is
 * read. */
static gboolean
must_open (const Made *made, guint index)
{
  const Made *base = made->backing;
  return !made->unknown && !made->cut && (index == 0 || !made->snapshots_unknown) &&
         (!base || (!base->unknown && !base->cut));
}

static void
check_map (const ImageOpener *opener, const Made *made, guint index)
{
  static const char *const ids[MADE_MAPS] = { NULL, "1", "2" };
  g_autoptr (GError) error = NULL;
  g_autoptr (DiskReader) reader = image_reader_open (opener, TOP, IMAGE_QCOW2, ids[index], &error);
  must_agree (reader != NULL, error);
  if (error && must_open (made, index))
    g_printerr ("%s\n", error->message);
  MUST (reader || !must_open (made, index));
  if (!reader)
    return;
  reading_check (reader, made->end + index);
  if (made->unknown || (index > 0 && made->snapshots_unknown))
    return;
  MUST (reader->size == made->maps[index].size);
  check_placed (reader, made, index);
  compare_around (reader, made, index, 0);
  compare_around (reader, made, index, reader->size);
}

static void
check_made (const Made *top, const Made *base, int raw)
{
  ReadingFiles files = { { { TOP, top->fd }, { RAW, raw } } };
  ImageOpener opener = { reading_open_file, &files };
  if (base)
    files.files[2] = (ReadingFile){ BASE, base->fd };
  for (guint i = 0; i < top->maps_count; i++)
    check_map (&opener, top, i);
  reading_check_memory ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Recipe recipe = { data, size };
  guint64 wish = recipe_take (&recipe, 1);
  gsize length = recipe_take (&recipe, 2) % MOST_RAW;
  guint8 seed = (guint8)recipe_take (&recipe, 1);
  const char *raw_name = wish & 1 ? raw_names[wish >> 2 & 3] : NULL;
  g_autoptr (Made) base = NULL;
  if (wish & 2)
    base = made_new (&recipe, NULL, raw_name, length, seed);
  const char *name = base ? base_names[wish >> 4 & 3] : raw_name;
  g_autoptr (Made) top = made_new (&recipe, base, name, length, seed);
  if (wish & 64)
    made_damage (top, &recipe);
  if (base && wish & 128)
    made_damage (base, &recipe);
  int raw = raw_file (length, seed);
  check_made (top, base, raw);
  close (raw);
  return 0;
}
