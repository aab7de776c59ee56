/* Reverting to a snapshot, and taking one of the present before.
 *
 * libvirt does not do the two in one step.  What was taken stays when the revert then fails: it is
 * what people asked to be kept, and the sentence says that it is there. */
#include "order.h"
#include "preflight.h"
#include "refusal.h"

#define RESET_NVRAM (1 << 3) /* VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM, since 8.1 */

static gboolean
translate (const Order *order, const RevertOptions *options, guint *translated, GError **error)
{
  BackendCan can = order->picture->can;

  if ((options->running || options->paused) && (can & CAN_RUN) == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the driver of %s does not choose whether it runs", order->picture->name);
  if (options->reset_nvram && (can & CAN_RESET_NVRAM) == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the driver of %s cannot reset NVRAM",
                 order->picture->name);
  *translated = (options->running ? VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING : 0) |
                (options->paused ? VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED : 0) |
                (options->force ? VIR_DOMAIN_SNAPSHOT_REVERT_FORCE : 0) |
                (options->reset_nvram ? RESET_NVRAM : 0);
  return TRUE;
}

static gboolean
fail_revert (const Order *order, const Snapshot *snapshot, guint asked, GError **error)
{
  g_autoptr (Refusal) refusal = refusal_last ();
  guint unknown = refusal_unknown_flags (refusal) & asked;

  if (unknown != 0)
    abilities_note_unknown_revert (&order->libvirt->abilities, unknown);
  return order_fail (order, error, "cannot revert %s to %s", order->picture->name, snapshot->name);
}

/* While a machine is stopped and another state of it is started there is nothing to abort. */
static gboolean
revert (const Order *order, const Snapshot *snapshot, guint asked, GError **error)
{
  virDomainSnapshotPtr found = order_handle (order, snapshot, error);
  gboolean done;

  if (found == NULL)
    return FALSE;
  done = order_commit (order, error) && (virDomainRevertToSnapshot (found, asked) == 0 ||
                                         fail_revert (order, snapshot, asked, error));
  virDomainSnapshotFree (found);
  return done;
}

static gboolean
save_and_revert (const Order *order, const Snapshot *snapshot, const char *save, guint asked,
                 GError **error)
{
  const CreateOptions options = { .name = save };
  g_autofree char *id = order_take (order, &options, error);
  g_autoptr (GError) problem = NULL;

  if (id == NULL)
    return FALSE;
  if (revert (order, snapshot, asked, &problem))
    return TRUE;
  return fail (error, (BackendError)problem->code, "%s; the snapshot %s was taken",
               problem->message, save);
}

gboolean
order_revert (Backend *backend, const char *domain, const char *id, const RevertOptions *options,
              Job *job, GError **error)
{
  g_auto (Order) order = { 0 };
  const Snapshot *snapshot;
  guint asked = 0;

  if (!order_begin (&order, backend, domain, job, error))
    return FALSE;
  snapshot = order_find (&order, id, error);
  if (snapshot == NULL || !translate (&order, options, &asked, error) ||
      !preflight_revert (&order, snapshot, error))
    return FALSE;
  order.touched = g_strdup (id);
  if (options->save != NULL)
    return save_and_revert (&order, snapshot, options->save, asked, error);
  return revert (&order, snapshot, asked, error);
}
