/* Who reads a disk while others change things: what that keeps them from, and what it does not. */
#include "contract.h"

#include "../../backend/threads.h"

#define THREADS 4
#define OPENINGS 20

static guint64
hash_disk (Contract *contract, const char *snapshot)
{
  g_autoptr (DiskReader) reader = contract_open (contract, snapshot);
  guint64 hash = 0;

  assert_true (contract_hash_disk (reader, &hash));
  return hash;
}

static void
a_snapshot_that_is_read_cannot_be_discarded (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *leaf = contract_take (contract, "leaf");
  g_autofree char *target = contract_target (contract);
  DiskReader *first = contract_open (contract, leaf);
  DiskReader *second = contract_open (contract, leaf);
  GError *error = NULL;

  assert_false (contract_discard (contract, leaf, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  disk_reader_close (first);
  assert_false (contract_discard (contract, leaf, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  disk_reader_close (second);
  /* Reading one snapshot keeps no other. */
  first = contract_open (contract, base);
  assert_true (contract_discard (contract, leaf, &error));
  disk_reader_close (first);
  assert_null (backend_open_disk (contract->backend, contract->domain, leaf, target, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_true (contract_discard (contract, base, &error));
}

/* "a(b(c*))" with @name being read. */
static DiskReader *
grow_and_read (Contract *contract, const char *name)
{
  g_autofree char *id = NULL;

  contract_grow (contract, "a(b(c*))");
  id = contract_id (contract, name);
  return contract_open (contract, id);
}

static void
whatever_would_take_what_is_read_is_refused (void **state)
{
  Contract *contract = *state;
  DiskReader *reader = grow_and_read (contract, "b");
  g_autofree char *a = contract_id (contract, "a");
  g_autofree char *b = contract_id (contract, "b");
  g_autofree char *c = contract_id (contract, "c");
  GError *error = NULL;

  assert_false (contract_discard_as (contract, a, DISCARD_DESCENDANTS, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (contract_discard_as (contract, a, DISCARD_CHILDREN_ONLY, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (contract_discard_as (contract, b, DISCARD_KEEP_CHILDREN, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (contract_merge (contract, b, MERGE_INTO_CHILDREN, FALSE, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (contract_merge (contract, b, MERGE_INTO_PARENT, FALSE, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  /* It would have other bytes then. */
  assert_false (contract_merge (contract, c, MERGE_INTO_PARENT, FALSE, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  contract_assert_tree (contract, "a(b(c*))");
  disk_reader_close (reader);
  assert_true (contract_merge (contract, c, MERGE_INTO_PARENT, FALSE, &error));
  contract_assert_tree (contract, "a(b*)");
}

static void
what_is_read_stays_the_same_whatever_goes_around_it (void **state)
{
  Contract *contract = *state;
  DiskReader *reader = grow_and_read (contract, "b");
  g_autofree char *a = contract_id (contract, "a");
  g_autofree char *b = contract_id (contract, "b");
  guint64 before = 0, after = 0;
  GError *error = NULL;

  assert_true (contract_hash_disk (reader, &before));
  assert_true (contract_discard_as (contract, a, DISCARD_KEEP_CHILDREN, &error));
  assert_true (contract_revert (contract, b, &error));
  contract_change (contract, 'x');
  assert_true (contract_hash_disk (reader, &after));
  assert_int_equal (before, after);
  disk_reader_close (reader);
}

static void
the_live_disk_can_be_read_while_a_snapshot_is_taken (void **state)
{
  Contract *contract = *state;
  g_autoptr (DiskReader) reader = contract_open (contract, NULL);
  g_autofree char *id = NULL;
  guint64 before = 0, after = 0;

  assert_true (contract_hash_disk (reader, &before));
  id = contract_take (contract, "base");
  assert_true (contract_hash_disk (reader, &after));
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

  hasher->read = contract_hash_disk (hasher->reader, &hasher->hash);
  return NULL;
}

static void
readers_in_parallel_read_the_same (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autoptr (DiskReader) shared = contract_open (contract, base);
  g_autoptr (DiskReader) other = contract_open (contract, base);
  guint64 expected = hash_disk (contract, base);
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

  if (reader != NULL && (!contract_hash_disk (reader, &hash) || hash != opener->expected))
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
  g_autofree char *target = contract_target (contract);
  Opener opener = {
    .contract = contract, .snapshot = base, .target = target, .expected = hash_disk (contract, base)
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
contract_readers (void)
{
  static const ContractTest tests[] = {
    contract_test_where (a_snapshot_that_is_read_cannot_be_discarded, WHERE_READABLE),
    contract_test_where (whatever_would_take_what_is_read_is_refused, WHERE_READABLE),
    contract_test_where (what_is_read_stays_the_same_whatever_goes_around_it, WHERE_READABLE),
    contract_test_where (the_live_disk_can_be_read_while_a_snapshot_is_taken, WHERE_READABLE),
    contract_test_where (readers_in_parallel_read_the_same, WHERE_READABLE),
    contract_test_where (who_opens_while_it_is_discarded_reads_it_right_or_not, WHERE_READABLE),
  };

  return contract_ask ("readers", tests);
}
