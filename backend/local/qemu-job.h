#pragma once
#include "qmp.h"

/* Block jobs of a running machine.  Ours are told by their names, and what becomes of one is asked
 * for, never assumed:
 *
 *   auto-finalize: false   when its work is done it waits, and nothing depends on it yet
 *   on-error: stop         after an error it waits as well, and says of which kind that was
 *   auto-dismiss: true     what has ended is gone at once.  (If it stayed in the list, QEMU 7.2
 *                          would keep a filter node that leads nowhere, and die of SIGSEGV at the
 *                          next query-named-block-nodes, whoever asks; measured.)
 *
 * So one that is gone has ended, for better or for worse: which, the disk's files tell. */

typedef enum {
  QEMU_JOB_ABSENT, /* there is none of this name (any more) */
  QEMU_JOB_WORKS,
  QEMU_JOB_FAILED, /* it stopped at an error, and waits to be cancelled */
  QEMU_JOB_WAITS,  /* its work is done, and it waits to be made effective */
} QemuJobState;

typedef struct {
  QemuJobState state;
  gboolean no_space;   /* of one that failed: for want of room */
  guint64 done, total; /* of whatever QEMU counts */
} QemuJob;

/* The name of the job about the image @uuid.  Free with g_free. */
char *qemu_job_name (const char *uuid);

/* Says so among the arguments of the command that begins the job. */
void qemu_job_set (JsonObject *arguments, const char *name);

/* Asks for @name. */
gboolean qemu_job_look (Qmp *qmp, const char *name, QemuJob *job, GError **error);

/* Makes its work effective and waits for its real end.  FAILED: QEMU refuses.  BUSY when it does
 * not come to an end. */
gboolean qemu_job_finish (Qmp *qmp, const char *name, GError **error);

/* Cancels it, in whatever state it is, and waits for its real end.  BUSY. */
gboolean qemu_job_cancel (Qmp *qmp, const char *name, GError **error);

/* The same for all of ours: what was left by who is not there any more. */
gboolean qemu_job_cancel_all (Qmp *qmp, GError **error);
