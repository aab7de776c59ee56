/* The way into a backend's table for everything that changes something; see backend.c.
 *
 * Besides the four things done there, a change asks what no backend needs to know: whether the
 * backend is read-only, whether names and texts are ones, whether what would go is being read, and
 * what a snapshot of one disk alone is not for. */
#include "backend-call.h"
#include "create.h"
#include "pins.h"

#include <string.h>

#define NAME_LIMIT 255

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
  if (strlen (text) > DESCRIPTION_LIMIT)
    return fail (error, BACKEND_ERROR_TEXT_TOO_BIG, "a description may have %d bytes",
                 DESCRIPTION_LIMIT);
  if (!g_utf8_validate (text, -1, NULL))
    return fail (error, BACKEND_ERROR_BAD_ENCODING, "the description is not valid UTF-8");
  return TRUE;
}

static gboolean
check_create (const CreateOptions *options, GError **error)
{
  if (options->name != NULL && !check_name (options->name, error))
    return FALSE;
  if (options->description != NULL && !check_text (options->description, error))
    return FALSE;
  return create_check (options, error);
}

/* Where snapshots of one disk are none of a backend's, it does not look at options->disk. */
static gboolean
check_can_disk (Backend *backend, const char *domain, const CreateOptions *options, GError **error)
{
  g_autoptr (Domain) picture =
      options->disk != NULL ? backend_get_domain (backend, domain, error) : NULL;

  if (options->disk == NULL)
    return TRUE;
  if (picture == NULL)
    return FALSE;
  return (picture->can & (CAN_DISK | CAN_DISK_IN_TREE)) != 0 ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "a single disk of %s cannot be snapshotted: the %s backend takes all together",
               domain, backend->ops->scheme);
}

/* @snapshot (NULL: none) is not of one disk alone, which it is for ever or never.  Whether it is
 * there at all, the backend says. */
static gboolean
check_of_domain (Backend *backend, const char *domain, const char *snapshot, const char *verb,
                 GError **error)
{
  g_autoptr (Domain) picture =
      snapshot != NULL ? backend_get_domain (backend, domain, error) : NULL;
  const Snapshot *found = picture != NULL ? domain_snapshot (picture, snapshot) : NULL;

  if (snapshot != NULL && picture == NULL)
    return FALSE;
  return found == NULL || plan_check_of_domain (found, verb, error);
}

char *
backend_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
                GError **error)
{
  GError *failure = NULL;
  char *id;

  g_assert (options != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->create != NULL, "create", domain, error) ||
      !check_create (options, error) || !check_can_disk (backend, domain, options, error))
    return NULL;
  backend_log_call (backend, "create", domain, options->name);
  id = backend->ops->create (backend, domain, options, job, &failure);
  backend_hand_over (id != NULL, failure, error);
  return id;
}

static gboolean
check_description (const SnapshotDescription *description, GError **error)
{
  if (description->name != NULL && !check_name (description->name, error))
    return FALSE;
  return description->description == NULL || check_text (description->description, error);
}

char *
backend_redefine (Backend *backend, const char *domain, const SnapshotDescription *description,
                  const RedefineOptions *options, Job *job, GError **error)
{
  GError *failure = NULL;
  char *id;

  g_assert (description != NULL && options != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->redefine != NULL, "redefine", domain, error) ||
      !check_description (description, error) ||
      !check_of_domain (backend, domain, options->snapshot, "be redefined", error))
    return NULL;
  backend_log_call (backend, "redefine", domain, description->name);
  id = backend->ops->redefine (backend, domain, description, options, job, &failure);
  backend_hand_over (id != NULL, failure, error);
  return id;
}

/* Nothing that @plan (taken) takes away or replaces is being read.  NULL: it could not be made. */
static gboolean
allow (const Backend *backend, const char *domain, Plan *plan, GError **error)
{
  g_autoptr (Plan) taken = plan;
  gboolean allowed = plan != NULL;

  if (allowed && plan->takes != NULL)
    allowed = pins_allow (backend, domain, plan->takes->id, error);
  for (guint i = 0; allowed && i < plan->removed->len; i++)
    allowed = pins_allow (backend, domain,
                          ((const Snapshot *)g_ptr_array_index (plan->removed, i))->id, error);
  return allowed;
}

gboolean
backend_discard (Backend *backend, const char *domain, const char *snapshot, DiscardMode mode,
                 Job *job, GError **error)
{
  g_autoptr (Domain) picture = NULL;
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->discard != NULL, "discard", domain, error))
    return FALSE;
  picture = backend_get_domain (backend, domain, error);
  if (picture == NULL ||
      !allow (backend, domain, plan_discard (picture, snapshot, mode, error), error))
    return FALSE;
  backend_log_call (backend, "discard", domain, snapshot);
  done = backend->ops->discard (backend, domain, snapshot, mode, job, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

gboolean
backend_merge (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
               gboolean force, Job *job, GError **error)
{
  g_autoptr (Domain) picture = NULL;
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->merge != NULL, "merge", domain, error))
    return FALSE;
  picture = backend_get_domain (backend, domain, error);
  if (picture == NULL ||
      !allow (backend, domain, plan_merge (picture, snapshot, into, force, error), error))
    return FALSE;
  backend_log_call (backend, "merge", domain, snapshot);
  done = backend->ops->merge (backend, domain, snapshot, into, force, job, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

gboolean
backend_revert (Backend *backend, const char *domain, const char *snapshot,
                const RevertOptions *options, Job *job, GError **error)
{
  static const RevertOptions no_options = { 0 };
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && job != NULL);
  if (options == NULL)
    options = &no_options;
  if (!check_changing (backend, backend->ops->revert != NULL, "revert", domain, error) ||
      (options->save != NULL && !check_name (options->save, error)))
    return FALSE;
  if (options->running && options->paused)
    return fail (error, BACKEND_ERROR_INVALID, "a machine cannot be running and paused");
  if (!check_of_domain (backend, domain, snapshot, "be reverted to", error))
    return FALSE;
  backend_log_call (backend, "revert", domain, snapshot);
  done = backend->ops->revert (backend, domain, snapshot, options, job, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

gboolean
backend_set_current (Backend *backend, const char *domain, const char *snapshot,
                     const char *instead_of, Job *job, GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (job != NULL);
  if (!check_changing (backend, backend->ops->set_current != NULL, "set the current snapshot",
                       domain, error))
    return FALSE;
  backend_log_call (backend, "set current", domain, snapshot);
  done = backend->ops->set_current (backend, domain, snapshot, instead_of, job, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

gboolean
backend_hold (Backend *backend, const char *domain, const char *snapshot, gboolean held, Job *job,
              GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (snapshot != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->hold != NULL, "hold", domain, error))
    return FALSE;
  backend_log_call (backend, held ? "hold" : "let go", domain, snapshot);
  done = backend->ops->hold (backend, domain, snapshot, held, job, &failure);
  backend_hand_over (done, failure, error);
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
      !check_text (text, error) ||
      !check_of_domain (backend, domain, snapshot, "be described", error))
    return FALSE;
  backend_log_call (backend, "describe", domain, snapshot);
  done = backend->ops->describe (backend, domain, snapshot, text, job, &failure);
  backend_hand_over (done, failure, error);
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
  backend_log_call (backend, "rename", domain, snapshot);
  done = backend->ops->rename (backend, domain, snapshot, name, job, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

gboolean
backend_set_method (Backend *backend, const char *domain, const char *target, const char *method,
                    Job *job, GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (target != NULL && job != NULL);
  if (!check_changing (backend, backend->ops->set_method != NULL, "choose methods", domain, error))
    return FALSE;
  backend_log_call (backend, "method", domain, target);
  done = backend->ops->set_method (backend, domain, target, method, job, &failure);
  backend_hand_over (done, failure, error);
  return done;
}

gboolean
backend_drop_orphan (Backend *backend, const char *uuid, Job *job, GError **error)
{
  GError *failure = NULL;
  gboolean done;

  g_assert (job != NULL);
  if (!check_changing (backend, backend->ops->drop_orphan != NULL, "drop metadata", uuid, error))
    return FALSE;
  backend_log_call (backend, "drop orphan", uuid, NULL);
  done = backend->ops->drop_orphan (backend, uuid, job, &failure);
  backend_hand_over (done, failure, error);
  return done;
}
