#pragma once
#include "error.h"

/* One operation on a domain: how far it is, and whether someone wants it
 * stopped.  The worker calls progress, cancelled and finish; anyone may call
 * the rest, from any thread.
 *
 * Every job is in the list that `control/jobs` shows from job_new on, and stays
 * there for a while after job_finish, so that people see what happened. */
typedef struct Job Job;

/* @domain: whose operation; @what: in words, "create base/updates". */
Job *job_new (const char *domain, const char *what);
Job *job_ref (Job *job);
void job_unref (Job *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Job, job_unref)

void job_progress (Job *job, guint64 done, guint64 total);

/* TRUE sets CANCELLED.  Only asked where the operation can still be undone. */
gboolean job_cancelled (Job *job, GError **error);

/* From here on nothing can be cancelled: the operation is past its commit
 * point.  FALSE, with CANCELLED, when somebody cancelled it before. */
gboolean job_commit (Job *job, GError **error);
void job_finish (Job *job, const GError *error); /* NULL: it succeeded */

/* FALSE when it is finished or past its commit point. */
gboolean job_cancel (Job *job);

/* Runs @wake (with @data, in the thread that cancels, a lock of the job held) when the job is
 * cancelled, at once if it already is: how a wait for a child or a timer is ended.  One at a
 * time; NULL takes it away, and after that returns @wake is not running and will not run. */
void job_on_cancel (Job *job, void (*wake) (gpointer data), gpointer data);

/* For so long, or until the job is cancelled. */
void job_wait (Job *job, guint milliseconds);

/* Cancels the running job @id of @domain: NOT_FOUND, or BUSY when it is too late. */
gboolean jobs_cancel (const char *domain, guint id, GError **error);

/* The lines of control/jobs: running ones, then the last that ended.  Free with g_free.
 *   "3 running 37% merge base"   "2 done create base/updates"   "1 failed create x: SENTENCE" */
char *jobs_describe (const char *domain);
