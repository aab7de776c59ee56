/* The bytes of disks: reading them, and their holes. */
#include "contract.h"

#include <string.h>

#define BLOCK (1 << 20)

static void
disks_have_the_size_that_is_said (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *target = contract_target (contract);
  g_autoptr (Domain) domain = contract_look (contract);
  const Disk *now = g_ptr_array_index (domain->disks, 0);
  const Disk *then = g_ptr_array_index (domain_snapshot (domain, base)->disks, 0);
  g_autoptr (DiskReader) live = contract_open (contract, NULL);
  g_autoptr (DiskReader) frozen = contract_open (contract, base);
  DiskMeasure measure;
  GError *error = NULL;

  assert_true (now->readable && then->readable);
  assert_int_equal (live->size, now->size);
  assert_int_equal (frozen->size, then->size);
  assert_true (
      backend_measure_disk (contract->backend, contract->domain, target, &measure, &error));
  assert_int_equal (measure.size, now->size);
  assert_true (measure.modified > 0);
}

static void
a_snapshot_reads_the_same_for_ever (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  guint64 hash = contract_hash (contract, base);
  g_autofree char *next = NULL;
  GError *error = NULL;

  assert_int_equal (contract_hash (contract, base), hash);
  assert_true (contract_rename (contract, base, "ground", &error));
  assert_true (contract_describe (contract, base, "as it was", &error));
  assert_int_equal (contract_hash (contract, base), hash);
  next = contract_take (contract, "next");
  assert_true (contract_revert (contract, base, &error));
  assert_int_equal (contract_hash (contract, base), hash);
  assert_true (contract_discard (contract, next, &error));
  assert_int_equal (contract_hash (contract, base), hash);
}

static gboolean
is_zero (const guchar *bytes, gsize count)
{
  for (gsize i = 0; i < count; i++)
    if (bytes[i] != 0)
      return FALSE;
  return TRUE;
}

static void
holes_are_zero_and_there_are_both (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autoptr (DiskReader) reader = contract_open (contract, base);
  g_autofree guchar *buffer = g_malloc (BLOCK);
  guint count[] = { [EXTENT_DATA] = 0, [EXTENT_ZERO] = 0 };

  for (guint64 offset = 0; offset < reader->size;) {
    Extent extent;
    GError *error = NULL;
    gsize length;

    assert_true (disk_reader_extent (reader, offset, TRUE, &extent, &error));
    length = MIN (extent.length, BLOCK);
    assert_true (disk_reader_read (reader, buffer, length, offset, TRUE, &error));
    if (extent.kind == EXTENT_ZERO)
      assert_true (is_zero (buffer, length));
    count[extent.kind]++;
    offset += extent.length;
  }
  assert_true (count[EXTENT_DATA] > 0);
  assert_true (count[EXTENT_ZERO] > 0);
}

static void
searches_find_what_the_extents_say (void **state)
{
  Contract *contract = *state;
  g_autoptr (DiskReader) reader = contract_open (contract, NULL);
  guint64 data = 0, hole = 0, offset = 0;
  GError *error = NULL;

  while (offset < reader->size) {
    Extent extent;

    assert_true (disk_reader_seek (reader, offset, EXTENT_DATA, TRUE, &data, &error));
    assert_true (disk_reader_seek (reader, offset, EXTENT_ZERO, TRUE, &hole, &error));
    assert_true (disk_reader_extent (reader, offset, TRUE, &extent, &error));
    assert_true (data == offset || hole == offset);
    assert_int_equal (hole == offset, extent.kind == EXTENT_ZERO);
    offset = MAX (data, hole);
  }
  assert_int_equal (offset, reader->size);
}

static void
a_read_gives_the_same_however_it_is_cut (void **state)
{
  Contract *contract = *state;
  g_autoptr (DiskReader) reader = contract_open (contract, NULL);
  g_autofree guchar *whole = g_malloc (BLOCK);
  g_autofree guchar *piece = g_malloc (BLOCK);
  guint64 start = 0;
  GError *error = NULL;

  assert_true (disk_reader_seek (reader, 0, EXTENT_DATA, TRUE, &start, &error));
  start = MIN (start, reader->size - BLOCK);
  assert_true (disk_reader_read (reader, whole, BLOCK, start, TRUE, &error));
  for (gsize at = 0, count = 1; at < BLOCK; at += count, count = count * 3 + 1) {
    count = MIN (count, BLOCK - at);
    assert_true (disk_reader_read (reader, piece, count, start + at, TRUE, &error));
    assert_memory_equal (piece, whole + at, count);
  }
}

static void
what_is_not_within_the_disk_is_refused (void **state)
{
  Contract *contract = *state;
  g_autoptr (DiskReader) reader = contract_open (contract, NULL);
  GError *error = NULL;
  guchar bytes[2];
  Extent extent;

  assert_true (disk_reader_read (reader, bytes, 1, reader->size - 1, TRUE, &error));
  assert_true (disk_reader_read (reader, bytes, 0, reader->size, TRUE, &error));
  assert_false (disk_reader_read (reader, bytes, 2, reader->size - 1, TRUE, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (disk_reader_read (reader, bytes, 2, G_MAXUINT64, TRUE, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (disk_reader_extent (reader, reader->size, TRUE, &extent, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
what_would_wait_says_so_without_an_error (void **state)
{
  Contract *contract = *state;
  g_autoptr (DiskReader) reader = contract_open (contract, NULL);
  GError *error = NULL;
  guchar bytes[512];

  if (!disk_reader_read (reader, bytes, sizeof bytes, 0, FALSE, &error))
    assert_no_error (error);
  assert_true (disk_reader_read (reader, bytes, sizeof bytes, 0, TRUE, &error));
}

static void
what_does_not_exist_is_not_found (void **state)
{
  Contract *contract = *state;
  Backend *backend = contract->backend;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *target = contract_target (contract);
  DiskMeasure measure;
  GError *error = NULL;

  assert_null (backend_open_disk (backend, "no such domain", NULL, target, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  /* An id is not a name. */
  assert_null (backend_open_disk (backend, contract->domain, "base", target, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_null (backend_open_disk (backend, contract->domain, base, "no such disk", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_null (backend_open_disk (backend, contract->domain, NULL, "no such disk", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (backend_measure_disk (backend, "no such domain", target, &measure, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (backend_measure_disk (backend, contract->domain, "no such disk", &measure, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

int
contract_bytes (void)
{
  static const ContractTest tests[] = {
    contract_test_where (disks_have_the_size_that_is_said, WHERE_READABLE),
    contract_test_where (a_snapshot_reads_the_same_for_ever, WHERE_READABLE),
    contract_test_where (holes_are_zero_and_there_are_both, WHERE_READABLE | WHERE_HOLES),
    contract_test_where (searches_find_what_the_extents_say, WHERE_READABLE),
    contract_test_where (a_read_gives_the_same_however_it_is_cut, WHERE_READABLE),
    contract_test_where (what_is_not_within_the_disk_is_refused, WHERE_READABLE),
    contract_test_where (what_would_wait_says_so_without_an_error, WHERE_READABLE),
    contract_test_where (what_does_not_exist_is_not_found, WHERE_READABLE),
  };

  return contract_ask ("bytes", tests);
}
