/* A scripted delay: stands for the work of a real backend, and ends early when it is cancelled, as
 * that would. */
#include "delay.h"

#define PROGRESS_INTERVAL 50 /* milliseconds between two job_progress */

void
delay_for (guint milliseconds, Job *job)
{
  gint64 begin = g_get_monotonic_time ();

  while (milliseconds > 0 && !job_cancelled (job, NULL)) {
    gint64 elapsed = (g_get_monotonic_time () - begin) / 1000;

    job_progress (job, (guint64)MIN (elapsed, milliseconds), milliseconds);
    if (elapsed >= milliseconds)
      return;
    job_wait (job, (guint)MIN (milliseconds - elapsed, PROGRESS_INTERVAL));
  }
}
