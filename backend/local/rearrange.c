/* Discarding and merging: the plan is the tree's matter (../plan.h), and here it becomes records.
 *
 * No image is touched.  One whose name goes is an unnamed base from then on, and tidying sees later
 * what becomes of it; so every snapshot that stays, and the active disk, keep their bytes. */
#include "../plan.h"
#include "frozen.h"
#include "inside-discard.h"
#include "internal.h"
#include "making.h"
#include "moving.h"
#include "operations.h"
#include "references.h"
#include "tidy.h"

/* A snapshot's own record, changed already or not yet, as a copy that may be changed further. */
static Record *
change_record (Change *change, const char *id, GError **error)
{
  const Record *record = making_find_record (change, id, error);
  if (!record)
    return NULL;
  Record *changed = record_copy (record);
  changed->changed = seconds_now ();
  return changed;
}

static gboolean
remove_snapshots (Change *change, const Plan *plan, gboolean keep, GError **error)
{
  for (guint i = 0; i < plan->removed->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (plan->removed, i);
    Record *found = making_find_record (change, snapshot->id, error);
    if (!found)
      return FALSE;
    g_autoptr (Record) record = record_ref (found);
    if (keep)
      making_keep (change, record);
    else
      making_unname (change, record);
    change_remove (change, record->uuid);
  }
  return TRUE;
}

static gboolean
move_snapshots (Change *change, const Plan *plan, GError **error)
{
  for (guint i = 0; i < plan->moves->len; i++) {
    const PlanMove *move = &g_array_index (plan->moves, PlanMove, i);
    g_autoptr (Record) record = change_record (change, move->snapshot->id, error);
    if (!record)
      return FALSE;
    g_free (record->parent);
    record->parent = g_strdup (move->parent);
    change_put (change, record);
  }
  return TRUE;
}

/* The images of the one that is merged have two names for a moment, and then the parent's. */
static gboolean
hand_over_images (Change *change, const Plan *plan, GError **error)
{
  if (!plan->takes)
    return TRUE;
  const Record *from = making_find_record (change, plan->from->id, error);
  g_autoptr (Record) parent = from ? change_record (change, plan->takes->id, error) : NULL;
  if (!parent)
    return FALSE;
  making_unname (change, parent);
  record_take_images (parent, from);
  parent->taken = snapshot_taken_now (parent->created, parent->taken);
  g_free (parent->kept_xml);
  parent->kept_xml = g_strdup (from->kept_xml); /* it speaks of those bytes */
  parent->internal = from->internal;
  change_put (change, parent);
  return TRUE;
}

/* Who goes is removed last: until then its record is needed. */
static gboolean
carry_out (Change *change, const Plan *plan, gboolean keep, GError **error)
{
  if (plan->removed->len == 0)
    return TRUE;
  if (!hand_over_images (change, plan, error) || !move_snapshots (change, plan, error) ||
      !remove_snapshots (change, plan, keep, error))
    return FALSE;
  if (g_strcmp0 (change->records->current, plan->current) != 0)
    change_current (change, plan->current);
  if (!change_commit (change, error))
    return FALSE;
  change_catch_up (change);
  return TRUE;
}

gboolean
operation_discard (Store *store, const char *domain, const char *snapshot, DiscardMode mode,
                   Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Domain) picture = change ? state_picture (store, change->state, error) : NULL;
  g_autoptr (Plan) plan = picture ? plan_discard (picture, snapshot, mode, error) : NULL;
  if (!plan)
    return FALSE;
  if (internal_is_id (snapshot) && mode != DISCARD_CHILDREN_ONLY)
    return mode == DISCARD_ONE
               ? internal_discard (change, snapshot, error)
               : fail (error, BACKEND_ERROR_UNSUPPORTED,
                       "this snapshot is inside a disk image: it can only be discarded by itself");
  return carry_out (change, plan, mode == DISCARD_METADATA_ONLY, error);
}

/* Whether anybody is read through the image @path but what only waits to be tidied away. */
static gboolean
is_read (const Change *change, const char *path, gboolean *read, GError **error)
{
  const Places *places = change->store->places;
  autolock held = moving_hold ();
  g_autoptr (GPtrArray) domains = scan_store (places, error);
  g_autoptr (GPtrArray) behind = g_ptr_array_new_with_free_func (g_free);
  *read = FALSE;
  const Asking asking = { .places = places, .domains = domains, .job = change->job };
  g_ptr_array_add (behind, g_strdup (path));
  for (guint i = 0; domains && i < behind->len; i++) {
    const char *image = g_ptr_array_index (behind, i);
    g_autoptr (GPtrArray) readers = references_to (&asking, image, error);
    if (!readers)
      return FALSE;
    for (guint j = 0; j < readers->len; j++) {
      const char *reader = g_ptr_array_index (readers, j);
      g_autofree char *name = g_path_get_basename (reader);
      *read = *read || !record_images_have (change->records->unnamed, name);
      if (!g_ptr_array_find_with_equal_func (behind, reader, g_str_equal, NULL))
        g_ptr_array_add (behind, g_strdup (reader));
    }
  }
  return domains != NULL;
}

/* A merge never merely drops what it merges.  After a revert nothing may be read through it. */
static gboolean
check_is_read (const Change *change, const Snapshot *snapshot, GError **error)
{
  const Record *record = making_find_record (change, snapshot->id, error);
  if (!record)
    return FALSE;
  g_autofree char *path =
      frozen_path (change->store->places, record_find_image (record, record->disk));
  gboolean read;
  if (!is_read (change, path, &read, error))
    return FALSE;
  return read || fail (error, BACKEND_ERROR_INVALID,
                       "nothing is read through %s any more, so what it holds would be lost: that "
                       "would be a discard",
                       snapshot->name);
}

/* What the snapshot of one disk held apart goes into what is read through it, before this ends. The
 * commit is the removal of its name: what cannot be folded now (a full disk) is by a later tidying,
 * and info says so. */
static gboolean
fold_disk (Change *change, const Plan *plan, const Snapshot *snapshot, GError **error)
{
  if (!check_is_read (change, snapshot, error) || !carry_out (change, plan, FALSE, error))
    return FALSE;
  tidy_now (change->store, change->state, TRUE);
  return TRUE;
}

gboolean
operation_merge (Store *store, const char *domain, const char *snapshot, MergeInto into,
                 gboolean force, Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Domain) picture = change ? state_picture (store, change->state, error) : NULL;
  g_autoptr (Plan) plan = picture ? plan_merge (picture, snapshot, into, force, error) : NULL;
  if (!plan)
    return FALSE;
  const Snapshot *merged = domain_snapshot (picture, snapshot);
  return merged->disk ? fold_disk (change, plan, merged, error)
                      : carry_out (change, plan, FALSE, error);
}
