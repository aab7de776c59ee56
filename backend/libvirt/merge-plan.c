/* Which files a merge writes to, and who else is read through them.
 *
 * The chain of a running machine is known: libvirt lists it.  A snapshot's bytes are those of the
 * file that was on top when it was taken and of what is behind that.  Writing a file into the one
 * behind it leaves every byte as it was for whoever is read through both, and changes the bytes of
 * whoever is read through the lower one only.  So that may be nobody but who is to change or goes;
 * and a snapshot whose files are not in the chain might be a branch, of which nothing is known. */
#include "merge-plan.h"
#include "refusal.h"
#include <stdlib.h>

static void
snapshot_clear (MergeSnapshot *snapshot)
{
  g_clear_pointer (&snapshot->layout, layout_free);
  g_free (snapshot->name);
  g_free (snapshot->xml);
  g_free (snapshot);
}

static void
step_free (MergeStep *step)
{
  g_free (step->target);
  g_free (step->base);
  g_free (step->top);
  g_free (step->instead);
  g_free (step);
}

void
merge_plan_free (MergePlan *plan)
{
  g_clear_pointer (&plan->live, layout_free);
  g_ptr_array_unref (plan->snapshots);
  g_ptr_array_unref (plan->steps);
  g_free (plan);
}

/* ---- asking */

Layout *
merge_read_live (virDomainPtr domain, GError **error)
{
  char *xml = virDomainGetXMLDesc (domain, 0);
  if (!xml) {
    refusal_fail_last (error, virDomainGetName (domain));
    return NULL;
  }
  Layout *layout = layout_parse (xml, error);
  free (xml);
  return layout;
}

static MergeSnapshot *
read_snapshot (virDomainSnapshotPtr listed, GError **error)
{
  const char *name = virDomainSnapshotGetName (listed);
  char *xml = virDomainSnapshotGetXMLDesc (listed, VIR_DOMAIN_SNAPSHOT_XML_SECURE);
  if (!xml) {
    refusal_fail_last (error, name);
    return NULL;
  }
  MergeSnapshot *snapshot = g_new0 (MergeSnapshot, 1);
  snapshot->name = g_strdup (name);
  snapshot->xml = g_strdup (xml);
  free (xml);
  snapshot->layout = layout_parse (snapshot->xml, error);
  if (snapshot->layout)
    return snapshot;
  snapshot_clear (snapshot);
  return NULL;
}

static gboolean
read_all (MergePlan *plan, const Plan *names, GError **error)
{
  g_autoptr (GPtrArray) all = NULL;
  virDomainSnapshotPtr *listed = NULL;
  const Snapshot *merged = g_ptr_array_index (names->removed, 0);
  int count = virDomainListAllSnapshots (plan->domain, &listed, 0);
  gboolean good = count >= 0 || refusal_fail_last (error, virDomainGetName (plan->domain));
  for (int i = 0; i < count; i++) {
    const char *name = virDomainSnapshotGetName (listed[i]);
    MergeSnapshot *snapshot = good ? read_snapshot (listed[i], error) : NULL;
    good = snapshot != NULL;
    if (snapshot)
      g_ptr_array_add (plan->snapshots, snapshot);
    if (snapshot && g_str_equal (name, merged->name))
      plan->merged = snapshot;
    if (snapshot && names->takes && g_str_equal (name, names->takes->name))
      plan->takes = snapshot;
    virDomainSnapshotFree (listed[i]);
  }
  free (listed);
  if (good && (!plan->merged || (names->takes && !plan->takes)))
    return fail (error, BACKEND_ERROR_STALE, "the snapshots of %s have changed",
                 virDomainGetName (plan->domain));
  return good;
}

/* ---- what is to be done */

static void
add_step (MergePlan *plan, const char *target, const char *base, const char *top,
          const char *instead)
{
  MergeStep *step = g_new0 (MergeStep, 1);
  step->target = g_strdup (target);
  step->base = g_strdup (base);
  step->top = g_strdup (top);
  step->instead = g_strdup (instead);
  g_ptr_array_add (plan->steps, step);
}

static gboolean
check_memory (const MergePlan *plan, GError **error)
{
  const MergeSnapshot *both[] = { plan->merged, plan->takes };
  for (guint i = 0; i < G_N_ELEMENTS (both); i++)
    if (both[i]->layout->external_memory || both[i]->layout->internal_memory)
      return fail (error, BACKEND_ERROR_UNSUPPORTED,
                   "%s holds memory, which would not belong to the disks any more", both[i]->name);
  return TRUE;
}

static gboolean
is_branch (GError **error, const char *name, const char *target)
{
  return fail (error, BACKEND_ERROR_UNSUPPORTED,
               "the files of %s (%s) are not in one chain with those of the running machine", name,
               target);
}

/* The parent's disks become the snapshot's: the files that both froze. */
static gboolean
plan_into_parent (MergePlan *plan, GError **error)
{
  const Layout *own = plan->merged->layout;
  if (!check_memory (plan, error))
    return FALSE;
  for (guint i = 0; i < own->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (own->disks, i);
    const LayoutDisk *under = layout_disk (plan->takes->layout, disk->target);
    if (!disk->overlay && !(under && under->overlay))
      continue;
    if (!disk->overlay || !under || !under->overlay)
      return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s and %s do not have the same disks: %s",
                   plan->merged->name, plan->takes->name, disk->target);
    if (g_strcmp0 (under->overlay, layout_file (disk, 0)) != 0)
      return is_branch (error, plan->takes->name, disk->target);
    add_step (plan, disk->target, layout_file (under, 0), layout_file (disk, 0), disk->overlay);
  }
  return TRUE;
}

/* The children are read through the snapshot's file anyway: the one on top of it goes into it.
 * That of the running machine stays, where no snapshot has frozen it. */
static void
plan_into_children (MergePlan *plan)
{
  const Layout *own = plan->merged->layout;
  for (guint i = 0; i < own->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (own->disks, i);
    const LayoutDisk *live = layout_disk (plan->live, disk->target);
    if (disk->overlay && (!live || g_strcmp0 (layout_file (live, 0), disk->overlay) != 0))
      add_step (plan, disk->target, layout_file (disk, 0), disk->overlay, NULL);
  }
}

/* ---- whether it may */

/* @at: where in the chain is what @other was read through. */
static gboolean
check_other_at (const MergeSnapshot *other, const MergeStep *step, const LayoutDisk *disk, int at,
                int base, int top, gboolean into_parent, GError **error)
{
  if (at > top && at <= base)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the bytes of %s (%s) would change with it",
                 other->name, step->target);
  if (at != top)
    return TRUE;
  if (into_parent)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is in the same file (%s)", other->name,
                 step->target);
  /* Its XML must say what is behind the file that goes. */
  return g_strcmp0 (layout_file (disk, 1), step->base) == 0 ||
         is_branch (error, other->name, step->target);
}

static gboolean
check_other (const MergePlan *plan, const MergeSnapshot *other, const MergeStep *step,
             const LayoutDisk *live, int base, int top, GError **error)
{
  const LayoutDisk *disk = layout_disk (other->layout, step->target);
  if (!disk || (!disk->overlay && !disk->internal))
    return TRUE;
  int at = layout_find (live, layout_file (disk, 0));
  if (disk->internal)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is inside an image", other->name);
  if (at < 0)
    return is_branch (error, other->name, step->target);
  return check_other_at (other, step, disk, at, base, top, plan->takes != NULL, error);
}

/* All was merged, and the end of it was not noticed. */
static gboolean
is_done (const MergePlan *plan, const MergeStep *step, const LayoutDisk *live, int base)
{
  return plan->takes && step->instead && base > 0 &&
         g_strcmp0 (layout_file (live, (guint)base - 1), step->instead) == 0;
}

static gboolean
check_step (const MergePlan *plan, MergeStep *step, GError **error)
{
  const LayoutDisk *live = layout_disk (plan->live, step->target);
  int base = live && step->base ? layout_find (live, step->base) : -1;
  int top = live && step->top ? layout_find (live, step->top) : -1;
  if (base >= 0 && top < 0 && is_done (plan, step, live, base)) {
    step->done = TRUE;
    return TRUE;
  }
  if (top < 1 || base != top + 1)
    return is_branch (error, plan->merged->name, step->target);
  for (guint i = 0; i < plan->snapshots->len; i++) {
    const MergeSnapshot *other = g_ptr_array_index (plan->snapshots, i);
    if (other != plan->merged && other != plan->takes &&
        !check_other (plan, other, step, live, base, top, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_steps (const MergePlan *plan, GError **error)
{
  for (guint i = 0; i < plan->steps->len; i++)
    if (!check_step (plan, g_ptr_array_index (plan->steps, i), error))
      return FALSE;
  return TRUE;
}

MergePlan *
merge_plan_new (virDomainPtr domain, const Plan *names, MergeInto into, GError **error)
{
  g_autoptr (MergePlan) plan = g_new0 (MergePlan, 1);
  plan->domain = domain;
  plan->snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_clear);
  plan->steps = g_ptr_array_new_with_free_func ((GDestroyNotify)step_free);
  plan->live = merge_read_live (domain, error);
  if (!plan->live || !read_all (plan, names, error))
    return NULL;
  if (plan->takes && !plan_into_parent (plan, error))
    return NULL;
  if (into == MERGE_INTO_CHILDREN)
    plan_into_children (plan);
  return check_steps (plan, error) ? g_steal_pointer (&plan) : NULL;
}
