#pragma once
#include "../job.h"
#include <libvirt/libvirt.h>

/* QEMU's jobs on the disks of a running machine, waited for to their real end. */

/* Writes what @top of the disk @target holds, and all between, into @base, which is behind it; then
 * what was on @top is on @base.  Paths.  It cannot be stopped halfway: @base would be neither.
 * @done, @total: disks, for the progress of @job.  UNREACHABLE: it may still be running.
 *
 * Whether it has been done is for the caller to see in the domain's XML. */
gboolean block_job_commit (virDomainPtr domain, const char *target, const char *base,
                           const char *top, guint done, guint total, Job *job, GError **error);

/* BUSY when the disk has a job already. */
gboolean block_job_is_none (virDomainPtr domain, const char *target, GError **error);
