/* Starting a block job and waiting for its end.
 *
 * A job belongs to QEMU: it goes on when libvirtd is restarted or the connection is lost.  So
 * its end is not what a call answered, but that libvirt knows of no job any more. */
#include "block-job.h"
#include "refusal.h"

#define FIRST_PAUSE 20000 /* microseconds between looks */
#define LONGEST_PAUSE 250000

gboolean
block_job_is_none (virDomainPtr domain, const char *target, GError **error)
{
  virDomainBlockJobInfo info;
  int running = virDomainGetBlockJobInfo (domain, target, &info, 0);
  if (running == 0)
    return TRUE;
  if (running > 0)
    return fail (error, BACKEND_ERROR_BUSY, "%s has a block job already", target);
  g_autoptr (Refusal) refusal = refusal_last ();
  return refusal_fail (refusal, error, "%s", target);
}

static void
note_progress (const virDomainBlockJobInfo *info, guint done, guint total, Job *job)
{
  guint64 part = info->end > 0 ? info->cur * 100 / info->end : 0;
  job_progress (job, done * G_GUINT64_CONSTANT (100) + MIN (part, 99),
                total * G_GUINT64_CONSTANT (100));
}

static gboolean
wait_for_end (virDomainPtr domain, const char *target, guint done, guint total, Job *job,
              GError **error)
{
  guint pause = FIRST_PAUSE;
  virDomainBlockJobInfo info = { 0 };
  int running;
  while ((running = virDomainGetBlockJobInfo (domain, target, &info, 0)) > 0) {
    note_progress (&info, done, total, job);
    g_usleep (pause);
    pause = MIN (pause * 2, LONGEST_PAUSE);
  }
  if (running == 0 || virDomainIsActive (domain) == 0)
    return TRUE;
  g_autoptr (Refusal) refusal = refusal_last ();
  fail (error, BACKEND_ERROR_UNREACHABLE,
        "%s: it is not known how the merge ended, it may still be running: %s", target,
        refusal->sentence);
  return FALSE;
}

gboolean
block_job_commit (virDomainPtr domain, const char *target, const char *base, const char *top,
                  guint done, guint total, Job *job, GError **error)
{
  if (virDomainBlockCommit (domain, target, base, top, 0, 0) < 0) {
    g_autoptr (Refusal) refusal = refusal_last ();
    return refusal_fail (refusal, error, "%s", target);
  }
  return wait_for_end (domain, target, done, total, job, error);
}
