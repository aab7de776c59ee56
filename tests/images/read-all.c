/* Reads disks in every way that a DiskReader can be read, and compares each byte with a raw file.
 *
 *   read-all DIRECTORY SEED <LIST
 *
 * A line of LIST is "FORMAT TAB IMAGE TAB SNAPSHOT TAB REFERENCE": names in DIRECTORY, SNAPSHOT an
 * ID or empty.  For each a line of JSON is printed: the disk's size, its extents as [start, length,
 * is data], and what was wrong, or null.
 *
 * A disk is read in pieces of random lengths: by several threads in random order, which first ask
 * without waiting, and by one in the order of the disk.  Of a disk too large to read whole, the
 * pieces cover whatever holds data on one of the two sides, and samples of the rest. */
#include "../../backend/local/fd.h"
#include "../../backend/local/places.h"
#include "../../backend/qcow2/reader.h"
#include "disk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS 3

/* ---- bytes */

static gboolean
read_reference (Disk *disk, char *buffer, const Range *piece)
{
  for (guint64 done = 0; done < piece->length;) {
    gssize got =
        pread (disk->reference, buffer + done, piece->length - done, (off_t)(piece->start + done));

    if (got <= 0)
      return disk_complain (disk, "the reference cannot be read");
    done += (guint64)got;
  }
  return TRUE;
}

static gboolean
read_disk (Disk *disk, char *buffer, const Range *piece, gboolean wait)
{
  for (;; wait = TRUE) {
    g_autoptr (GError) error = NULL;

    if (disk_reader_read (disk->reader, buffer, piece->length, piece->start, wait, &error))
      return TRUE;
    if (!disk_try_again (disk, "reading", piece->start, wait, error))
      return FALSE;
  }
}

static gboolean
compare_piece (Disk *disk, const Range *piece, char *ours, char *theirs, gboolean wait)
{
  gsize same = 0;

  memset (ours, 0xa5, piece->length); /* what is not written at all must not pass for right */
  if (!read_disk (disk, ours, piece, wait) || !read_reference (disk, theirs, piece))
    return FALSE;
  if (memcmp (ours, theirs, piece->length) == 0)
    return TRUE;
  while (ours[same] == theirs[same])
    same++;
  return disk_complain (
      disk,
      "byte %" G_GUINT64_FORMAT " is %02x and not %02x, read at %" G_GUINT64_FORMAT
      " with length %" G_GUINT64_FORMAT,
      piece->start + same, (guint8)ours[same], (guint8)theirs[same], piece->start, piece->length);
}

static gboolean
compare_next (Disk *disk, char *ours, char *theirs, gboolean wait)
{
  guint taken = (guint)g_atomic_int_add (&disk->next, 1);

  return taken < disk->pieces->len &&
         compare_piece (disk, &g_array_index (disk->pieces, Range, taken), ours, theirs, wait);
}

static void
compare_all (Disk *disk, gboolean wait)
{
  g_autofree char *ours = g_malloc (DISK_LONGEST);
  g_autofree char *theirs = g_malloc (DISK_LONGEST);

  while (compare_next (disk, ours, theirs, wait)) {
  }
}

static void *
compare_thread (void *data)
{
  compare_all (data, FALSE);
  return NULL;
}

static void
compare_in_threads (Disk *disk)
{
  pthread_t threads[THREADS];

  pieces_cut (disk);
  pieces_shuffle (disk);
  disk->next = 0;
  for (guint i = 0; i < THREADS; i++)
    threads[i] = thread_start ("read", compare_thread, disk);
  for (guint i = 0; i < THREADS; i++)
    thread_join (threads[i]);
}

static void
compare_in_order (Disk *disk)
{
  pieces_cut (disk);
  disk->next = 0;
  compare_all (disk, TRUE);
}

/* The reference's data in a hole of ours has to be zeros. */
static gboolean
check_hole (Disk *disk, const Range *hole)
{
  g_autofree char *buffer = g_malloc (DISK_LONGEST);
  off_t end = (off_t)(hole->start + hole->length), at = (off_t)hole->start;

  while ((at = lseek (disk->reference, at, SEEK_DATA)) >= 0 && at < end) {
    Range piece = { (guint64)at, MIN (DISK_LONGEST, (guint64)(end - at)), FALSE };

    if (!read_reference (disk, buffer, &piece))
      return FALSE;
    if (buffer[0] != 0 || memcmp (buffer, buffer + 1, piece.length - 1) != 0)
      return disk_complain (disk, "data at %" G_GUINT64_FORMAT " or behind is in a hole",
                            piece.start);
    at += (off_t)piece.length;
  }
  return TRUE;
}

static gboolean
check_holes (Disk *disk)
{
  for (guint i = 0; i < disk->extents->len; i++) {
    const Range *range = &g_array_index (disk->extents, Range, i);

    if (!range->data && !check_hole (disk, range))
      return FALSE;
  }
  return TRUE;
}

static gboolean
same_size (Disk *disk)
{
  struct stat status;
  guint64 size = disk->reader->size;

  if (fstat (disk->reference, &status) < 0)
    return disk_complain (disk, "the reference has no size");
  return (guint64)status.st_size == size ||
         disk_complain (disk, "it has %" G_GUINT64_FORMAT " bytes and not %" PRIdMAX, size,
                        (intmax_t)status.st_size);
}

/* Cold caches meet sometimes the walk, sometimes one reader, sometimes several. */
static void
check_disk (Disk *disk)
{
  gboolean walk_first = disk->reader->size > DISK_WHOLE || g_rand_boolean (disk->random);
  gboolean threads_first = g_rand_boolean (disk->random);

  if (!same_size (disk) || (walk_first && !extents_walk (disk)))
    return;
  if (threads_first)
    compare_in_threads (disk);
  compare_in_order (disk);
  if (!threads_first)
    compare_in_threads (disk);
  if (!walk_first && !extents_walk (disk))
    return;
  if (check_holes (disk))
    extents_probe (disk);
}

/* ---- the list */

static void
print_disk (const Disk *disk)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "problem");
  json_builder_add_string_value (builder, disk->problem); /* NULL becomes null */
  json_builder_set_member_name (builder, "size");
  json_builder_add_int_value (builder, disk->reader != NULL ? (gint64)disk->reader->size : -1);
  json_builder_set_member_name (builder, "extents");
  json_builder_begin_array (builder);
  for (guint i = 0; i < disk->extents->len; i++) {
    const Range *range = &g_array_index (disk->extents, Range, i);

    json_builder_begin_array (builder);
    json_builder_add_int_value (builder, (gint64)range->start);
    json_builder_add_int_value (builder, (gint64)range->length);
    json_builder_add_boolean_value (builder, range->data);
    json_builder_end_array (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  puts (text);
}

static int
open_image (gpointer data, const char *path, GError **error)
{
  return places_open_path (data, path, O_RDONLY | O_NOFOLLOW, error);
}

/* @words: format, image, snapshot, reference. */
static void
read_line (Places *places, char **words, GRand *random)
{
  const char *directory = places_store_path (places);
  g_autofree char *path = g_build_filename (directory, words[1], NULL);
  g_autofree char *reference = g_build_filename (directory, words[3], NULL);
  autofd fd = open (reference, O_RDONLY | O_CLOEXEC);
  ImageOpener opener = { open_image, places };
  g_autoptr (GArray) extents = g_array_new (FALSE, FALSE, sizeof (Range));
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (Range));
  g_autoptr (GError) error = NULL;
  ImageFormat format = strcmp (words[0], "raw") == 0 ? IMAGE_RAW : IMAGE_QCOW2;
  const char *snapshot = words[2][0] != '\0' ? words[2] : NULL;
  g_autoptr (DiskReader) reader = image_reader_open (&opener, path, format, snapshot, &error);
  Disk disk = { reader, fd, random, extents, pieces, 0, LOCK_INIT, NULL };

  if (reader != NULL)
    check_disk (&disk);
  else
    disk_complain (&disk, "%s", error->message);
  print_disk (&disk);
  g_free (disk.problem);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Places) places = argc == 3 ? places_open (argv[1], NULL, &error) : NULL;
  GRand *random;
  char line[4096];

  if (places == NULL) {
    fprintf (stderr, "read-all: %s\n",
             error != NULL ? error->message : "DIRECTORY and SEED are needed");
    return EXIT_FAILURE;
  }
  random = g_rand_new_with_seed ((guint32)g_ascii_strtoull (argv[2], NULL, 10));
  while (fgets (line, sizeof line, stdin) != NULL) {
    g_auto (GStrv) words = g_strsplit (g_strchomp (line), "\t", 4);

    if (g_strv_length (words) != 4) {
      fprintf (stderr, "read-all: a line of the list is malformed\n");
      return EXIT_FAILURE;
    }
    read_line (places, words, random);
  }
  g_rand_free (random);
  return EXIT_SUCCESS;
}
