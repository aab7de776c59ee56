/* A scripted delay: stands for the work of a real backend, and ends early when it is cancelled, as
 * that would. */
#include "delay.h"
#include "../threads.h"

#define PROGRESS_INTERVAL 50 /* milliseconds between two job_progress */

typedef struct {
  Lock lock;
  Condition condition;
  gboolean cancelled; /* protected by lock */
} Waiting;

static void
wake (gpointer data)
{
  Waiting *waiting = data;
  autolock held = lock_hold (&waiting->lock);

  waiting->cancelled = TRUE;
  condition_signal_all (&waiting->condition);
}

static void
wait_until_done (Waiting *waiting, guint delay, Job *job)
{
  gint64 begin = g_get_monotonic_time ();
  autolock held = lock_hold (&waiting->lock);

  while (!waiting->cancelled) {
    gint64 elapsed = (g_get_monotonic_time () - begin) / 1000;

    job_progress (job, (guint64)MIN (elapsed, delay), delay);
    if (elapsed >= delay)
      return;
    condition_wait_for (&waiting->condition, &held,
                        (guint)MIN (delay - elapsed, PROGRESS_INTERVAL));
  }
}

void
delay_for (guint milliseconds, Job *job)
{
  Waiting waiting = { .lock = LOCK_INIT, .condition = CONDITION_INIT };

  if (milliseconds == 0)
    return;
  job_on_cancel (job, wake, &waiting);
  wait_until_done (&waiting, milliseconds, job);
  job_on_cancel (job, NULL, NULL);
}
