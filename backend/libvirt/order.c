/* What every change has in common: one at a time, made of a picture that is asked for now, and
 * after it nothing is believed any more.
 *
 * libvirt orders the changes of all its clients; here they only wait for nobody of ours.  When the
 * connection goes while libvirt works, nobody knows what came of it: that is said, and found out
 * when it is there again, because then everything is loaded anew. */
#include "order.h"

#include "../snapshot-description.h"
#include "picture.h"
#include "refusal.h"

#include <stdlib.h>
#include <string.h>

/* Its name may have become another's since the look. */
static gboolean
check_uuid (const Order *order, GError **error)
{
  char uuid[VIR_UUID_STRING_BUFLEN];

  return (virDomainGetUUIDString (order->handle.domain, uuid) == 0 &&
          strcmp (uuid, order->picture->uuid) == 0) ||
         fail (error, BACKEND_ERROR_STALE, "%s is another machine now", order->picture->name);
}

gboolean
order_begin (Order *order, Backend *backend, const char *domain, Job *job, GError **error)
{
  Libvirt *libvirt = (Libvirt *)backend;
  Machine *machine = libvirt_find_machine (libvirt, domain, error);

  *order = (Order){ .libvirt = libvirt, .job = job };
  if (machine == NULL || !machine_begin_change (machine, error))
    return FALSE;
  order->machine = machine;
  order->picture = picture_look (libvirt, machine, error);
  return order->picture != NULL && handle_open (&order->handle, libvirt, domain, error) &&
         check_uuid (order, error) && !job_cancelled (job, error);
}

void
order_end (Order *order)
{
  handle_close (&order->handle);
  if (order->picture != NULL)
    domain_unref (order->picture);
  if (order->machine != NULL) {
    machine_touch (order->machine, order->touched, FALSE);
    machine_end_change (order->machine);
    libvirt_tell (order->libvirt, machine_name (order->machine));
  }
  g_free (order->touched);
  *order = (Order){ 0 };
}

const Snapshot *
order_find (const Order *order, const char *id, GError **error)
{
  const Snapshot *snapshot = domain_snapshot (order->picture, id);

  if (snapshot == NULL)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", order->picture->name);
  else if (snapshot->xml == NULL)
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "%s has another snapshot %s, and libvirt only finds that one", order->picture->name,
          snapshot->name);
  return snapshot != NULL && snapshot->xml != NULL ? snapshot : NULL;
}

gboolean
order_is_still (virDomainSnapshotPtr found, const Snapshot *snapshot)
{
  char *xml = virDomainSnapshotGetXMLDesc (found, 0);
  g_autoptr (SnapshotDescription) description = NULL;
  gboolean same = xml != NULL && strcmp (xml, snapshot->xml->data) == 0;

  if (xml != NULL && !same)
    description = snapshot_description_parse (xml, strlen (xml), NULL);
  free (xml);
  return same || (description != NULL && description->created == snapshot->created);
}

virDomainSnapshotPtr
order_handle (const Order *order, const Snapshot *snapshot, GError **error)
{
  virDomainSnapshotPtr found =
      virDomainSnapshotLookupByName (order->handle.domain, snapshot->name, 0);

  if (found == NULL) {
    connection_fail (order->libvirt->connection, order->handle.link, error,
                     "cannot find the snapshot %s of %s", snapshot->name, order->picture->name);
    return NULL;
  }
  if (order_is_still (found, snapshot))
    return found;
  virDomainSnapshotFree (found);
  /* Others may be as well: nothing tells of it. */
  machine_touch (order->machine, NULL, TRUE);
  fail (error, BACKEND_ERROR_STALE, "the snapshot %s of %s is another one now", snapshot->name,
        order->picture->name);
  return NULL;
}

gboolean
order_commit (const Order *order, GError **error)
{
  return job_commit (order->job, error);
}

gboolean
order_fail (const Order *order, GError **error, const char *format, ...)
{
  g_autoptr (Refusal) refusal = refusal_last ();
  g_autofree char *context = NULL;
  va_list arguments;

  va_start (arguments, format);
  context = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (virConnectIsAlive (order->handle.link) != 0)
    return refusal_fail (refusal, error, "%s", context);
  connection_lose (order->libvirt->connection, order->handle.link);
  return fail (error, BACKEND_ERROR_UNREACHABLE,
               "%s: the connection to %s was lost, and whether it was done is unknown; the tree "
               "will show it when the connection is there again (%s)",
               context, connection_uri (order->libvirt->connection), refusal->sentence);
}

Domain *
order_look (const Order *order, GError **error)
{
  machine_touch (order->machine, order->touched, FALSE);
  return picture_get_fresh (order->libvirt, order->machine, error);
}
