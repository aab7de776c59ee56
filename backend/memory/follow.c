/* Carries out the delays and failures of a script. */
#include "follow.h"
#include "delay.h"

static gboolean
takes_failure (Course *course, Operation operation)
{
  autolock held = lock_hold (&course->lock);
  guint *failures = &course->script.operations[operation].failures;

  if (*failures == 0)
    return FALSE;
  if (*failures != G_MAXUINT)
    (*failures)--;
  return TRUE;
}

gboolean
follow (Course *course, Operation operation, Job *job, GError **error)
{
  guint delay = course->script.operations[operation].delay;

  if (job == NULL)
    g_usleep ((gulong)delay * 1000);
  else
    delay_for (delay, job);
  if (job != NULL && job_cancelled (job, error))
    return FALSE;
  if (!takes_failure (course, operation))
    return TRUE;
  return fail (error, course->script.operations[operation].code, "%s fails as scripted",
               script_operation_name (operation));
}

gboolean
follow_waits (const Course *course, Operation operation)
{
  return course->script.operations[operation].delay > 0;
}
