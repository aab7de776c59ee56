/* The rules of discarding and merging: who goes, who moves, what is current.
 *
 * All of it follows from three lists of one picture: what is removed, who gets another parent, and
 * whose bytes replace whose.  Holding is looked at last and for all at once, so no rule can forget
 * it.  Storage is no matter here. */
#include "plan.h"

static const Snapshot *
find (const Domain *domain, const char *id, GError **error)
{
  const Snapshot *snapshot = domain_snapshot (domain, id);

  if (snapshot == NULL)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", domain->name);
  return snapshot;
}

gboolean
plan_check_of_domain (const Snapshot *snapshot, const char *verb, GError **error)
{
  return snapshot->disk == NULL || fail (error, BACKEND_ERROR_UNSUPPORTED,
                                         "%s is a snapshot of the disk %s alone: it cannot %s",
                                         snapshot->name, snapshot->disk, verb);
}

static Plan *
plan_new (const Domain *domain)
{
  Plan *plan = g_new0 (Plan, 1);

  plan->removed = g_ptr_array_new ();
  plan->moves = g_array_new (FALSE, FALSE, sizeof (PlanMove));
  plan->current = domain->current;
  return plan;
}

void
plan_free (Plan *plan)
{
  g_ptr_array_unref (plan->removed);
  g_array_unref (plan->moves);
  g_free (plan);
}

/* @snapshot goes; if it is current, @heir is current instead. */
static void
remove_one (Plan *plan, const Snapshot *snapshot, const char *heir)
{
  g_ptr_array_add (plan->removed, (gpointer)snapshot);
  if (g_strcmp0 (plan->current, snapshot->id) == 0)
    plan->current = heir;
}

/* All that descend from @snapshot: they are listed behind it, parents first. */
static void
remove_descendants (Plan *plan, const Domain *domain, const Snapshot *snapshot, const char *heir)
{
  guint count = domain_descendants (domain, snapshot);
  const GPtrArray *all;
  guint at;

  if (count == 0)
    return;
  all = domain_snapshots (domain);
  if (!g_ptr_array_find ((GPtrArray *)all, snapshot, &at))
    return;
  for (guint i = at + count; i > at; i--)
    remove_one (plan, g_ptr_array_index (all, i), heir);
}

static void
move_children (Plan *plan, const Domain *domain, const Snapshot *from, const char *to)
{
  const GPtrArray *children = domain_children (domain, from->id);

  for (guint i = 0; i < children->len; i++) {
    const PlanMove move = { g_ptr_array_index (children, i), to };

    g_array_append_val (plan->moves, move);
  }
}

static gboolean
check_held (const Snapshot *snapshot, GError **error)
{
  if (!snapshot->held)
    return TRUE;
  return fail (error, BACKEND_ERROR_BUSY, "%s is held (echo 0 > control/hold lets it go)",
               snapshot->name);
}

/* @plan, or NULL when something in it must stay as it is. */
static Plan *
check_plan (Plan *plan, GError **error)
{
  gboolean free = plan->takes == NULL || check_held (plan->takes, error);

  for (guint i = 0; free && i < plan->removed->len; i++)
    free = check_held (g_ptr_array_index (plan->removed, i), error);
  if (free)
    return plan;
  plan_free (plan);
  return NULL;
}

/* -------------------------------------------------------------------- discard */

static gboolean
check_is_leaf (const Domain *domain, const Snapshot *snapshot, GError **error)
{
  const GPtrArray *children = domain_children (domain, snapshot->id);

  if (children->len == 0)
    return TRUE;
  return fail (error, BACKEND_ERROR_NOT_EMPTY, "%s has children: %s is one of them", snapshot->name,
               ((const Snapshot *)g_ptr_array_index (children, 0))->name);
}

Plan *
plan_discard (const Domain *domain, const char *id, DiscardMode mode, GError **error)
{
  const Snapshot *snapshot = find (domain, id, error);
  g_autoptr (Plan) plan = NULL;

  if (snapshot == NULL || (mode == DISCARD_ONE && !check_is_leaf (domain, snapshot, error)) ||
      (mode != DISCARD_ONE &&
       !plan_check_of_domain (snapshot, "be discarded but by itself", error)))
    return NULL;
  plan = plan_new (domain);
  if (mode == DISCARD_DESCENDANTS)
    remove_descendants (plan, domain, snapshot, snapshot->parent);
  if (mode == DISCARD_CHILDREN_ONLY)
    remove_descendants (plan, domain, snapshot, snapshot->id);
  else
    remove_one (plan, snapshot, snapshot->parent);
  if (mode == DISCARD_KEEP_CHILDREN || mode == DISCARD_METADATA_ONLY)
    move_children (plan, domain, snapshot, snapshot->parent);
  return check_plan (g_steal_pointer (&plan), error);
}

/* -------------------------------------------------------------------- merge */

/* A merge never merely drops what the snapshot holds: something that has data must follow it. */
static gboolean
is_followed (const Domain *domain, const Snapshot *snapshot)
{
  const GPtrArray *children = domain_children (domain, snapshot->id);

  for (guint i = 0; i < children->len; i++)
    if (snapshot->no_data || !((const Snapshot *)g_ptr_array_index (children, i))->no_data)
      return TRUE;
  return FALSE;
}

/* Into the unnamed base, where only the name goes. */
static Plan *
merge_root (const Domain *domain, const Snapshot *snapshot, GError **error)
{
  Plan *plan;

  if (!is_followed (domain, snapshot) && g_strcmp0 (domain->current, snapshot->id) != 0) {
    fail (error, BACKEND_ERROR_INVALID,
          "%s has no parent, no children with data and is not current: to merge it would be to "
          "discard it",
          snapshot->name);
    return NULL;
  }
  plan = plan_new (domain);
  remove_one (plan, snapshot, NULL);
  move_children (plan, domain, snapshot, NULL);
  return check_plan (plan, error);
}

/* The other children of the parent are branches of what is replaced. */
static gboolean
remove_siblings (Plan *plan, const Domain *domain, const Snapshot *snapshot, gboolean force,
                 GError **error)
{
  const GPtrArray *children = domain_children (domain, snapshot->parent);

  for (guint i = 0; i < children->len; i++) {
    const Snapshot *sibling = g_ptr_array_index (children, i);

    if (sibling == snapshot)
      continue;
    if (!force)
      return fail (error, BACKEND_ERROR_NOT_EMPTY,
                   "%s has a sibling %s, which would be discarded (force does that)",
                   snapshot->name, sibling->name);
    remove_descendants (plan, domain, sibling, snapshot->parent);
    remove_one (plan, sibling, snapshot->parent);
  }
  return TRUE;
}

static Plan *
merge_into_parent (const Domain *domain, const Snapshot *snapshot, gboolean force, GError **error)
{
  g_autoptr (Plan) plan = plan_new (domain);

  if (snapshot->no_data) {
    fail (error, BACKEND_ERROR_INVALID, "%s has no data that its parent could take",
          snapshot->name);
    return NULL;
  }
  if (!remove_siblings (plan, domain, snapshot, force, error))
    return NULL;
  remove_one (plan, snapshot, snapshot->parent);
  move_children (plan, domain, snapshot, snapshot->parent);
  plan->takes = domain_snapshot (domain, snapshot->parent);
  plan->from = snapshot;
  return check_plan (g_steal_pointer (&plan), error);
}

static Plan *
merge_into_children (const Domain *domain, const Snapshot *snapshot, GError **error)
{
  if (!is_followed (domain, snapshot)) {
    fail (error, BACKEND_ERROR_INVALID,
          "%s has no children with data to merge it into: that would only drop it", snapshot->name);
    return NULL;
  }
  return plan_discard (domain, snapshot->id, DISCARD_KEEP_CHILDREN, error);
}

/* Whatever is read through the snapshot keeps its bytes.  Whether anything is now, which is for the
 * merge what children are in the tree, the backend sees to. */
static Plan *
merge_of_disk (const Domain *domain, const Snapshot *snapshot, MergeInto into, GError **error)
{
  if (into == MERGE_INTO_PARENT) {
    plan_check_of_domain (snapshot, "be merged into a parent", error);
    return NULL;
  }
  if ((snapshot->can & CAN_MERGE_CHILDREN) == 0) {
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "%s is apart from the disk %s, and nothing is read through it: discard it",
          snapshot->name, snapshot->disk);
    return NULL;
  }
  return plan_discard (domain, snapshot->id, DISCARD_ONE, error);
}

Plan *
plan_merge (const Domain *domain, const char *id, MergeInto into, gboolean force, GError **error)
{
  const Snapshot *snapshot = find (domain, id, error);

  if (snapshot == NULL)
    return NULL;
  if (snapshot->disk != NULL)
    return merge_of_disk (domain, snapshot, into, error);
  if (into == MERGE_INTO_CHILDREN)
    return merge_into_children (domain, snapshot, error);
  if (snapshot->parent == NULL)
    return merge_root (domain, snapshot, error);
  return merge_into_parent (domain, snapshot, force, error);
}

/* -------------------------------------------------------------------- current */

gboolean
plan_check_current (const Domain *domain, const char *snapshot, const char *instead_of,
                    GError **error)
{
  const Snapshot *found = snapshot != NULL ? find (domain, snapshot, error) : NULL;

  if (snapshot != NULL && (found == NULL || !plan_check_of_domain (found, "become current", error)))
    return FALSE;
  if (instead_of == NULL || g_strcmp0 (instead_of, domain->current) == 0)
    return TRUE;
  return fail (error, BACKEND_ERROR_INVALID, "it is not the current snapshot of %s", domain->name);
}
