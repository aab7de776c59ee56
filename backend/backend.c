/* The only way into a backend's table: opening and reading; changes are in backend-change.c.
 *
 * Each function does the same four things: check the caller's part of the
 * contract, log the call, make it, and assert the callee's part (an error is
 * set exactly when the call failed), so that the prose of backend.h is checked
 * whenever the program runs.  Nothing is known here about any one backend but
 * its name. */
#define G_LOG_DOMAIN "vmsnapfs-backend"
#include "backend.h"
#include "backend-call.h"
#include "local/local.h"
#ifdef WITH_LIBVIRT
#include "libvirt/libvirt.h"
#endif
#include "memory/memory.h"
#include "pins.h"

#include <string.h>

/* The first is what a source without a scheme means. */
static const BackendOps *const backends[] = {
  &local_ops,
  &memory_ops,
#ifdef WITH_LIBVIRT
  &libvirt_ops,
#endif
};

void
backend_log_call (const Backend *backend, const char *verb, const char *domain, const char *object)
{
  g_debug ("%s: %s %s %s", backend->ops->scheme, verb, domain != NULL ? domain : "",
           object != NULL ? object : "");
}

void
backend_hand_over (gboolean succeeded, GError *failure, GError **error)
{
  g_assert (succeeded == (failure == NULL));
  if (failure == NULL)
    return;
  g_debug ("failed: %s", failure->message);
  g_propagate_error (error, failure);
}

static gboolean
is_scheme (const char *text, gsize length)
{
  if (length == 0 || !g_ascii_isalpha (text[0]))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && strchr ("+.-", text[i]) == NULL)
      return FALSE;
  return TRUE;
}

static const BackendOps *
find_scheme (const char *scheme, gsize length)
{
  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    if (!backends[i]->whole_uri && strlen (backends[i]->scheme) == length &&
        strncmp (backends[i]->scheme, scheme, length) == 0)
      return backends[i];
  return NULL;
}

/* Who takes whatever URI there is; NULL: nobody was built in. */
static const BackendOps *
find_whole_uri (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    if (backends[i]->whole_uri)
      return backends[i];
  return NULL;
}

/* "qemu:///system" and "esx://host", but not "disks:old". */
static gboolean
is_whole_uri (const char *colon)
{
  return g_str_has_prefix (colon, "://");
}

static gboolean
fail_unknown_scheme (const char *source, const char *colon, GError **error)
{
  GString *known = g_string_new (NULL);
  g_autofree char *list = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    if (!backends[i]->whole_uri)
      g_string_append_printf (known, ", %s:", backends[i]->scheme);
  list = g_string_free (known, FALSE);
  if (is_whole_uri (colon))
    return fail (error, BACKEND_ERROR_INVALID,
                 "\"%s\" would be a libvirt URI, and this program was built without libvirt; known "
                 "are%s and the path of a directory",
                 source, list + 1);
  return fail (error, BACKEND_ERROR_INVALID,
               "nothing here understands \"%.*s:\"; known are%s, libvirt's URIs (with \"://\") and "
               "the path of a directory (./%s if it is one)",
               (int)(colon - source), source, list + 1, source);
}

/* Which backend @source is for, and where in @source its own part begins. */
static const BackendOps *
split_source (const char *source, const char **location, GError **error)
{
  const char *colon = strchr (source, ':');
  gsize length = colon == NULL ? 0 : (gsize)(colon - source);
  const BackendOps *ops;

  *location = source;
  if (colon == NULL || !is_scheme (source, length))
    return backends[0];
  ops = find_scheme (source, length);
  if (ops != NULL) {
    *location = colon + 1;
    return ops;
  }
  ops = is_whole_uri (colon) ? find_whole_uri () : NULL;
  if (ops == NULL)
    fail_unknown_scheme (source, colon, error);
  return ops;
}

Backend *
backend_open (const char *source, const BackendOptions *options, GError **error)
{
  static const BackendOptions no_options = { 0 };
  const BackendOps *ops;
  const char *location;
  Backend *backend;
  GError *failure = NULL;

  g_assert (source != NULL);
  ops = split_source (source, &location, error);
  if (ops == NULL)
    return NULL;
  if (options == NULL)
    options = &no_options;
  g_debug ("%s: open %s", ops->scheme, location);
  backend = ops->open (location, options, &failure);
  backend_hand_over (backend != NULL, failure, error);
  if (backend == NULL)
    return NULL;
  backend->ops = ops;
  backend->read_only = options->read_only;
  return backend;
}

void
backend_close (Backend *backend)
{
  if (backend == NULL)
    return;
  backend_log_call (backend, "close", NULL, NULL);
  backend->ops->close (backend);
}

const char *
backend_scheme (const Backend *backend)
{
  return backend->ops->scheme;
}

const char *
backend_directory (Backend *backend)
{
  return backend->ops->directory == NULL ? NULL : backend->ops->directory (backend);
}

gboolean
backend_can_watch (const Backend *backend)
{
  return backend->ops->watch != NULL;
}

GStrv
backend_list_domains (Backend *backend, GError **error)
{
  GError *failure = NULL;
  GStrv names;

  backend_log_call (backend, "list domains", NULL, NULL);
  names = backend->ops->list_domains (backend, &failure);
  backend_hand_over (names != NULL, failure, error);
  return names;
}

char *
backend_domain_uuid (Backend *backend, const char *name)
{
  return backend->ops->domain_uuid == NULL ? NULL : backend->ops->domain_uuid (backend, name);
}

Domain *
backend_get_domain (Backend *backend, const char *name, GError **error)
{
  GError *failure = NULL;
  Domain *domain;

  g_assert (name != NULL);
  backend_log_call (backend, "get", name, NULL);
  domain = backend->ops->get_domain (backend, name, &failure);
  backend_hand_over (domain != NULL, failure, error);
  g_assert (domain == NULL || domain->forest != NULL);
  return domain;
}

/* Asked for every lookup and every stat: nothing but the call. */
Domain *
backend_peek_domain (Backend *backend, const char *name)
{
  return backend->ops->peek_domain == NULL ? NULL : backend->ops->peek_domain (backend, name);
}

/* The live disk is not pinned: no change here takes it away from who reads it. */
static DiskReader *
open_pinned (Backend *backend, const char *domain, const char *snapshot, const char *target,
             GError **error)
{
  Pin *pin = snapshot == NULL ? NULL : pin_new (backend, domain, snapshot, target);
  DiskReader *reader = backend->ops->open_disk (backend, domain, snapshot, target, error);

  if (reader != NULL)
    return pin == NULL ? reader : pin_reader (pin, reader);
  pin_free (pin);
  return NULL;
}

DiskReader *
backend_open_disk (Backend *backend, const char *domain, const char *snapshot, const char *target,
                   GError **error)
{
  GError *failure = NULL;
  DiskReader *reader;

  g_assert (domain != NULL && target != NULL);
  if (backend->ops->open_disk == NULL) {
    fail (error, BACKEND_ERROR_UNSUPPORTED, "the %s backend cannot read disks",
          backend->ops->scheme);
    return NULL;
  }
  backend_log_call (backend, "open disk", domain, target);
  reader = open_pinned (backend, domain, snapshot, target, &failure);
  backend_hand_over (reader != NULL, failure, error);
  return reader;
}

gboolean
backend_measure_disk (Backend *backend, const char *domain, const char *target,
                      DiskMeasure *measure, GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (domain != NULL && target != NULL);
  if (backend->ops->measure_disk == NULL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the %s backend cannot read disks",
                 backend->ops->scheme);
  backend_log_call (backend, "measure disk", domain, target);
  done = backend->ops->measure_disk (backend, domain, target, measure, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

Text *
backend_secure_xml (Backend *backend, const char *domain, const char *snapshot, GError **error)
{
  GError *failure = NULL;
  Text *text;

  g_assert (domain != NULL && snapshot != NULL);
  if (backend->read_only || backend->ops->secure_xml == NULL) {
    fail (error, BACKEND_ERROR_DENIED, "there is no XML with passwords here");
    return NULL;
  }
  backend_log_call (backend, "secure XML", domain, snapshot);
  text = backend->ops->secure_xml (backend, domain, snapshot, &failure);
  backend_hand_over (text != NULL, failure, error);
  return text;
}

GStrv
backend_list_orphans (Backend *backend, GError **error)
{
  GError *failure = NULL;
  GStrv uuids;

  if (backend->ops->list_orphans == NULL)
    return g_new0 (char *, 1);
  backend_log_call (backend, "list orphans", NULL, NULL);
  uuids = backend->ops->list_orphans (backend, &failure);
  backend_hand_over (uuids != NULL, failure, error);
  return uuids;
}

Domain *
backend_get_orphan (Backend *backend, const char *uuid, GError **error)
{
  GError *failure = NULL;
  Domain *domain;

  g_assert (uuid != NULL);
  if (backend->ops->get_orphan == NULL) {
    fail (error, BACKEND_ERROR_NOT_FOUND, "there is no metadata of %s", uuid);
    return NULL;
  }
  backend_log_call (backend, "get orphan", uuid, NULL);
  domain = backend->ops->get_orphan (backend, uuid, &failure);
  backend_hand_over (domain != NULL, failure, error);
  return domain;
}

char *
backend_run_state (Backend *backend, const char *domain, GError **error)
{
  GError *failure = NULL;
  char *state;

  g_assert (domain != NULL);
  if (backend->ops->run_state == NULL)
    return g_strdup ("shutoff");
  backend_log_call (backend, "run state", domain, NULL);
  state = backend->ops->run_state (backend, domain, &failure);
  backend_hand_over (state != NULL, failure, error);
  return state;
}

gboolean
backend_watch (Backend *backend, BackendChanged changed, gpointer data, GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (changed != NULL);
  if (backend->ops->watch == NULL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the %s backend sees no changes",
                 backend->ops->scheme);
  backend_log_call (backend, "watch", NULL, NULL);
  done = backend->ops->watch (backend, changed, data, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

char *
backend_stats (Backend *backend)
{
  return backend->ops->stats == NULL ? g_strdup ("") : backend->ops->stats (backend);
}
