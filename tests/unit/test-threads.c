#include "../../backend/threads.h"
#include "../testing.h"

#include <signal.h>
#include <string.h>

#define ITEMS 20000
#define CONSUMERS 3

static void
a_held_lock_is_released_at_the_end_of_the_scope (void **state)
{
  Lock lock = LOCK_INIT;
  Held second;

  {
    autolock held = lock_hold (&lock);
    autolock other = { NULL };

    assert_false (lock_try (&lock, &other));
  }
  assert_true (lock_try (&lock, &second));
  held_release (&second);
  held_release (&second); /* once more does nothing */
  assert_true (lock_try (&lock, &second));
  held_release (&second);
  lock_clear (&lock);
}

static void
a_wait_without_a_signal_times_out (void **state)
{
  Lock lock = LOCK_INIT;
  Condition condition = CONDITION_INIT;
  autolock held = lock_hold (&lock);
  gint64 begin = g_get_monotonic_time ();

  /* A spurious wake-up is allowed, so time decides. */
  while (condition_wait_for (&condition, &held, 30))
    ;
  assert_true (g_get_monotonic_time () - begin >= 29000);
}

typedef struct {
  Lock lock;
  Condition condition;
  int stage; /* protected by lock */
} Turn;

static void *
answer (void *data)
{
  Turn *turn = data;
  autolock held = lock_hold (&turn->lock);

  while (turn->stage != 1)
    condition_wait (&turn->condition, &held);
  turn->stage = 2;
  condition_signal_all (&turn->condition);
  return NULL;
}

static void
a_condition_passes_the_turn (void **state)
{
  Turn turn = { .lock = LOCK_INIT, .condition = CONDITION_INIT };
  pthread_t thread = thread_start ("a name longer than sixteen", answer, &turn);

  {
    autolock held = lock_hold (&turn.lock);

    turn.stage = 1;
    condition_signal_all (&turn.condition);
    while (turn.stage != 2)
      condition_wait_for (&turn.condition, &held, 1000);
  }
  thread_join (thread);
}

static void
a_queue_keeps_the_order (void **state)
{
  g_autoptr (Queue) queue = queue_new ();

  for (guint i = 1; i <= 3; i++)
    queue_push (queue, GUINT_TO_POINTER (i));
  for (guint i = 1; i <= 3; i++)
    assert_int_equal (GPOINTER_TO_UINT (queue_pop (queue)), i);
}

static void
a_closed_queue_is_emptied_first (void **state)
{
  g_autoptr (Queue) queue = queue_new ();

  queue_push (queue, GUINT_TO_POINTER (7));
  queue_close (queue);
  assert_int_equal (GPOINTER_TO_UINT (queue_pop (queue)), 7);
  assert_null (queue_pop (queue));
  assert_null (queue_pop (queue));
}

static void *
sum_up (void *data)
{
  guint64 *sum = g_new0 (guint64, 1);

  for (gpointer item; (item = queue_pop (data)) != NULL;)
    *sum += GPOINTER_TO_UINT (item);
  return sum;
}

static void
every_item_reaches_exactly_one_consumer (void **state)
{
  g_autoptr (Queue) queue = queue_new ();
  pthread_t threads[CONSUMERS];
  guint64 total = 0;

  for (guint i = 0; i < CONSUMERS; i++)
    threads[i] = thread_start ("consumer", sum_up, queue);
  for (guint i = 1; i <= ITEMS; i++)
    queue_push (queue, GUINT_TO_POINTER (i));
  queue_close (queue);
  for (guint i = 0; i < CONSUMERS; i++) {
    void *sum;

    pthread_join (threads[i], &sum);
    total += *(guint64 *)sum;
    g_free (sum);
  }
  assert_int_equal (total, (guint64)ITEMS * (ITEMS + 1) / 2);
}

static void *
get_mask (void *data)
{
  pthread_sigmask (SIG_SETMASK, NULL, data);
  return NULL;
}

static void
threads_block_every_signal_and_leave_ours_alone (void **state)
{
  sigset_t mask;

  sigemptyset (&mask);
  thread_join (thread_start ("mask", get_mask, &mask));
  assert_true (sigismember (&mask, SIGTERM));
  assert_true (sigismember (&mask, SIGINT));
  pthread_sigmask (SIG_SETMASK, NULL, &mask);
  assert_false (sigismember (&mask, SIGTERM));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_held_lock_is_released_at_the_end_of_the_scope),
    cmocka_unit_test (a_wait_without_a_signal_times_out),
    cmocka_unit_test (a_condition_passes_the_turn),
    cmocka_unit_test (a_queue_keeps_the_order),
    cmocka_unit_test (a_closed_queue_is_emptied_first),
    cmocka_unit_test (every_item_reaches_exactly_one_consumer),
    cmocka_unit_test (threads_block_every_signal_and_leave_ours_alone),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
