/* Reading disks out of images: the rules that random images (tests/images) and hostile ones
 * (tests/hostile) would only meet by chance. */
#include "../../backend/disk-reader.h"
#include "../../backend/error.h"
#include "../../backend/qcow2/cluster.h"
#include "../../backend/qcow2/reader.h"
#include "temporary.h"
#include <errno.h>
#include <sys/stat.h>

#define KIB 1024
#define MIB (1024 * KIB)

static guint opened; /* how many files the opener let through */

static int
open_plain (gpointer data, const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    fail_errno (error, "%s", path);
  else
    opened++;
  return fd;
}

static const ImageOpener opener = { open_plain, NULL };

static DiskReader *
open_image (const TemporaryDirectory *directory, const char *file, ImageFormat format,
            const char *snapshot, GError **error)
{
  g_autofree char *path = g_build_filename (directory->path, file, NULL);
  return image_reader_open (&opener, path, format, snapshot, error);
}

static DiskReader *
open_qcow2 (const TemporaryDirectory *directory, const char *file)
{
  g_autoptr (GError) error = NULL;
  DiskReader *reader = open_image (directory, file, IMAGE_QCOW2, NULL, &error);
  assert_null (error);
  return reader;
}

static void
assert_refused (const TemporaryDirectory *directory, const char *file, ImageFormat format,
                const char *snapshot, BackendError code)
{
  g_autoptr (GError) error = NULL;
  assert_null (open_image (directory, file, format, snapshot, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, (int)code));
}

static void
sh (const TemporaryDirectory *directory, const char *command)
{
  images_run (directory->path, "%s", command);
}

/* Whether @count bytes at @offset can be read and all are @byte. */
static gboolean
is_all (DiskReader *reader, guint64 offset, gsize count, guint8 byte)
{
  g_autofree guint8 *bytes = g_malloc (count);
  memset (bytes, ~byte, count);
  if (!disk_reader_read (reader, bytes, count, offset, TRUE, NULL))
    return FALSE;
  for (gsize i = 0; i < count; i++)
    if (bytes[i] != byte)
      return FALSE;
  return TRUE;
}

static void
assert_damaged (DiskReader *reader, guint64 offset, gsize count)
{
  g_autofree guint8 *bytes = g_malloc (count);
  g_autoptr (GError) error = NULL;
  assert_false (disk_reader_read (reader, bytes, count, offset, TRUE, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
}

static ExtentKind
kind_at (DiskReader *reader, guint64 offset)
{
  Extent extent;
  assert_true (disk_reader_extent (reader, offset, TRUE, &extent, NULL));
  return extent.kind;
}

/* ---- raw */

/* QEMU counts whole sectors; where a read begins must not matter. */
static void
test_raw_tail (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory, "head -c 1000 /dev/zero | tr '\\0' a > raw");
  g_autoptr (DiskReader) reader = open_image (directory, "raw", IMAGE_RAW, NULL, NULL);
  assert_int_equal (reader->size, 1024);
  assert_true (is_all (reader, 0, 1000, 'a'));
  assert_true (is_all (reader, 1000, 24, 0));
  assert_true (is_all (reader, 1010, 14, 0));
}

static void
test_raw_holes (void **state)
{
  const TemporaryDirectory *directory = *state;
  Extent extent;
  sh (directory,
      "truncate -s 8M raw && printf x | dd of=raw bs=1M seek=4 conv=notrunc status=none");
  g_autoptr (DiskReader) reader = open_image (directory, "raw", IMAGE_RAW, NULL, NULL);
  assert_true (disk_reader_extent (reader, 0, TRUE, &extent, NULL));
  assert_int_equal (extent.kind, EXTENT_ZERO);
  assert_int_equal (extent.length, 4 * MIB);
  assert_int_equal (kind_at (reader, 4 * MIB), EXTENT_DATA);
  assert_int_equal (kind_at (reader, 6 * MIB), EXTENT_ZERO);
}

static void
test_raw_shrinks (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory, "head -c 1M /dev/zero > raw");
  g_autoptr (DiskReader) reader = open_image (directory, "raw", IMAGE_RAW, NULL, NULL);
  sh (directory, "truncate -s 512K raw");
  assert_true (is_all (reader, 0, 512 * KIB, 0));
  assert_damaged (reader, 512 * KIB - 1, 2);
  assert_damaged (reader, 600 * KIB, 4 * KIB);
}

/* ---- chains */

static void
test_short_backing (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory,
      "qemu-img create -q -f qcow2 base 1M && qemu-io -f qcow2 -c 'write -q -P 1 0 1M' base"
      " && qemu-img create -q -f qcow2 -b base -F qcow2 middle 512K"
      " && qemu-img create -q -f qcow2 -b middle -F qcow2 top 2M");
  g_autoptr (DiskReader) reader = open_qcow2 (directory, "top");
  assert_int_equal (reader->size, 2 * MIB);
  assert_true (is_all (reader, 0, 512 * KIB, 1));
  /* The base has bytes there, but the image in between ends. */
  assert_true (is_all (reader, 512 * KIB, 2 * MIB - 512 * KIB, 0));
  assert_int_equal (kind_at (reader, 512 * KIB), EXTENT_ZERO);
}

static void
test_loops (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory, "qemu-img create -q -f qcow2 one 1M"
                 " && qemu-img create -q -f qcow2 -b one -F qcow2 two"
                 " && qemu-img rebase -u -f qcow2 -b ./../$(basename \"$PWD\")/two -F qcow2 one"
                 " && qemu-img create -q -f qcow2 self 1M && ln self other"
                 " && qemu-img rebase -u -f qcow2 -b other -F qcow2 self");
  assert_refused (directory, "one", IMAGE_QCOW2, NULL, BACKEND_ERROR_DAMAGED);
  assert_refused (directory, "two", IMAGE_QCOW2, NULL, BACKEND_ERROR_DAMAGED);
  assert_refused (directory, "self", IMAGE_QCOW2, NULL, BACKEND_ERROR_DAMAGED);
}

static void
test_wishes (void **state)
{
  const TemporaryDirectory *directory = *state;
  opened = 0;
  sh (directory, "qemu-img create -q -f qcow2 a 1M && cp a b && cp a c && cp a d"
                 " && qemu-img rebase -u -f qcow2 -b nbd://127.0.0.1:1/x -F raw a"
                 " && qemu-img rebase -u -f qcow2 -b 'json:{\"driver\":\"file\"}' -F raw b"
                 " && qemu-img rebase -u -f qcow2 -b /etc/passwd -F vmdk c"
                 " && qemu-img rebase -u -f qcow2 -b gone -F qcow2 d");
  assert_refused (directory, "a", IMAGE_QCOW2, NULL, BACKEND_ERROR_UNSUPPORTED);
  assert_refused (directory, "b", IMAGE_QCOW2, NULL, BACKEND_ERROR_UNSUPPORTED);
  assert_refused (directory, "c", IMAGE_QCOW2, NULL, BACKEND_ERROR_UNSUPPORTED);
  assert_refused (directory, "d", IMAGE_QCOW2, NULL, BACKEND_ERROR_NOT_FOUND);
  assert_int_equal (opened, 4); /* the images themselves */
}

/* A file under two names: where its base is depends on the name. */
static void
test_two_names (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory, "mkdir a b && for d in a b; do qemu-img create -q -f qcow2 $d/base 1M; done"
                 " && qemu-io -f qcow2 -c 'write -q -P 1 0 1M' a/base"
                 " && qemu-io -f qcow2 -c 'write -q -P 2 0 1M' b/base"
                 " && cd a && qemu-img create -q -f qcow2 -b base -F qcow2 top && ln top ../b/top");
  g_autoptr (DiskReader) one = open_qcow2 (directory, "a/top"),
                         other = open_qcow2 (directory, "b/top");
  assert_true (is_all (one, 0, MIB, 1));
  assert_true (is_all (other, 0, MIB, 2));
}

/* Text goes up from where a link stands, QEMU from where it leads. */
static void
test_up_behind_a_link (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory, "mkdir -p far/sub && ln -s far/sub link && qemu-img create -q -f qcow2 base 1M"
                 " && cp base far/base && qemu-img create -q -f qcow2 -b link/../base -F qcow2 top"
                 " && qemu-img create -q -f qcow2 -b ../$(basename \"$PWD\")/base -F qcow2 fine");
  assert_refused (directory, "top", IMAGE_QCOW2, NULL, BACKEND_ERROR_UNSUPPORTED);
  g_autoptr (DiskReader) fine = open_qcow2 (directory, "fine");
  assert_int_equal (fine->size, MIB);
}

/* ---- snapshots */

static void
test_snapshots (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory, "qemu-img create -q -f qcow2 i 1M && qemu-io -f qcow2 -c 'write -q -P 1 0 1M' i"
                 " && qemu-img snapshot -c 7 i && qemu-io -f qcow2 -c 'write -q -P 2 0 64K' i"
                 " && qemu-img snapshot -c 1 i && qemu-img resize -q -f qcow2 i 3M");
  g_autoptr (DiskReader) first = open_image (directory, "i", IMAGE_QCOW2, "1", NULL);
  g_autoptr (DiskReader) second = open_image (directory, "i", IMAGE_QCOW2, "2", NULL);
  assert_true (is_all (first, 0, MIB, 1));
  assert_true (is_all (second, 0, 64 * KIB, 2));
  assert_int_equal (first->size, MIB); /* of then, not of now */
  assert_refused (directory, "i", IMAGE_QCOW2, "7", BACKEND_ERROR_NOT_FOUND); /* a tag */
  assert_refused (directory, "i", IMAGE_RAW, "1", BACKEND_ERROR_NOT_FOUND);
}

/* ---- damage */

/* The last cluster of a file may be cut off behind what was written; anything more is lost. */
static void
test_cut_off (void **state)
{
  const TemporaryDirectory *directory = *state;
  struct stat status;
  sh (directory,
      "qemu-img create -q -f qcow2 i 1M && qemu-io -f qcow2 -c 'write -q -P 5 0 256K' i");
  assert_int_equal (fstatat (directory->fd, "i", &status, 0), 0);
  images_run (directory->path, "truncate -s %ld i", (long)status.st_size - 100 * KIB);
  g_autoptr (DiskReader) reader = open_qcow2 (directory, "i");
  assert_true (is_all (reader, 0, 156 * KIB, 5));
  assert_true (is_all (reader, 156 * KIB, 36 * KIB, 0)); /* of the cluster that is there in part */
  assert_true (is_all (reader, 160 * KIB, 4 * KIB, 0));
  assert_damaged (reader, 192 * KIB, 1);
  assert_damaged (reader, 0, 256 * KIB);
  assert_true (is_all (reader, 256 * KIB, 768 * KIB, 0));
  assert_int_equal (kind_at (reader, 192 * KIB), EXTENT_DATA); /* or cp would take it for a hole */
}

static guint64
peek (const TemporaryDirectory *directory, const char *file, off_t offset)
{
  int fd = openat (directory->fd, file, O_RDONLY | O_CLOEXEC);
  guint64 big = 0;
  assert_int_equal (pread (fd, &big, sizeof big, offset), sizeof big);
  close (fd);
  return GUINT64_FROM_BE (big);
}

/* What is missing of a table is not "nothing is there", which would let the backing file through.
 */
static void
test_cut_table (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory,
      "qemu-img create -q -f qcow2 base 64M && qemu-io -f qcow2 -c 'write -q -P 1 0 64M' base"
      " && qemu-img create -q -f qcow2 -b base -F qcow2 top"
      " && qemu-io -f qcow2 -c 'write -q -z 0 64M' top");
  off_t l1 = (off_t)peek (directory, "top", 40);
  off_t l2 = (off_t)(peek (directory, "top", l1) & 0x00fffffffffffe00);
  images_run (directory->path, "truncate -s %ld top", (long)l2 + 4096 + 8);
  g_autoptr (DiskReader) reader = open_qcow2 (directory, "top");
  assert_true (is_all (reader, 0, 32 * MIB, 0));
  assert_damaged (reader, 32 * MIB, 512);
  assert_damaged (reader, 33 * MIB, 512);
}

static void
poke (const TemporaryDirectory *directory, const char *file, off_t offset, guint64 value)
{
  int fd = openat (directory->fd, file, O_WRONLY | O_CLOEXEC);
  guint64 big = GUINT64_TO_BE (value);
  assert_int_equal (pwrite (fd, &big, sizeof big, offset), sizeof big);
  close (fd);
}

static void
test_damaged_entries (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory,
      "qemu-img create -q -f qcow2 i 1G && qemu-io -f qcow2 -c 'write -q -P 5 0 256K' i");
  off_t l1 = (off_t)peek (directory, "i", 40);
  off_t l2 = (off_t)(peek (directory, "i", l1) & 0x00fffffffffffe00);
  poke (directory, "i", l2 + 8, peek (directory, "i", l2 + 8) | 0x200); /* not aligned */
  poke (directory, "i", l1 + 8, 0x1);                                   /* reserved, and empty */
  g_autoptr (DiskReader) reader = open_qcow2 (directory, "i");
  assert_true (is_all (reader, 0, 64 * KIB, 5));
  assert_damaged (reader, 64 * KIB, 512);
  assert_true (is_all (reader, 128 * KIB, 128 * KIB, 5));
  assert_damaged (reader, G_GUINT64_CONSTANT (512) * MIB, 512);
  /* No extent goes over it. */
  for (guint64 at = 256 * KIB; at < G_GUINT64_CONSTANT (512) * MIB;) {
    Extent extent;
    assert_true (disk_reader_extent (reader, at, TRUE, &extent, NULL));
    at += extent.length;
    assert_true (at <= G_GUINT64_CONSTANT (512) * MIB);
  }
}

/* ---- compressed */

static void
test_without_waiting (void **state)
{
  const TemporaryDirectory *directory = *state;
  guint8 bytes[512];
  g_autoptr (GError) error = NULL;
  sh (directory,
      "qemu-img create -q -f qcow2 i 1M && qemu-io -f qcow2 -c 'write -q -c -P 9 0 64K' i");
  g_autoptr (DiskReader) reader = open_qcow2 (directory, "i");
  assert_false (disk_reader_read (reader, bytes, sizeof bytes, 512, FALSE, &error));
  assert_null (error); /* it would have to decompress */
  assert_true (disk_reader_read (reader, bytes, sizeof bytes, 512, TRUE, &error));
  assert_true (disk_reader_read (reader, bytes, sizeof bytes, 1024, FALSE, &error));
  assert_int_equal (bytes[511], 9);
}

/* Every cluster other bytes; all sizes of requests, from the begin to the end and at random. */
static void
test_sequential_compressed (void **state)
{
  const TemporaryDirectory *directory = *state;
  static guint8 expected[8 * MIB], bytes[8 * MIB];
  for (guint i = 0; i < sizeof expected; i++)
    expected[i] = (guint8)(i * 7 + i / 4096 * 13 + i / (64 * KIB));
  images_write (directory->path, "raw", expected, sizeof expected);
  sh (directory, "qemu-img convert -f raw -O qcow2 -c raw zlib"
                 " && qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd raw zstd");
  for (guint i = 0; i < 2; i++) {
    g_autoptr (DiskReader) reader = open_qcow2 (directory, i ? "zstd" : "zlib");
    g_autoptr (DiskReader) other = open_qcow2 (directory, i ? "zstd" : "zlib");
    gsize step = 100 * KIB + 17;
    for (gsize at = 0; at < sizeof bytes; at += step) {
      gsize count = MIN (step, sizeof bytes - at);
      assert_true (disk_reader_read (reader, bytes + at, count, at, TRUE, NULL));
      assert_true (disk_reader_read (other, bytes + at, count, at, TRUE, NULL));
    }
    assert_memory_equal (bytes, expected, sizeof expected);
  }
}

/* Who seeks about and reads on everywhere does not fill the memory with work. */
static void
test_ahead_is_bounded (void **state)
{
  const TemporaryDirectory *directory = *state;
  guint refused = 0;
  sh (directory, "qemu-img create -q -f qcow2 -o cluster_size=2M i 4G");
  g_autofree char *path = g_build_filename (directory->path, "i", NULL);
  g_autoptr (Image) image = image_open (&opener, path, IMAGE_QCOW2, NULL);
  for (guint64 i = 1; i < 1000; i++)
    refused += !cluster_ahead (image, i * 512, 512);
  assert_true (refused > 0);
}

/* ---- sharing */

static void
test_replaced_file (void **state)
{
  const TemporaryDirectory *directory = *state;
  sh (directory,
      "qemu-img create -q -f qcow2 i 1M && qemu-io -f qcow2 -c 'write -q -P 1 0 1M' i"
      " && qemu-img create -q -f qcow2 j 1M && qemu-io -f qcow2 -c 'write -q -P 2 0 1M' j");
  g_autoptr (DiskReader) before = open_qcow2 (directory, "i");
  assert_true (is_all (before, 0, MIB, 1));
  sh (directory, "cat j > i"); /* the same file with other bytes, as no one may do it */
  g_autoptr (DiskReader) after = open_qcow2 (directory, "i");
  assert_true (is_all (after, 0, MIB, 2));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (test_raw_tail),
    temporary_test (test_raw_holes),
    temporary_test (test_raw_shrinks),
    temporary_test (test_short_backing),
    temporary_test (test_loops),
    temporary_test (test_wishes),
    temporary_test (test_two_names),
    temporary_test (test_up_behind_a_link),
    temporary_test (test_snapshots),
    temporary_test (test_cut_off),
    temporary_test (test_cut_table),
    temporary_test (test_damaged_entries),
    temporary_test (test_without_waiting),
    temporary_test (test_sequential_compressed),
    temporary_test (test_ahead_is_bounded),
    temporary_test (test_replaced_file),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
