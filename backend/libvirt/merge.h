#pragma once
#include "../backend.h"

/* BackendOps.merge: merging snapshots whose disks are in files of their own, while their machine
 * runs.
 *
 * BUSY: it does not run, or a disk has another block job.  UNSUPPORTED: where the files of the
 * snapshots are not one chain, below the machine's disk.  UNREACHABLE: it is not known how a job
 * ended; merging again finishes it. */
gboolean merge_run (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
                    gboolean force, Job *job, GError **error);
