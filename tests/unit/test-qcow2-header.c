/* The header and the snapshot table of qcow2 images: real ones made by qemu-img, and ones that
 * contradict themselves. */
#include "../../backend/qcow2/snapshots.h"
#include "images.h"
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/* Of work, with ThreadSanitizer; a loaded machine takes longer. */
#define HOSTILE (5 * CLOCKS_PER_SEC)

static char *scratch;

static int
open_image (const char *name)
{
  g_autofree char *path = g_build_filename (scratch, name, NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  assert_true (fd >= 0);
  return fd;
}

static Qcow2Header *
read_header (const char *name)
{
  g_autoptr (GError) error = NULL;
  int fd = open_image (name);
  Qcow2Header *header = qcow2_header_read (fd, &error);
  close (fd);
  if (!header)
    fail_msg ("%s: %s", name, error->message);
  return header;
}

static void
every_kind_of_image_is_read (void **state)
{
  static const char *const sizes[] = { "512", "4096", "65536", "2097152" };
  for (guint version = 2; version <= 3; version++)
    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
      images_run (scratch, "qemu-img create -q -f qcow2 -o compat=%s,cluster_size=%s a.qcow2 %d",
                  version == 2 ? "0.10" : "1.1", sizes[i], 123 * 512);
      g_autoptr (Qcow2Header) header = read_header ("a.qcow2");
      assert_int_equal (header->version, version);
      assert_int_equal (1 << header->cluster_bits, atoi (sizes[i]));
      assert_int_equal (header->size, 123 * 512);
      assert_null (header->backing);
      assert_false (header->encrypted);
      assert_false (header->data_file);
      assert_int_equal (header->unknown_features, 0);
      assert_int_equal (header->snapshots, 0);
    }
}

static void
empty_and_huge_disks_are_read (void **state)
{
  static const char *const options[] = { "a.qcow2 0",
                                         "a.qcow2 60T",
                                         "-o extended_l2=on,cluster_size=128k a.qcow2 3T",
                                         "-o compression_type=zstd a.qcow2 1M",
                                         "-o refcount_bits=64 a.qcow2 1M",
                                         "-o preallocation=metadata a.qcow2 1M" };
  for (guint i = 0; i < G_N_ELEMENTS (options); i++) {
    images_run (scratch, "qemu-img create -q -f qcow2 %s", options[i]);
    qcow2_header_free (read_header ("a.qcow2"));
  }
}

static void
backing_names_are_read (void **state)
{
  g_autofree char *longest = g_strnfill (1023, 'x');
  images_run (scratch, "qemu-img create -q -f qcow2 -u -b base.qcow2 -F qcow2 a.qcow2 1M");
  g_autoptr (Qcow2Header) header = read_header ("a.qcow2");
  assert_string_equal (header->backing, "base.qcow2");
  assert_string_equal (header->backing_format, "qcow2");
  images_run (scratch, "qemu-img create -q -f qcow2 -u -b %s -F raw a.qcow2 1M", longest);
  g_autoptr (Qcow2Header) other = read_header ("a.qcow2");
  assert_string_equal (other->backing, longest);
  assert_string_equal (other->backing_format, "raw");
}

static void
encryption_and_data_files_are_told (void **state)
{
  images_run (scratch, "qemu-img create -q -f qcow2 -o data_file=d.raw a.qcow2 1M");
  g_autoptr (Qcow2Header) header = read_header ("a.qcow2");
  assert_true (header->data_file);
  images_run (scratch, "qemu-img create -q -f qcow2 e.qcow2 1M && printf '\\001' | "
                       "dd of=e.qcow2 bs=1 seek=35 conv=notrunc status=none");
  g_autoptr (Qcow2Header) other = read_header ("e.qcow2");
  assert_true (other->encrypted);
}

static void
snapshots_are_listed (void **state)
{
  g_autofree char *longest = g_strnfill (255, 't');
  g_autoptr (GError) error = NULL;
  images_run (scratch,
              "qemu-img create -q -f qcow2 a.qcow2 1M && qemu-img snapshot -c one a.qcow2"
              " && qemu-img snapshot -c one a.qcow2 && qemu-img snapshot -c '' a.qcow2"
              " && qemu-img snapshot -c %s a.qcow2 && qemu-img resize -q a.qcow2 2M",
              longest);
  int fd = open_image ("a.qcow2");
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, &error);
  assert_non_null (header);
  assert_int_equal (header->snapshots, 4);
  g_autoptr (GPtrArray) found = qcow2_snapshots_read (fd, header, &error);
  close (fd);
  assert_non_null (found);
  assert_int_equal (found->len, 4);
  const char *tags[] = { "one", "one", "", longest };
  for (guint i = 0; i < 4; i++) {
    const Qcow2Snapshot *snapshot = g_ptr_array_index (found, i);
    g_autofree char *id = g_strdup_printf ("%u", i + 1);
    assert_string_equal (snapshot->id, id);
    assert_string_equal (snapshot->tag, tags[i]);
    assert_int_equal (snapshot->disk_size, 1024 * 1024);
    assert_int_equal (snapshot->vm_state_size, 0);
    assert_true (ABS (snapshot->created - g_get_real_time () / G_USEC_PER_SEC) < 3600);
  }
}

/* ---- images that lie: a good one with a few bytes changed ---- */

typedef struct {
  const char *what;
  guint offset;
  guint length; /* of the number written there, big endian */
  guint64 value;
} Lie;

static const Lie header_lies[] = {
  { "magic", 0, 4, 0x51464900 },
  { "version 1", 4, 4, 1 },
  { "version 4", 4, 4, 4 },
  { "backing name far away", 8, 8, 1 << 20 },
  { "backing name wraps", 8, 8, G_MAXUINT64 - 3 },
  { "backing name in the header is cut", 8, 8, 65536 - 4 },
  { "cluster bits 8", 20, 4, 8 },
  { "cluster bits 22", 20, 4, 22 },
  { "cluster bits huge", 20, 4, G_MAXUINT32 },
  { "disk larger than its table", 24, 8, G_GUINT64_CONSTANT (1) << 50 },
  { "disk larger than anything", 24, 8, G_MAXUINT64 },
  { "encryption 3", 32, 4, 3 },
  { "no L1 table", 36, 4, 0 },
  { "L1 table huge", 36, 4, G_MAXUINT32 },
  { "L1 table unaligned", 40, 8, 0x30001 },
  { "L1 table nowhere", 40, 8, 0 },
  { "L1 table behind the end", 40, 8, G_GUINT64_CONSTANT (1) << 40 },
  { "L1 table wraps", 40, 8, G_GUINT64_CONSTANT (0xffffffffffff0000) },
  { "refcount table unaligned", 48, 8, 0x10200 },
  { "refcount table behind the end", 48, 8, G_GUINT64_CONSTANT (1) << 40 },
  { "refcount table wraps", 48, 8, G_GUINT64_CONSTANT (0xffffffffffff0000) },
  { "refcount table empty", 56, 4, 0 },
  { "refcount table huge", 56, 4, G_MAXUINT32 },
  { "too many snapshots", 60, 4, 65537 },
  { "snapshots huge", 60, 4, G_MAXUINT32 },
  { "snapshot table unaligned", 64, 8, 12345 },
  { "snapshot table wraps", 64, 8, G_GUINT64_CONSTANT (0xffffffffffff0000) },
  { "snapshot table behind the end", 64, 8, G_GUINT64_CONSTANT (1) << 40 },
  { "refcount order 7", 96, 4, 7 },
  { "header length 96", 100, 4, 96 },
  { "header length 105", 100, 4, 105 },
  { "header length huge", 100, 4, G_MAXUINT32 },
  { "header length beyond the cluster", 100, 4, 65536 + 8 },
  { "extension huge", 116, 4, G_MAXUINT32 },
  { "format name long", 116, 4, 16 },
};

static void
put_number (char *bytes, const Lie *lie)
{
  for (guint i = 0; i < lie->length; i++)
    bytes[lie->offset + i] = (char)(lie->value >> 8 * (lie->length - 1 - i));
}

/* An overlay with two snapshots: all fields of the header are in use. */
static char *
good_image (gsize *length)
{
  g_autofree char *path = g_build_filename (scratch, "good.qcow2", NULL);
  char *bytes = NULL;
  images_run (scratch, "qemu-img create -q -f raw base.raw 1M && "
                       "qemu-img create -q -f qcow2 -b base.raw -F raw good.qcow2 1M && "
                       "qemu-img snapshot -c one good.qcow2 && "
                       "qemu-img snapshot -c two good.qcow2");
  assert_true (g_file_get_contents (path, &bytes, length, NULL));
  return bytes;
}

/* Reads all that there is; TRUE: it was refused. */
static gboolean
is_refused (const char *what)
{
  g_autoptr (GError) error = NULL;
  clock_t start = clock ();
  int fd = open_image ("bad.qcow2");
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, &error);
  g_autoptr (GPtrArray) found = header ? qcow2_snapshots_read (fd, header, &error) : NULL;
  close (fd);
  if (clock () - start > HOSTILE)
    fail_msg ("%s: took too long", what);
  if (!found && !g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED))
    fail_msg ("%s: %s", what, error->message);
  return !found;
}

static void
lies_in_the_header_are_refused (void **state)
{
  gsize length;
  g_autofree char *good = good_image (&length);
  for (guint i = 0; i < G_N_ELEMENTS (header_lies); i++) {
    g_autofree char *bad = g_memdup2 (good, length);
    put_number (bad, &header_lies[i]);
    images_write (scratch, "bad.qcow2", bad, length);
    if (!is_refused (header_lies[i].what))
      fail_msg ("%s: was not refused", header_lies[i].what);
  }
}

static void
lies_in_the_snapshot_table_are_refused (void **state)
{
  gsize length;
  g_autofree char *good = good_image (&length);
  guint64 table;
  memcpy (&table, good + 64, sizeof table);
  table = GUINT64_FROM_BE (table);
  const Lie lies[] = {
    { "extra data", (guint)table + 36, 4, 1025 },
    { "extra data huge", (guint)table + 36, 4, G_MAXUINT32 },
    { "more entries than there are", 60, 4, 65536 },
    { "the table is the last byte", 64, 8, (length - 1) & ~(guint64)65535 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++) {
    g_autofree char *bad = g_memdup2 (good, length);
    put_number (bad, &lies[i]);
    images_write (scratch, "bad.qcow2", bad, length);
    gboolean refused = is_refused (lies[i].what);
    /* Many empty entries are no contradiction as long as the file has bytes for them. */
    if (!refused && i < 2)
      fail_msg ("%s: was not refused", lies[i].what);
  }
}

static void
a_file_cut_anywhere_is_refused_or_read (void **state)
{
  gsize length;
  g_autofree char *good = good_image (&length);
  for (gsize cut = 0; cut < 200; cut++) {
    images_write (scratch, "bad.qcow2", good, cut);
    assert_true (is_refused ("cut"));
  }
  for (gsize cut = 200; cut < length; cut += 4099) {
    images_write (scratch, "bad.qcow2", good, cut);
    is_refused ("cut");
  }
}

/* 65,536 entries with the longest names would be 8 GiB. */
static void
a_table_of_longest_names_ends_at_its_limit (void **state)
{
  gsize length;
  g_autofree char *good = good_image (&length);
  const gsize whole = 80 * 1024 * 1024;
  g_autofree char *bad = g_malloc (whole);
  const Lie lies[] = { { "count", 60, 4, 65536 }, { "table", 64, 8, 1 << 20 } };
  memset (bad, 0xff, whole);
  memcpy (bad, good, length);
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    put_number (bad, &lies[i]);
  for (gsize at = 1 << 20; at + 131200 < whole; at += 40 + 2 * 65535 + 2)
    memset (bad + at + 36, 0, 4); /* no extra data */
  images_write (scratch, "bad.qcow2", bad, whole);
  assert_true (is_refused ("longest names"));
}

static void
unknown_features_are_reported (void **state)
{
  gsize length;
  g_autofree char *bytes = good_image (&length);
  const Lie unknown = { "bit 40", 72, 8, G_GUINT64_CONSTANT (1) << 40 };
  put_number (bytes, &unknown);
  images_write (scratch, "a.qcow2", bytes, length);
  g_autoptr (Qcow2Header) header = read_header ("a.qcow2");
  assert_true (header->unknown_features == G_GUINT64_CONSTANT (1) << 40);
}

static void
a_directory_or_device_is_refused (void **state)
{
  g_autoptr (GError) error = NULL;
  int fd = open (scratch, O_RDONLY | O_CLOEXEC);
  assert_null (qcow2_header_read (fd, &error));
  close (fd);
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_kind_of_image_is_read),
    cmocka_unit_test (empty_and_huge_disks_are_read),
    cmocka_unit_test (backing_names_are_read),
    cmocka_unit_test (encryption_and_data_files_are_told),
    cmocka_unit_test (snapshots_are_listed),
    cmocka_unit_test (lies_in_the_header_are_refused),
    cmocka_unit_test (lies_in_the_snapshot_table_are_refused),
    cmocka_unit_test (a_file_cut_anywhere_is_refused_or_read),
    cmocka_unit_test (a_table_of_longest_names_ends_at_its_limit),
    cmocka_unit_test (unknown_features_are_reported),
    cmocka_unit_test (a_directory_or_device_is_refused),
  };
  scratch = images_directory ();
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  images_remove (scratch);
  return failed;
}
