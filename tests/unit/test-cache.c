/* The cache of the image reader: what is kept, what is dropped, and how much it may be. */
#include "../../backend/qcow2/cache.h"
#include "../../backend/threads.h"
#include "images.h"

#define LARGE (1024 * 1024)
#define SMALL (64 * 1024) /* of which more are asked for than the budget holds */
#define THREADS 4
#define ROUNDS 4000

static Block *
put (guint64 owner, guint64 offset, gsize length)
{
  Block *block = block_new (owner, offset, length);
  memset (block->bytes, (int)(offset & 0xff), length);
  return cache_add (block);
}

static gboolean
has (guint64 owner, guint64 offset, gsize length)
{
  g_autoptr (Block) block = cache_find (owner, offset, length);
  return block != NULL;
}

static void
test_keys (void **state)
{
  guint64 owner = cache_owner_new (), other = cache_owner_new ();
  assert_true (owner != other);
  block_unref (put (owner, 4096, 100));
  assert_true (has (owner, 4096, 100));
  assert_false (has (owner, 4096, 101));
  assert_false (has (owner, 4097, 100));
  assert_false (has (other, 4096, 100));
}

static void
test_first_one_stays (void **state)
{
  guint64 owner = cache_owner_new ();
  g_autoptr (Block) first = put (owner, 0, 10);
  g_autoptr (Block) second = put (owner, 0, 10);
  assert_ptr_equal (first, second);
}

static void
test_budget (void **state)
{
  guint64 owner = cache_owner_new (), used, budget;
  cache_memory (&used, &budget);
  for (guint64 i = 0; i < 2 * budget / LARGE; i++) {
    block_unref (put (owner, i * LARGE, LARGE));
    cache_memory (&used, &budget);
    assert_true (used <= budget);
  }
  assert_true (used > budget / 2);
  assert_true (has (owner, (2 * budget / LARGE - 1) * LARGE, LARGE));
}

/* What is asked for again and again outlives what streams by. */
static void
test_used_ones_stay (void **state)
{
  guint64 owner = cache_owner_new (), used, budget;
  cache_memory (&used, &budget);
  block_unref (put (owner, 1, 4096));
  for (guint64 i = 0; i < 4 * budget / LARGE; i++) {
    block_unref (put (owner, i * LARGE, LARGE));
    assert_true (has (owner, 1, 4096));
  }
}

static void
test_dropped_while_read (void **state)
{
  guint64 owner = cache_owner_new (), used, budget;
  g_autoptr (Block) mine = put (owner, 7, 4096);
  cache_memory (&used, &budget);
  for (guint64 i = 0; i < 4 * budget / LARGE; i++)
    block_unref (put (owner, 8 + i * LARGE, LARGE));
  assert_false (has (owner, 7, 4096));
  assert_int_equal (mine->bytes[4095], 7);
}

static void
test_clear (void **state)
{
  guint64 owner = cache_owner_new (), used, budget;
  g_autoptr (Block) mine = put (owner, 3, 4096);
  for (guint64 i = 0; i < 100; i++)
    block_unref (put (owner, 10 + i, 4096));
  cache_clear ();
  cache_memory (&used, &budget);
  assert_int_equal (used, 0);
  assert_false (has (owner, 3, 4096));
  assert_int_equal (mine->bytes[0], 3);
  block_unref (put (owner, 3, 4096));
  assert_true (has (owner, 3, 4096));
}

static void *
hammer (void *data)
{
  guint64 owner = *(guint64 *)data, state = (guintptr)&state;
  for (int i = 0; i < ROUNDS; i++) {
    state = state * G_GUINT64_CONSTANT (6364136223846793005) + 1442695040888963407;
    guint64 offset = (state >> 33) % 2048;
    g_autoptr (Block) block = cache_find (owner, offset, SMALL);
    if (!block)
      block = put (owner, offset, SMALL);
    if (block->bytes[0] != (offset & 0xff) || block->bytes[SMALL - 1] != (offset & 0xff))
      return GINT_TO_POINTER (TRUE);
  }
  return NULL;
}

static void
test_threads (void **state)
{
  guint64 owner = cache_owner_new (), used, budget;
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal (pthread_create (&threads[i], NULL, hammer, &owner), 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong;
    assert_int_equal (pthread_join (threads[i], &wrong), 0);
    assert_null (wrong);
  }
  cache_memory (&used, &budget);
  assert_true (used <= budget);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_keys),
    cmocka_unit_test (test_first_one_stays),
    cmocka_unit_test (test_budget),
    cmocka_unit_test (test_used_ones_stay),
    cmocka_unit_test (test_dropped_while_read),
    cmocka_unit_test (test_clear),
    cmocka_unit_test (test_threads),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
