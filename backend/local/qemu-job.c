#include "qemu-job.h"
#include "qemu.h"

#define PREFIX "vmsnapfs-"
#define PAUSE 5000 /* microseconds: how often a job that is to end is asked for */

char *
qemu_job_name (const char *uuid)
{
  return g_strconcat (PREFIX, uuid, NULL);
}

void
qemu_job_set (JsonObject *arguments, const char *name)
{
  json_object_set_string_member (arguments, "job-id", name);
  json_object_set_string_member (arguments, "on-error", "stop");
  json_object_set_boolean_member (arguments, "auto-finalize", FALSE);
  json_object_set_boolean_member (arguments, "auto-dismiss", TRUE);
}

/* ---- looking ---- */

/* The one whose @member is @name, in what @query answers; *@found NULL: there is none.  Unref the
 * answer, which it belongs to. */
static JsonNode *
find (Qmp *qmp, const char *query, const char *member, const char *name, JsonObject **found,
      GError **error)
{
  JsonNode *answer = qmp_execute (qmp, query, NULL, QEMU_ASK, error);
  *found = NULL;
  for (guint i = 0; answer && (*found = qmp_element (answer, i)); i++)
    if (g_strcmp0 (qmp_string (*found, member), name) == 0)
      break;
  return answer;
}

/* One that is paused may be so because somebody has paused it. */
static gboolean
look_for_error (Qmp *qmp, const char *name, QemuJob *job, GError **error)
{
  JsonObject *found;
  g_autoptr (JsonNode) answer = find (qmp, "query-block-jobs", "device", name, &found, error);
  const char *status = found ? qmp_string (found, "io-status") : NULL;
  if (status && !g_str_equal (status, "ok"))
    job->state = QEMU_JOB_FAILED;
  job->no_space = g_strcmp0 (status, "nospace") == 0;
  return answer != NULL;
}

/* What is not known here still works: of another QEMU. */
static QemuJobState
state_of (const char *status)
{
  if (!status || g_str_equal (status, "null"))
    return QEMU_JOB_ABSENT;
  return g_str_equal (status, "pending") ? QEMU_JOB_WAITS : QEMU_JOB_WORKS;
}

gboolean
qemu_job_look (Qmp *qmp, const char *name, QemuJob *job, GError **error)
{
  JsonObject *found;
  g_autoptr (JsonNode) answer = find (qmp, "query-jobs", "id", name, &found, error);
  *job = (QemuJob){ .state = QEMU_JOB_ABSENT };
  if (!found)
    return answer != NULL;
  const char *status = qmp_string (found, "status");
  job->state = state_of (status);
  job->done = (guint64)MAX (qmp_number (found, "current-progress"), 0);
  job->total = (guint64)MAX (qmp_number (found, "total-progress"), 0);
  return g_strcmp0 (status, "paused") != 0 || look_for_error (qmp, name, job, error);
}

/* ---- ending ---- */

static gboolean
tell (Qmp *qmp, const char *command, const char *name, GError **error)
{
  JsonObject *arguments = json_object_new ();
  json_object_set_string_member (arguments, "id", name);
  return qmp_do (qmp, command, arguments, QEMU_WORK, error);
}

static gboolean
wait_for_end (Qmp *qmp, const char *name, GError **error)
{
  gint64 until = g_get_monotonic_time () + (gint64)QEMU_WORK * 1000;
  QemuJob job = { QEMU_JOB_WORKS, FALSE, 0, 0 };
  for (;;) {
    if (!qemu_job_look (qmp, name, &job, error))
      return FALSE;
    if (job.state == QEMU_JOB_ABSENT)
      return TRUE;
    if (g_get_monotonic_time () >= until)
      return fail (error, BACKEND_ERROR_BUSY, "QEMU does not end its job %s", name);
    g_usleep (PAUSE);
  }
}

gboolean
qemu_job_finish (Qmp *qmp, const char *name, GError **error)
{
  return tell (qmp, "job-finalize", name, error) && wait_for_end (qmp, name, error);
}

/* It may have come to its end by itself. */
gboolean
qemu_job_cancel (Qmp *qmp, const char *name, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (tell (qmp, "job-cancel", name, &wrong) ||
      g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_FAILED))
    return wait_for_end (qmp, name, error);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

gboolean
qemu_job_cancel_all (Qmp *qmp, GError **error)
{
  g_autoptr (JsonNode) answer = qmp_execute (qmp, "query-jobs", NULL, QEMU_ASK, error);
  JsonObject *found;
  for (guint i = 0; answer && (found = qmp_element (answer, i)); i++) {
    const char *name = qmp_string (found, "id");
    if (name && g_str_has_prefix (name, PREFIX) && !qemu_job_cancel (qmp, name, error))
      return FALSE;
  }
  return answer != NULL;
}
