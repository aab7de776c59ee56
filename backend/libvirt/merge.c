/* Merging: block commits, and what libvirt has to be told of them.
 *
 * libvirt's own snapshot delete does the same with the files, but always takes the lower name away,
 * and after a failure it refuses for ever.  Here the order of the steps leaves every snapshot that
 * there is with its bytes, wherever it ends:
 *
 * into the parent: the parent's file takes what the snapshot's holds.  The snapshot is read through
 * both and does not change.  Then libvirt is told which files there are and where the children
 * belong, and forgets the name.
 *
 * into the children: the name goes first, with which the snapshot's bytes are nobody's any more.
 * What follows is only tidying, and a failure of that is noted and not the merge's.
 *
 * A commit that is stopped leaves a mixture in the lower file, so neither can be cancelled. */
#include "merge.h"
#include "../failures.h"
#include "block-job.h"
#include "merge-plan.h"
#include "order.h"
#include "records.h"
#include "refusal.h"
#include "sharing.h"
#include <string.h>

/* ---- the files */

static gboolean
check_is_merged (const MergePlan *plan, const MergeStep *step, GError **error)
{
  g_autoptr (Layout) live = merge_read_live (plan->domain, error);
  const LayoutDisk *disk = live ? layout_disk (live, step->target) : NULL;
  if (!live)
    return FALSE;
  if (disk && layout_find (disk, step->top) < 0 && layout_find (disk, step->base) >= 0)
    return TRUE;
  return fail (error, BACKEND_ERROR_FAILED,
               "%s: QEMU ended before %s was merged into %s; merging again begins anew",
               step->target, step->top, step->base);
}

static gboolean
merge_files (const MergePlan *plan, Job *job, GError **error)
{
  for (guint i = 0; i < plan->steps->len; i++) {
    const MergeStep *step = g_ptr_array_index (plan->steps, i);
    if (!step->done && (!block_job_commit (plan->domain, step->target, step->base, step->top, i,
                                           plan->steps->len, job, error) ||
                        !check_is_merged (plan, step, error)))
      return FALSE;
  }
  return TRUE;
}

/* Nobody names them any more. */
static void
drop_files (const MergePlan *plan, const HostFiles *files)
{
  for (guint i = 0; i < plan->steps->len; i++)
    host_files_drop (files, ((const MergeStep *)g_ptr_array_index (plan->steps, i))->top);
}

/* ---- the records */

/* What libvirt is to have recorded of @snapshot; NULL without an error: what it has.  Free with
 * g_free. */
static char *
new_record (const MergePlan *plan, const MergeSnapshot *snapshot, GError **error)
{
  g_autofree char *changed = NULL;
  if (g_strcmp0 (snapshot->layout->parent, plan->merged->name) == 0) {
    changed = layout_under (snapshot->xml, plan->merged->layout->parent, error);
    if (!changed)
      return NULL;
  }
  for (guint i = 0; i < plan->steps->len; i++) {
    const MergeStep *step = g_ptr_array_index (plan->steps, i);
    g_autoptr (GError) wrong = NULL;
    char *next = layout_without (changed ? changed : snapshot->xml, step->target, step->top,
                                 step->instead, &wrong);
    if (wrong) {
      g_propagate_error (error, g_steal_pointer (&wrong));
      return NULL;
    }
    if (!next)
      continue;
    g_free (changed);
    changed = next;
  }
  return g_steal_pointer (&changed);
}

static gboolean
write_record (const MergePlan *plan, const MergeSnapshot *snapshot, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autofree char *xml = new_record (plan, snapshot, &wrong);
  if (wrong) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  return !xml || record_write (plan->domain, xml, snapshot->layout->state, error);
}

static gboolean
write_records (const MergePlan *plan, GError **error)
{
  for (guint i = 0; i < plan->snapshots->len; i++) {
    const MergeSnapshot *snapshot = g_ptr_array_index (plan->snapshots, i);
    if (snapshot != plan->merged && !write_record (plan, snapshot, error))
      return FALSE;
  }
  return TRUE;
}

/* ---- in order */

static gboolean
merge_into_parent (const MergePlan *plan, const HostFiles *files, Job *job, GError **error)
{
  if (!merge_files (plan, job, error) || !write_records (plan, error) ||
      !record_forget (plan->domain, plan->merged->name, error))
    return FALSE;
  drop_files (plan, files);
  return TRUE;
}

/* Records that cannot be written still name files that are there. */
static gboolean
merge_into_children (const MergePlan *plan, const HostFiles *files, Job *job, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (!record_raise_children (plan->domain, plan->merged->name, error) ||
      !record_forget (plan->domain, plan->merged->name, error))
    return FALSE;
  if (merge_files (plan, job, &wrong) && write_records (plan, &wrong))
    drop_files (plan, files);
  if (wrong)
    failures_add (virDomainGetName (plan->domain), "tidy", wrong);
  return TRUE;
}

static gboolean
check_is_running (virDomainPtr domain, GError **error)
{
  int active = virDomainIsActive (domain);
  if (active > 0)
    return TRUE;
  if (active < 0)
    return refusal_fail_last (error, virDomainGetName (domain));
  return fail (error, BACKEND_ERROR_BUSY,
               "%s is shut off: only QEMU merges, while the machine runs",
               virDomainGetName (domain));
}

static gboolean
check_disks_are_free (const MergePlan *plan, GError **error)
{
  for (guint i = 0; i < plan->steps->len; i++) {
    const MergeStep *step = g_ptr_array_index (plan->steps, i);
    if (!block_job_is_none (plan->domain, step->target, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_is_alone (const MergePlan *plan, const HostFiles *files, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  for (guint i = 0; i < plan->steps->len; i++) {
    const MergeStep *step = g_ptr_array_index (plan->steps, i);
    g_ptr_array_add (paths, step->base);
    g_ptr_array_add (paths, step->top);
  }
  g_ptr_array_add (paths, NULL);
  return sharing_check (plan->domain, files, (const char *const *)paths->pdata, error);
}

static Plan *
plan_names (const Domain *picture, const char *snapshot, MergeInto into, gboolean force,
            GError **error)
{
  g_autoptr (Plan) names = plan_merge (picture, snapshot, into, force, error);
  const Snapshot *first = names ? g_ptr_array_index (names->removed, 0) : NULL;
  if (!names)
    return NULL;
  if (names->removed->len > 1)
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "%s has siblings, and libvirt cannot discard branches in files of their own",
          domain_snapshot (picture, snapshot)->name);
  else if (!first->external)
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "%s is inside the disk image: there is nothing to merge", first->name);
  else
    return g_steal_pointer (&names);
  return NULL;
}

static gboolean
merge_in (const Libvirt *libvirt, virDomainPtr domain, const Domain *picture, const char *snapshot,
          MergeInto into, gboolean force, Job *job, GError **error)
{
  if ((picture->can & (CAN_MERGE_PARENT | CAN_MERGE_CHILDREN)) == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the hypervisor of %s does not merge",
                 picture->name);
  g_autoptr (Plan) names = plan_names (picture, snapshot, into, force, error);
  if (!names || !check_is_running (domain, error))
    return FALSE;
  g_autoptr (MergePlan) plan = merge_plan_new (domain, names, into, error);
  if (!plan || !check_disks_are_free (plan, error) ||
      !check_is_alone (plan, &libvirt->files, error) || !job_commit (job, error))
    return FALSE;
  if (plan->takes)
    return merge_into_parent (plan, &libvirt->files, job, error);
  return merge_into_children (plan, &libvirt->files, job, error);
}

gboolean
merge_run (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
           gboolean force, Job *job, GError **error)
{
  g_auto (Order) order = { 0 };
  if (!order_begin (&order, backend, domain, job, error))
    return FALSE;
  gboolean done = merge_in (order.libvirt, order.handle.domain, order.picture, snapshot, into,
                            force, job, error);
  /* Other snapshots are in other files now, too. */
  machine_touch (order.machine, NULL, TRUE);
  return done;
}
