/* What other storage has to remove. */
#include "hook-store.h"

static guint
count_copies (const TemporaryDirectory *store)
{
  g_autofree char *path = g_build_filename (store->path, "copies", NULL);
  GDir *directory = g_dir_open (path, 0, NULL);
  guint count = 0;
  while (g_dir_read_name (directory))
    count++;
  g_dir_close (directory);
  return count;
}

/* Each operation interrupts the tidying before it, and that would never come to an end. */
static void
what_is_taken_and_dropped_all_the_time_does_not_pile_up (void **state)
{
  const TemporaryDirectory *store = *state;
  g_autofree char *base = make_domain (store);
  hook_write (store, "[ $1 != delete ] || sleep 0.2; " COPIES);
  g_autoptr (Backend) backend = open_with_hook (store);
  for (int i = 0; i < 40; i++) {
    g_autofree char *id = create (backend, "db01", "again", NULL);
    g_autoptr (Job) job = job_new ("db01", "discard");
    assert_true (backend_discard (backend, "db01", id, DISCARD_ONE, job, NULL));
    job_finish (job, NULL);
    assert_true (count_copies (store) <= 20);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    hook_test (what_is_taken_and_dropped_all_the_time_does_not_pile_up),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
