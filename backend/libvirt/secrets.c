/* XML with passwords.
 *
 * It is asked for whenever somebody needs it and is kept nowhere. */
#include "secrets.h"

#include "picture.h"
#include "refusal.h"

#include <stdlib.h>
#include <string.h>

/* Overwrites what libvirt gave. */
static char *
take_over (char *xml)
{
  char *copy = g_strdup (xml);

  if (xml != NULL)
    explicit_bzero (xml, strlen (xml));
  free (xml);
  return copy;
}

char *
secrets_snapshot (const Order *order, const Snapshot *snapshot)
{
  virDomainSnapshotPtr found =
      virDomainSnapshotLookupByName (order->handle.domain, snapshot->name, 0);
  char *xml;

  if (found == NULL)
    return NULL;
  xml = virDomainSnapshotGetXMLDesc (found, VIR_DOMAIN_SNAPSHOT_XML_SECURE);
  if (xml == NULL && (order->picture->can & CAN_SECURE) == 0)
    xml = virDomainSnapshotGetXMLDesc (found, 0);
  virDomainSnapshotFree (found);
  return take_over (xml);
}

char *
secrets_domain (const Order *order, const char *state)
{
  gboolean ran = g_strcmp0 (state, "running") == 0 || g_strcmp0 (state, "paused") == 0;
  guint flags = ran ? 0 : VIR_DOMAIN_XML_INACTIVE;
  char *xml = virDomainGetXMLDesc (order->handle.domain, flags | VIR_DOMAIN_XML_SECURE);

  if (xml == NULL)
    xml = virDomainGetXMLDesc (order->handle.domain, flags);
  return take_over (xml);
}

static Text *
show (Libvirt *libvirt, const Handle *handle, const char *name, GError **error)
{
  virDomainSnapshotPtr found = virDomainSnapshotLookupByName (handle->domain, name, 0);
  char *xml =
      found == NULL ? NULL : virDomainSnapshotGetXMLDesc (found, VIR_DOMAIN_SNAPSHOT_XML_SECURE);
  Text *text = xml == NULL ? NULL : text_from_string (xml);

  if (text == NULL) {
    g_autoptr (Refusal) refusal = refusal_last ();

    /* From the next picture on, the file is not there. */
    if (refusal_unknown_flags (refusal) != 0)
      abilities_note_no_secrets (&libvirt->abilities);
    connection_fail (libvirt->connection, handle->link, error,
                     "cannot read the snapshot %s with its passwords", name);
  }
  g_free (take_over (xml));
  if (found != NULL)
    virDomainSnapshotFree (found);
  return text;
}

Text *
secrets_show (Backend *backend, const char *domain, const char *id, GError **error)
{
  Libvirt *libvirt = (Libvirt *)backend;
  g_autoptr (Domain) picture = picture_get (libvirt, domain, error);
  const Snapshot *snapshot = picture == NULL ? NULL : domain_snapshot (picture, id);
  g_auto (Handle) handle = { 0 };

  if (picture == NULL)
    return NULL;
  if (snapshot == NULL || snapshot->xml == NULL) {
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", domain);
    return NULL;
  }
  if (!handle_open (&handle, libvirt, domain, error))
    return NULL;
  return show (libvirt, &handle, snapshot->name, error);
}
