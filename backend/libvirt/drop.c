/* Discarding snapshots.
 *
 * libvirt's plain deletion moves the children up, so that there are none is asked for once more
 * just before.  Everything else is a flag. */
#include "order.h"
#include "preflight.h"
#include "records.h"
#include "refusal.h"

static const guint mode_flags[] = {
  [DISCARD_ONE] = 0,
  [DISCARD_KEEP_CHILDREN] = 0,
  [DISCARD_DESCENDANTS] = VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN,
  [DISCARD_CHILDREN_ONLY] = VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY,
  [DISCARD_METADATA_ONLY] = VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY,
};

/* A driver without that call has shown its children in the picture. */
static gboolean
check_children (virDomainSnapshotPtr found, const Snapshot *snapshot, DiscardMode mode,
                GError **error)
{
  if (mode != DISCARD_ONE || virDomainSnapshotNumChildren (found, 0) <= 0)
    return TRUE;
  return fail (error, BACKEND_ERROR_NOT_EMPTY, "%s has children", snapshot->name);
}

static gboolean
check_mode (const Order *order, const Snapshot *snapshot, const Plan *plan, DiscardMode mode,
            GError **error)
{
  if (mode == DISCARD_METADATA_ONLY && (order->picture->can & snapshot->can & CAN_FORGET) == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s has no record that could be removed without its data", snapshot->name);
  return mode == DISCARD_METADATA_ONLY || preflight_discard (order, plan, error);
}

/* What it refused once is not offered again. */
static void
learn (const Order *order, guint asked)
{
  g_autoptr (Refusal) refusal = refusal_last ();
  guint unknown = refusal_unknown_flags (refusal) & asked;

  if (unknown != 0)
    abilities_note_unknown_delete (&order->libvirt->abilities, unknown);
}

/* Then nobody is read through other files because of it. */
static gboolean
raise_children (const Order *order, const Snapshot *snapshot, DiscardMode mode, GError **error)
{
  return mode != DISCARD_METADATA_ONLY || !snapshot->external ||
         record_raise_children (order->handle.domain, snapshot->name, error);
}

static gboolean
drop (const Order *order, virDomainSnapshotPtr found, const Snapshot *snapshot, guint asked,
      GError **error)
{
  int done = virDomainSnapshotDelete (found, asked);

  if (done == 0)
    return TRUE;
  learn (order, asked);
  return order_fail (order, error, "cannot discard the snapshot %s of %s", snapshot->name,
                     order->picture->name);
}

gboolean
order_discard (Backend *backend, const char *domain, const char *id, DiscardMode mode, Job *job,
               GError **error)
{
  g_auto (Order) order = { 0 };
  g_autoptr (Plan) plan = NULL;
  const Snapshot *snapshot;
  virDomainSnapshotPtr found;
  gboolean done;

  if (!order_begin (&order, backend, domain, job, error))
    return FALSE;
  snapshot = order_find (&order, id, error);
  plan = snapshot == NULL ? NULL : plan_discard (order.picture, id, mode, error);
  if (plan == NULL || !check_mode (&order, snapshot, plan, mode, error))
    return FALSE;
  found = order_handle (&order, snapshot, error);
  if (found == NULL)
    return FALSE;
  done = check_children (found, snapshot, mode, error) && order_commit (&order, error) &&
         raise_children (&order, snapshot, mode, error) &&
         drop (&order, found, snapshot, mode_flags[mode], error);
  virDomainSnapshotFree (found);
  return done;
}
