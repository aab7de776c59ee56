/* The only way into a backend's table.
 *
 * Each function does the same four things: check the caller's part of the
 * contract, log the call, make it, and assert the callee's part (an error is
 * set exactly when the call failed), so that the prose of backend.h is checked
 * whenever the program runs.  Nothing is known here about any one backend but
 * its name. */
#define G_LOG_DOMAIN "vmsnapfs-backend"
#include "backend.h"
#include "local/local.h"
#include "memory/memory.h"
#include "pins.h"

#include <string.h>

#define NAME_LIMIT 255

/* The first is what a source without a scheme means. */
static const BackendOps *const backends[] = { &local_ops, &memory_ops };

static void
log_call (const Backend *backend, const char *verb, const char *domain, const char *object)
{
  g_debug ("%s: %s %s %s", backend->ops->scheme, verb, domain != NULL ? domain : "",
           object != NULL ? object : "");
}

/* The callee's duty, and handing its error to the caller. */
static void
hand_over (gboolean succeeded, GError *failure, GError **error)
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
    if (strlen (backends[i]->scheme) == length &&
        strncmp (backends[i]->scheme, scheme, length) == 0)
      return backends[i];
  return NULL;
}

static gboolean
fail_unknown_scheme (const char *source, gsize length, GError **error)
{
  GString *known = g_string_new (NULL);
  g_autofree char *list = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (backends); i++)
    g_string_append_printf (known, ", %s:", backends[i]->scheme);
  list = g_string_free (known, FALSE);
  return fail (error, BACKEND_ERROR_INVALID,
               "nothing here understands \"%.*s:\"; known are%s and the path of a directory "
               "(./%s if it is one)",
               (int)length, source, list + 1, source);
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
  *location = colon + 1;
  ops = find_scheme (source, length);
  if (ops == NULL)
    fail_unknown_scheme (source, length, error);
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
  hand_over (backend != NULL, failure, error);
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
  log_call (backend, "close", NULL, NULL);
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

  log_call (backend, "list domains", NULL, NULL);
  names = backend->ops->list_domains (backend, &failure);
  hand_over (names != NULL, failure, error);
  return names;
}

Domain *
backend_get_domain (Backend *backend, const char *name, GError **error)
{
  GError *failure = NULL;
  Domain *domain;

  g_assert (name != NULL);
  log_call (backend, "get", name, NULL);
  domain = backend->ops->get_domain (backend, name, &failure);
  hand_over (domain != NULL, failure, error);
  g_assert (domain == NULL || domain->forest != NULL);
  return domain;
}

/* Asked for every lookup and every stat: nothing but the call. */
Domain *
backend_peek_domain (Backend *backend, const char *name)
{
  return backend->ops->peek_domain == NULL ? NULL : backend->ops->peek_domain (backend, name);
}

static gboolean
check_changing (const Backend *backend, gboolean offered, const char *verb, const char *domain,
                GError **error)
{
  g_assert (domain != NULL);
  if (backend->read_only)
    return fail (error, BACKEND_ERROR_READ_ONLY, "cannot %s in %s: opened read-only", verb, domain);
  if (!offered)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the %s backend cannot %s", backend->ops->scheme,
                 verb);
  return TRUE;
}

static gboolean
check_name (const char *name, GError **error)
{
  if (name[0] == '\0')
    return fail (error, BACKEND_ERROR_INVALID, "the name of a snapshot must not be empty");
  if (strlen (name) > NAME_LIMIT)
    return fail (error, BACKEND_ERROR_NAME_TOO_LONG, "a name of %zu bytes; %d are the limit",
                 strlen (name), NAME_LIMIT);
  if (!g_utf8_validate (name, -1, NULL))
    return fail (error, BACKEND_ERROR_BAD_ENCODING, "the name is not valid UTF-8");
  return TRUE;
}

static gboolean
check_text (const char *text, GError **error)
{
  if (!g_utf8_validate (text, -1, NULL))
    return fail (error, BACKEND_ERROR_BAD_ENCODING, "the description is not valid UTF-8");
  return TRUE;
}

char *
backend_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
                GError **error)
{
  GError *failure = NULL;
  char *id;

  g_assert (options != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->create != NULL, "create", domain, error))
    return NULL;
  if (options->name != NULL && !check_name (options->name, error))
    return NULL;
  if (options->description != NULL && !check_text (options->description, error))
    return NULL;
  log_call (backend, "create", domain, options->name);
  id = backend->ops->create (backend, domain, options, job, &failure);
  hand_over (id != NULL, failure, error);
  return id;
}

gboolean
backend_discard (Backend *backend, const char *domain, const char *snapshot, Job *job,
                 GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->discard != NULL, "discard", domain, error) ||
      !pins_allow (backend, domain, snapshot, error))
    return FALSE;
  log_call (backend, "discard", domain, snapshot);
  done = backend->ops->discard (backend, domain, snapshot, job, &failure);
  hand_over (done, failure, error);
  return done;
}

gboolean
backend_revert (Backend *backend, const char *domain, const char *snapshot, Job *job,
                GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->revert != NULL, "revert", domain, error))
    return FALSE;
  log_call (backend, "revert", domain, snapshot);
  done = backend->ops->revert (backend, domain, snapshot, job, &failure);
  hand_over (done, failure, error);
  return done;
}

gboolean
backend_describe (Backend *backend, const char *domain, const char *snapshot, const char *text,
                  Job *job, GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && text != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->describe != NULL, "describe", domain, error) ||
      !check_text (text, error))
    return FALSE;
  log_call (backend, "describe", domain, snapshot);
  done = backend->ops->describe (backend, domain, snapshot, text, job, &failure);
  hand_over (done, failure, error);
  return done;
}

gboolean
backend_rename (Backend *backend, const char *domain, const char *snapshot, const char *name,
                Job *job, GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && name != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->rename != NULL, "rename", domain, error) ||
      !check_name (name, error))
    return FALSE;
  log_call (backend, "rename", domain, snapshot);
  done = backend->ops->rename (backend, domain, snapshot, name, job, &failure);
  hand_over (done, failure, error);
  return done;
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
  log_call (backend, "open disk", domain, target);
  reader = open_pinned (backend, domain, snapshot, target, &failure);
  hand_over (reader != NULL, failure, error);
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
  log_call (backend, "measure disk", domain, target);
  done = backend->ops->measure_disk (backend, domain, target, measure, &failure);
  hand_over (done, failure, error);
  return done;
}

char *
backend_run_state (Backend *backend, const char *domain, GError **error)
{
  GError *failure = NULL;
  char *state;

  g_assert (domain != NULL);
  if (backend->ops->run_state == NULL)
    return g_strdup ("shutoff");
  log_call (backend, "run state", domain, NULL);
  state = backend->ops->run_state (backend, domain, &failure);
  hand_over (state != NULL, failure, error);
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
  log_call (backend, "watch", NULL, NULL);
  done = backend->ops->watch (backend, changed, data, &failure);
  hand_over (done, failure, error);
  return done;
}

char *
backend_stats (Backend *backend)
{
  return backend->ops->stats == NULL ? g_strdup ("") : backend->ops->stats (backend);
}
