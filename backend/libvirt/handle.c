/* A domain of libvirt's by its name, and whether it runs. */
#include "handle.h"

static const char *const states[] = {
  [VIR_DOMAIN_NOSTATE] = "nostate",   [VIR_DOMAIN_RUNNING] = "running",
  [VIR_DOMAIN_BLOCKED] = "blocked",   [VIR_DOMAIN_PAUSED] = "paused",
  [VIR_DOMAIN_SHUTDOWN] = "shutdown", [VIR_DOMAIN_SHUTOFF] = "shutoff",
  [VIR_DOMAIN_CRASHED] = "crashed",   [VIR_DOMAIN_PMSUSPENDED] = "pmsuspended",
};

gboolean
handle_open (Handle *handle, Libvirt *libvirt, const char *domain, GError **error)
{
  *handle = (Handle){ .link = connection_use (libvirt->connection, error) };
  if (handle->link == NULL)
    return FALSE;
  handle->domain = virDomainLookupByName (handle->link, domain);
  if (handle->domain != NULL)
    return TRUE;
  return connection_fail (libvirt->connection, handle->link, error, "cannot find the domain \"%s\"",
                          domain);
}

void
handle_close (Handle *handle)
{
  if (handle->domain != NULL)
    virDomainFree (handle->domain);
  connection_done (handle->link);
  *handle = (Handle){ 0 };
}

const char *
handle_state (const Handle *handle)
{
  int state = VIR_DOMAIN_NOSTATE;

  if (virDomainGetState (handle->domain, &state, NULL, 0) < 0)
    return NULL;
  return state >= 0 && (gsize)state < G_N_ELEMENTS (states) ? states[state] : "nostate";
}

char *
handle_run_state (Backend *backend, const char *domain, GError **error)
{
  Libvirt *libvirt = (Libvirt *)backend;
  g_auto (Handle) handle = { 0 };
  const char *state;

  if (!handle_open (&handle, libvirt, domain, error))
    return NULL;
  state = handle_state (&handle);
  if (state == NULL)
    connection_fail (libvirt->connection, handle.link, error, "cannot ask whether %s runs", domain);
  return g_strdup (state);
}
