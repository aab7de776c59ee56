/* A thread beside a long call.
 *
 * Cancelling only wakes it, because asking libvirt may take a while and whoever cancels must not
 * wait.  libvirt may not have begun when somebody cancels, so it is asked again until the call is
 * over.  Until then the machine's job can be anybody's, a migration of virsh's for which our call
 * waits: only one that takes a snapshot is shown and aborted. */
#include "attend.h"

#include "../threads.h"

#define ROUND 500 /* milliseconds */

struct Attendant {
  Job *job;
  virDomainPtr domain;
  pthread_t thread;
  Lock lock;
  Condition condition;
  gboolean leaving;   /* protected by lock */
  gboolean cancelled; /* protected by lock */
  gboolean woken;     /* protected by lock; cancelled just now */
  gboolean aborted;   /* of the thread: libvirt has taken the order */
};

static gboolean
takes_a_snapshot (virDomainPtr domain)
{
  virTypedParameterPtr said = NULL;
  int type = 0, count = 0, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

  if (virDomainGetJobStats (domain, &type, &said, &count, 0) == 0)
    virTypedParamsGetInt (said, count, VIR_DOMAIN_JOB_OPERATION, &operation);
  virTypedParamsFree (said, count);
  return operation == VIR_DOMAIN_JOB_OPERATION_SNAPSHOT;
}

static void
show_progress (const Attendant *attendant)
{
  virDomainJobInfo info = { 0 };

  if (virDomainGetJobInfo (attendant->domain, &info) == 0 && info.dataTotal > 0)
    job_progress (attendant->job, info.dataProcessed, info.dataTotal);
}

/* FALSE: the call is over.  *@cancelled: the job is to be. */
static gboolean
wait_a_round (Attendant *attendant, gboolean *cancelled)
{
  autolock held = lock_hold (&attendant->lock);

  if (!attendant->leaving && !attendant->woken)
    condition_wait_for (&attendant->condition, &held, ROUND);
  attendant->woken = FALSE;
  *cancelled = attendant->cancelled;
  return !attendant->leaving;
}

static void *
run (void *data)
{
  Attendant *attendant = data;
  gboolean cancelled = FALSE;

  while (wait_a_round (attendant, &cancelled)) {
    if (!takes_a_snapshot (attendant->domain))
      continue;
    if (cancelled && !attendant->aborted)
      attendant->aborted = virDomainAbortJob (attendant->domain) == 0;
    else
      show_progress (attendant);
  }
  return NULL;
}

static void
wake (gpointer data)
{
  Attendant *attendant = data;
  autolock held = lock_hold (&attendant->lock);

  attendant->cancelled = attendant->woken = TRUE;
  condition_signal_all (&attendant->condition);
}

Attendant *
attend (Job *job, virDomainPtr domain)
{
  Attendant *attendant = g_new0 (Attendant, 1);

  attendant->job = job;
  attendant->domain = domain;
  lock_init (&attendant->lock);
  attendant->condition = (Condition)CONDITION_INIT;
  attendant->thread = thread_start ("libvirt-attend", run, attendant);
  job_on_cancel (job, wake, attendant);
  return attendant;
}

void
attendant_leave (Attendant *attendant)
{
  if (attendant == NULL)
    return;
  job_on_cancel (attendant->job, NULL, NULL);
  {
    autolock held = lock_hold (&attendant->lock);

    attendant->leaving = TRUE;
    condition_signal_all (&attendant->condition);
  }
  thread_join (attendant->thread);
  lock_clear (&attendant->lock);
  g_free (attendant);
}
