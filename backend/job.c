/* Jobs, and the list of them that control/jobs shows.
 *
 * Three locks, taken in this order: a job's wake_lock, the registry's lock, a
 * job's lock.  The wake function runs under wake_lock alone, so that it may take the
 * lock of a waiter who meanwhile asks job_cancelled.  A job does not run
 * anything itself: whoever made it does the work and tells it how that goes. */
#include "job.h"
#include "threads.h"

/* How many ended jobs of a domain people can still see. */
#define ENDED_KEPT 20

typedef enum { RUNNING, COMMITTED, DONE, FAILED } JobState;

struct Job {
  gint refs; /* atomic */
  guint id;
  char *domain;
  char *what;

  Lock lock;
  JobState state;     /* protected by lock */
  gboolean cancelled; /* protected by lock */
  guint64 done;       /* protected by lock */
  guint64 total;      /* protected by lock; 0: not known */
  char *sentence;     /* protected by lock; why it failed */

  Lock wake_lock;
  void (*wake) (gpointer data); /* protected by wake_lock */
  gpointer wake_data;           /* protected by wake_lock */
};

static struct {
  Lock lock;
  guint last_id;      /* protected by lock */
  GPtrArray *running; /* of Job, in the order of their start; protected by lock */
  GPtrArray *ended;   /* of Job, in the order of their end; protected by lock */
} registry = { .lock = LOCK_INIT };

static void
unref_item (gpointer job)
{
  job_unref (job);
}

static void
registry_add (Job *job)
{
  autolock held = lock_hold (&registry.lock);

  if (registry.running == NULL) {
    registry.running = g_ptr_array_new_with_free_func (unref_item);
    registry.ended = g_ptr_array_new_with_free_func (unref_item);
  }
  job->id = ++registry.last_id;
  g_ptr_array_add (registry.running, job_ref (job));
}

Job *
job_new (const char *domain, const char *what)
{
  Job *job = g_new0 (Job, 1);

  job->refs = 1;
  job->domain = g_strdup (domain);
  job->what = g_strdup (what);
  lock_init (&job->lock);
  lock_init (&job->wake_lock);
  registry_add (job);
  return job;
}

Job *
job_ref (Job *job)
{
  g_atomic_int_inc (&job->refs);
  return job;
}

void
job_unref (Job *job)
{
  if (job == NULL || !g_atomic_int_dec_and_test (&job->refs))
    return;
  lock_clear (&job->wake_lock);
  lock_clear (&job->lock);
  g_free (job->sentence);
  g_free (job->what);
  g_free (job->domain);
  g_free (job);
}

void
job_progress (Job *job, guint64 done, guint64 total)
{
  autolock held = lock_hold (&job->lock);

  job->done = done;
  job->total = total;
}

static gboolean
fail_cancelled (const Job *job, GError **error)
{
  return fail (error, BACKEND_ERROR_CANCELLED, "\"%s\" was cancelled", job->what);
}

gboolean
job_cancelled (Job *job, GError **error)
{
  autolock held = lock_hold (&job->lock);

  if (job->cancelled)
    fail_cancelled (job, error);
  return job->cancelled;
}

gboolean
job_commit (Job *job, GError **error)
{
  autolock held = lock_hold (&job->lock);

  if (job->cancelled)
    return fail_cancelled (job, error);
  job->state = COMMITTED;
  return TRUE;
}

/* Drops the oldest of @domain's ended jobs when there are too many. */
static void
forget_oldest (const char *domain, const Held *held)
{
  guint kept = 0;

  for (guint i = registry.ended->len; i-- > 0;) {
    const Job *job = g_ptr_array_index (registry.ended, i);

    if (g_str_equal (job->domain, domain) && ++kept > ENDED_KEPT)
      g_ptr_array_remove_index (registry.ended, i);
  }
}

static void
end (Job *job, const GError *error)
{
  autolock held = lock_hold (&job->lock);

  job->state = error == NULL ? DONE : FAILED;
  job->sentence = error == NULL ? NULL : g_strdup (error->message);
}

void
job_finish (Job *job, const GError *error)
{
  autolock held = lock_hold (&registry.lock);

  if (!g_ptr_array_find (registry.running, job, NULL))
    return;
  end (job, error);
  g_ptr_array_add (registry.ended, job_ref (job));
  g_ptr_array_remove (registry.running, job);
  forget_oldest (job->domain, &held);
}

static gboolean
mark_cancelled (Job *job)
{
  autolock held = lock_hold (&job->lock);

  if (job->state != RUNNING)
    return FALSE;
  job->cancelled = TRUE;
  return TRUE;
}

static void
wake_once (Job *job, const Held *held)
{
  void (*wake) (gpointer data) = job->wake;

  job->wake = NULL;
  if (wake != NULL)
    wake (job->wake_data);
}

gboolean
job_cancel (Job *job)
{
  autolock held = lock_hold (&job->wake_lock);

  if (!mark_cancelled (job))
    return FALSE;
  wake_once (job, &held);
  return TRUE;
}

void
job_on_cancel (Job *job, void (*wake) (gpointer data), gpointer data)
{
  autolock held = lock_hold (&job->wake_lock);

  job->wake = wake;
  job->wake_data = data;
  if (job_cancelled (job, NULL))
    wake_once (job, &held);
}

typedef struct {
  Lock lock;
  Condition changed;
  gboolean cancelled; /* protected by lock */
} Waiting;

static void
end_wait (gpointer data)
{
  Waiting *waiting = data;
  autolock held = lock_hold (&waiting->lock);

  waiting->cancelled = TRUE;
  condition_signal_all (&waiting->changed);
}

void
job_wait (Job *job, guint milliseconds)
{
  Waiting waiting = { .lock = LOCK_INIT, .changed = CONDITION_INIT };

  job_on_cancel (job, end_wait, &waiting);
  {
    autolock held = lock_hold (&waiting.lock);

    if (!waiting.cancelled)
      condition_wait_for (&waiting.changed, &held, milliseconds);
  }
  job_on_cancel (job, NULL, NULL);
}

static Job *
find (const GPtrArray *jobs, const char *domain, guint id)
{
  for (guint i = 0; jobs != NULL && i < jobs->len; i++) {
    Job *job = g_ptr_array_index (jobs, i);

    if (job->id == id && g_str_equal (job->domain, domain))
      return job_ref (job);
  }
  return NULL;
}

static Job *
registry_find (const char *domain, guint id)
{
  autolock held = lock_hold (&registry.lock);
  Job *job = find (registry.running, domain, id);

  return job != NULL ? job : find (registry.ended, domain, id);
}

gboolean
jobs_cancel (const char *domain, guint id, GError **error)
{
  g_autoptr (Job) job = registry_find (domain, id);

  if (job == NULL)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no job %u", domain, id);
  if (!job_cancel (job))
    return fail (error, BACKEND_ERROR_BUSY, "it is too late to cancel job %u, \"%s\"", id,
                 job->what);
  return TRUE;
}

static void
describe (Job *job, GString *lines)
{
  autolock held = lock_hold (&job->lock);
  gboolean running = job->state == RUNNING || job->state == COMMITTED;
  gsize start = lines->len;

  g_string_append_printf (lines, "%u %s", job->id,
                          running              ? "running"
                          : job->state == DONE ? "done"
                                               : "failed");
  if (running && job->total > 0)
    g_string_append_printf (
        lines, " %u%%", (guint)(100.0 * (double)MIN (job->done, job->total) / (double)job->total));
  g_string_append_printf (lines, " %s", job->what);
  if (job->sentence != NULL)
    g_string_append_printf (lines, ": %s", job->sentence);
  /* A line is a job, whatever a name or a sentence holds. */
  g_strdelimit (lines->str + start, "\n\r", ' ');
  g_string_append_c (lines, '\n');
}

static void
describe_all (const GPtrArray *jobs, const char *domain, GString *lines)
{
  for (guint i = jobs == NULL ? 0 : jobs->len; i-- > 0;) {
    Job *job = g_ptr_array_index (jobs, i);

    if (g_str_equal (job->domain, domain))
      describe (job, lines);
  }
}

char *
jobs_describe (const char *domain)
{
  GString *lines = g_string_new (NULL);
  autolock held = lock_hold (&registry.lock);

  describe_all (registry.running, domain, lines);
  describe_all (registry.ended, domain, lines);
  return g_string_free (lines, FALSE);
}
