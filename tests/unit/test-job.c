#include "../../backend/job.h"
#include "../../backend/threads.h"
#include "../testing.h"

#include <stdio.h>
#include <string.h>

static guint
id_of (const char *domain)
{
  g_autofree char *lines = jobs_describe (domain);
  guint id = 0;

  assert_int_equal (sscanf (lines, "%u", &id), 1);
  return id;
}

/* The list without the numbers in front, which depend on the order of tests. */
static char *
describe (const char *domain)
{
  g_autofree char *lines = jobs_describe (domain);
  g_auto (GStrv) parts = g_strsplit (lines, "\n", -1);
  GString *text = g_string_new (NULL);

  for (guint i = 0; parts[i] != NULL && parts[i][0] != '\0'; i++)
    g_string_append_printf (text, "%s\n", strchr (parts[i], ' ') + 1);
  return g_string_free (text, FALSE);
}

static void
a_job_is_listed_from_its_beginning (void **state)
{
  g_autoptr (Job) job = job_new ("listed", "create base");
  g_autofree char *begun = describe ("listed");
  g_autofree char *other = jobs_describe ("another domain");
  g_autofree char *halfway = NULL;
  g_autofree char *ended = NULL;

  job_progress (job, 37, 100);
  halfway = describe ("listed");
  job_finish (job, NULL);
  ended = describe ("listed");
  assert_text (begun, "running create base\n");
  assert_text (halfway, "running 37% create base\n");
  assert_text (ended, "done create base\n");
  assert_text (other, "");
}

static void
a_failed_job_says_why_in_one_line (void **state)
{
  g_autoptr (Job) job = job_new ("failing", "create a\nb");
  g_autoptr (GError) error = g_error_new (BACKEND_ERROR, BACKEND_ERROR_BUSY, "in use\nby two");
  g_autofree char *lines = NULL;

  job_finish (job, error);
  lines = describe ("failing");
  assert_text (lines, "failed create a b: in use by two\n");
}

static void
running_ones_come_first_then_the_last_ended (void **state)
{
  g_autoptr (Job) first = job_new ("order", "one");
  g_autoptr (Job) second = job_new ("order", "two");
  g_autoptr (Job) third = job_new ("order", "three");
  g_autofree char *lines = NULL;

  job_finish (second, NULL);
  job_finish (first, NULL);
  lines = describe ("order");
  assert_text (lines, "running three\ndone one\ndone two\n");
  job_finish (third, NULL);
}

static void
twenty_ended_ones_are_kept (void **state)
{
  g_autofree char *lines = NULL;
  guint count = 0;

  for (guint i = 0; i < 50; i++) {
    g_autofree char *what = g_strdup_printf ("number %u", i);
    g_autoptr (Job) job = job_new ("many", what);

    job_finish (job, NULL);
  }
  lines = describe ("many");
  for (const char *at = lines; *at != '\0'; at++)
    count += *at == '\n';
  assert_int_equal (count, 20);
  assert_true (g_str_has_prefix (lines, "done number 49\n"));
  assert_null (strstr (lines, "number 29\n"));
}

static void
cancelling_is_seen_by_the_worker (void **state)
{
  g_autoptr (Job) job = job_new ("cancelling", "merge x");
  GError *error = NULL;

  assert_false (job_cancelled (job, &error));
  assert_null (error);
  assert_true (jobs_cancel ("cancelling", id_of ("cancelling"), &error));
  assert_true (job_cancelled (job, &error));
  assert_error (&error, BACKEND_ERROR_CANCELLED);
  assert_false (job_commit (job, &error));
  assert_error (&error, BACKEND_ERROR_CANCELLED);
  job_finish (job, NULL);
}

static void
after_the_commit_it_is_too_late (void **state)
{
  g_autoptr (Job) job = job_new ("committed", "merge x");
  guint id = id_of ("committed");
  GError *error = NULL;

  assert_true (job_commit (job, &error));
  assert_false (job_cancel (job));
  assert_false (jobs_cancel ("committed", id, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  job_finish (job, NULL);
  assert_false (jobs_cancel ("committed", id, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (job_cancelled (job, &error));
}

static void
a_job_of_another_domain_is_not_found (void **state)
{
  g_autoptr (Job) job = job_new ("mine", "x");
  GError *error = NULL;

  assert_false (jobs_cancel ("yours", id_of ("mine"), &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (jobs_cancel ("mine", 4000000, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  job_finish (job, NULL);
}

static void
count_up (gpointer data)
{
  ++*(guint *)data;
}

static void
wake_runs_once_and_at_once_when_late (void **state)
{
  g_autoptr (Job) job = job_new ("waking", "x");
  guint calls = 0;

  job_on_cancel (job, count_up, &calls);
  assert_true (job_cancel (job));
  assert_true (job_cancel (job));
  assert_int_equal (calls, 1);
  job_on_cancel (job, count_up, &calls);
  assert_int_equal (calls, 2);
  job_on_cancel (job, NULL, NULL);
  job_cancel (job);
  assert_int_equal (calls, 2);
  job_finish (job, NULL);
}

typedef struct {
  Job *job;
  Lock lock;
  Condition condition;
  gboolean woken; /* protected by lock */
} Waiter;

static void
wake_waiter (gpointer data)
{
  Waiter *waiter = data;
  autolock held = lock_hold (&waiter->lock);

  waiter->woken = TRUE;
  condition_signal_all (&waiter->condition);
}

static void *
cancel_it (void *data)
{
  job_cancel (data);
  return NULL;
}

/* The waiter asks the job with its own lock held while wake wants that lock: no deadlock. */
static void
a_waiter_may_ask_while_it_is_woken (void **state)
{
  for (guint i = 0; i < 200; i++) {
    g_autoptr (Job) job = job_new ("waiter", "x");
    Waiter waiter = { .job = job, .lock = LOCK_INIT, .condition = CONDITION_INIT };
    pthread_t thread;

    job_on_cancel (job, wake_waiter, &waiter);
    thread = thread_start ("cancel", cancel_it, job);
    {
      autolock held = lock_hold (&waiter.lock);

      while (!job_cancelled (job, NULL) || !waiter.woken)
        condition_wait (&waiter.condition, &held);
    }
    job_on_cancel (job, NULL, NULL);
    thread_join (thread);
    job_finish (job, NULL);
  }
}

static void *
work (void *data)
{
  for (guint i = 0; i < 300; i++) {
    g_autoptr (Job) job = job_new ("crowd", "x");
    g_autofree char *lines = NULL;

    job_progress (job, i, 300);
    jobs_cancel ("crowd", i, NULL);
    lines = jobs_describe ("crowd");
    job_finish (job, NULL);
  }
  return NULL;
}

static void
many_threads_may_use_the_list (void **state)
{
  pthread_t threads[4];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = thread_start ("work", work, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    thread_join (threads[i]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_job_is_listed_from_its_beginning),
    cmocka_unit_test (a_failed_job_says_why_in_one_line),
    cmocka_unit_test (running_ones_come_first_then_the_last_ended),
    cmocka_unit_test (twenty_ended_ones_are_kept),
    cmocka_unit_test (cancelling_is_seen_by_the_worker),
    cmocka_unit_test (after_the_commit_it_is_too_late),
    cmocka_unit_test (a_job_of_another_domain_is_not_found),
    cmocka_unit_test (wake_runs_once_and_at_once_when_late),
    cmocka_unit_test (a_waiter_may_ask_while_it_is_woken),
    cmocka_unit_test (many_threads_may_use_the_list),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
