/* The bytes of disks: reading them, their holes, and what an open disk keeps others from. */
#include "contract.h"

#include "../../backend/threads.h"

#include <string.h>

#define THREADS 4
#define OPENINGS 20
#define BLOCK (1 << 20)
#define MOST_OF_AN_EXTENT (4 * BLOCK) /* that is looked at */

/* The first disk of the domain. */
static char *
first_target (Contract *contract)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const Disk *disk = g_ptr_array_index (domain->disks, 0);

  return g_strdup (disk->target);
}

/* Its reader, which must be one. */
static DiskReader *
open_first (Contract *contract, const char *snapshot)
{
  g_autofree char *target = first_target (contract);
  GError *error = NULL;
  DiskReader *reader =
      backend_open_disk (contract->backend, contract->domain, snapshot, target, &error);

  assert_no_error (error);
  assert_non_null (reader);
  return reader;
}

static guint64
hash_bytes (guint64 hash, const guchar *bytes, gsize count)
{
  for (gsize i = 0; i < count; i++)
    hash = (hash ^ bytes[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/* FALSE when something is wrong; @hash: of what is in the data extents and where they are. */
static gboolean
hash_disk (DiskReader *reader, guint64 *hash)
{
  g_autofree guchar *buffer = g_malloc (BLOCK);

  *hash = 1;
  for (guint64 offset = 0; offset < reader->size;) {
    Extent extent;

    if (!disk_reader_extent (reader, offset, TRUE, &extent, NULL))
      return FALSE;
    *hash = hash_bytes (*hash ^ offset, (const guchar *)&extent.kind, 1);
    for (guint64 at = 0; at < MIN (extent.length, MOST_OF_AN_EXTENT); at += BLOCK) {
      gsize count = MIN (BLOCK, extent.length - at);

      if (!disk_reader_read (reader, buffer, count, offset + at, TRUE, NULL))
        return FALSE;
      *hash = hash_bytes (*hash, buffer, count);
    }
    offset += extent.length;
  }
  return TRUE;
}

static guint64
hash_of (Contract *contract, const char *snapshot)
{
  g_autoptr (DiskReader) reader = open_first (contract, snapshot);
  guint64 hash = 0;

  assert_true (hash_disk (reader, &hash));
  return hash;
}

static void
disks_have_the_size_that_is_said (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *target = first_target (contract);
  g_autoptr (Domain) domain = contract_look (contract);
  const Disk *now = g_ptr_array_index (domain->disks, 0);
  const Disk *then = g_ptr_array_index (domain_snapshot (domain, base)->disks, 0);
  g_autoptr (DiskReader) live = open_first (contract, NULL);
  g_autoptr (DiskReader) frozen = open_first (contract, base);
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
  guint64 hash = hash_of (contract, base);
  g_autofree char *next = NULL;
  GError *error = NULL;

  assert_int_equal (hash_of (contract, base), hash);
  assert_true (contract_rename (contract, base, "ground", &error));
  assert_true (contract_describe (contract, base, "as it was", &error));
  assert_int_equal (hash_of (contract, base), hash);
  next = contract_take (contract, "next");
  assert_true (contract_revert (contract, base, &error));
  assert_int_equal (hash_of (contract, base), hash);
  assert_true (contract_discard (contract, next, &error));
  assert_int_equal (hash_of (contract, base), hash);
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
  g_autoptr (DiskReader) reader = open_first (contract, base);
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
  g_autoptr (DiskReader) reader = open_first (contract, NULL);
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
  g_autoptr (DiskReader) reader = open_first (contract, NULL);
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
  g_autoptr (DiskReader) reader = open_first (contract, NULL);
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
  g_autoptr (DiskReader) reader = open_first (contract, NULL);
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
  g_autofree char *target = first_target (contract);
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

static void
a_snapshot_that_is_read_cannot_be_discarded (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *leaf = contract_take (contract, "leaf");
  g_autofree char *target = first_target (contract);
  DiskReader *first = open_first (contract, leaf);
  DiskReader *second = open_first (contract, leaf);
  GError *error = NULL;

  assert_false (contract_discard (contract, leaf, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  disk_reader_close (first);
  assert_false (contract_discard (contract, leaf, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  disk_reader_close (second);
  /* Reading one snapshot keeps no other. */
  first = open_first (contract, base);
  assert_true (contract_discard (contract, leaf, &error));
  disk_reader_close (first);
  assert_null (backend_open_disk (contract->backend, contract->domain, leaf, target, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_true (contract_discard (contract, base, &error));
}

static void
the_live_disk_can_be_read_while_a_snapshot_is_taken (void **state)
{
  Contract *contract = *state;
  g_autoptr (DiskReader) reader = open_first (contract, NULL);
  g_autofree char *id = NULL;
  guint64 before = 0, after = 0;

  assert_true (hash_disk (reader, &before));
  id = contract_take (contract, "base");
  assert_true (hash_disk (reader, &after));
  assert_int_equal (before, after);
}

typedef struct {
  DiskReader *reader;
  guint64 hash;
  gboolean read;
} Hasher;

static void *
hash_in_thread (void *data)
{
  Hasher *hasher = data;

  hasher->read = hash_disk (hasher->reader, &hasher->hash);
  return NULL;
}

static void
readers_in_parallel_read_the_same (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autoptr (DiskReader) shared = open_first (contract, base);
  g_autoptr (DiskReader) other = open_first (contract, base);
  guint64 expected = hash_of (contract, base);
  Hasher hashers[THREADS];
  pthread_t threads[THREADS];

  for (guint i = 0; i < THREADS; i++) {
    hashers[i] = (Hasher){ .reader = i == 0 ? other : shared };
    threads[i] = thread_start ("hasher", hash_in_thread, &hashers[i]);
  }
  for (guint i = 0; i < THREADS; i++)
    thread_join (threads[i]);
  for (guint i = 0; i < THREADS; i++) {
    assert_true (hashers[i].read);
    assert_int_equal (hashers[i].hash, expected);
  }
}

typedef struct {
  Contract *contract;
  const char *snapshot;
  const char *target;
  guint64 expected;
  gboolean wrong; /* other bytes, or an error that is none of those allowed */
} Opener;

static void
open_once (Opener *opener)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DiskReader) reader =
      backend_open_disk (opener->contract->backend, opener->contract->domain, opener->snapshot,
                         opener->target, &error);
  guint64 hash = 0;

  if (reader != NULL && (!hash_disk (reader, &hash) || hash != opener->expected))
    opener->wrong = TRUE;
  if (error != NULL && error->code != BACKEND_ERROR_NOT_FOUND && error->code != BACKEND_ERROR_BUSY)
    opener->wrong = TRUE;
}

static void *
open_again_and_again (void *data)
{
  for (guint i = 0; i < OPENINGS; i++)
    open_once (data);
  return NULL;
}

static void
who_opens_while_it_is_discarded_reads_it_right_or_not (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *target = first_target (contract);
  Opener opener = {
    .contract = contract, .snapshot = base, .target = target, .expected = hash_of (contract, base)
  };
  pthread_t thread = thread_start ("opener", open_again_and_again, &opener);
  GError *error = NULL;

  while (!contract_discard (contract, base, &error))
    assert_error (&error, BACKEND_ERROR_BUSY);
  thread_join (thread);
  assert_false (opener.wrong);
  contract_assert_count (contract, 0);
}

int
contract_bytes (void)
{
  const struct CMUnitTest tests[] = {
    contract_test (disks_have_the_size_that_is_said),
    contract_test (a_snapshot_reads_the_same_for_ever),
    contract_test (holes_are_zero_and_there_are_both),
    contract_test (searches_find_what_the_extents_say),
    contract_test (a_read_gives_the_same_however_it_is_cut),
    contract_test (what_is_not_within_the_disk_is_refused),
    contract_test (what_would_wait_says_so_without_an_error),
    contract_test (what_does_not_exist_is_not_found),
    contract_test (a_snapshot_that_is_read_cannot_be_discarded),
    contract_test (the_live_disk_can_be_read_while_a_snapshot_is_taken),
    contract_test (readers_in_parallel_read_the_same),
    contract_test (who_opens_while_it_is_discarded_reads_it_right_or_not),
  };

  return cmocka_run_group_tests_name ("bytes", tests, NULL, NULL);
}
