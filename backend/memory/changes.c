/* Every change has one shape: begin a draft, edit it (edit.h), settle.  Settling waits and fails as
 * the script says, and publishes the draft if nothing intervened. */
#include "changes.h"
#include "edit.h"
#include "memory.h"
#include "store.h"

typedef struct {
  Memory *memory;
  MemoryDomain *domain;
  Draft draft;
} Change;

static gboolean
begin (Backend *backend, const char *domain, Change *change, GError **error)
{
  change->memory = (Memory *)backend;
  change->domain = memory_find_or_fail (change->memory, domain, error);
  return change->domain != NULL && memory_domain_begin (change->domain, &change->draft, error);
}

/* @edited: what the edit returned, which has set @error if it is FALSE. */
static gboolean
settle (Change *change, Operation operation, gboolean edited, Job *job, GError **error)
{
  Memory *memory = change->memory;
  gboolean done =
      edited && follow (&memory->course, operation, job, error) && job_commit (job, error);

  memory_domain_end (change->domain, &change->draft, done);
  if (done && memory->changes != NULL)
    queue_push (memory->changes, g_strdup (memory_domain_name (change->domain)));
  return done;
}

char *
memory_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
               GError **error)
{
  g_autofree char *id = NULL;
  Change change;

  if (!begin (backend, domain, &change, error) ||
      !settle (&change, OP_CREATE, edit_create (&change.draft, options, &id, error), job, error))
    return NULL;
  return g_steal_pointer (&id);
}

char *
memory_redefine (Backend *backend, const char *domain, const SnapshotDescription *description,
                 const RedefineOptions *options, Job *job, GError **error)
{
  g_autofree char *id = NULL;
  Change change;

  if (!begin (backend, domain, &change, error) ||
      !settle (&change, OP_REDEFINE,
               edit_redefine (&change.draft, description, options, &id, error), job, error))
    return NULL;
  return g_steal_pointer (&id);
}

gboolean
memory_discard (Backend *backend, const char *domain, const char *snapshot, DiscardMode mode,
                Job *job, GError **error)
{
  Change change;

  return begin (backend, domain, &change, error) &&
         settle (&change, OP_DISCARD, edit_discard (&change.draft, snapshot, mode, error), job,
                 error);
}

gboolean
memory_merge (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
              gboolean force, Job *job, GError **error)
{
  Change change;

  return begin (backend, domain, &change, error) &&
         settle (&change, OP_MERGE, edit_merge (&change.draft, snapshot, into, force, error), job,
                 error);
}

gboolean
memory_revert (Backend *backend, const char *domain, const char *snapshot,
               const RevertOptions *options, Job *job, GError **error)
{
  Change change;

  return begin (backend, domain, &change, error) &&
         settle (&change, OP_REVERT, edit_revert (&change.draft, snapshot, options, error), job,
                 error);
}

gboolean
memory_set_current (Backend *backend, const char *domain, const char *snapshot,
                    const char *instead_of, Job *job, GError **error)
{
  Change change;

  return begin (backend, domain, &change, error) &&
         settle (&change, OP_CURRENT, edit_set_current (&change.draft, snapshot, instead_of, error),
                 job, error);
}

gboolean
memory_hold (Backend *backend, const char *domain, const char *snapshot, gboolean held, Job *job,
             GError **error)
{
  Change change;

  return begin (backend, domain, &change, error) &&
         settle (&change, OP_HOLD, edit_hold (&change.draft, snapshot, held, error), job, error);
}

gboolean
memory_describe (Backend *backend, const char *domain, const char *snapshot, const char *text,
                 Job *job, GError **error)
{
  Change change;

  return begin (backend, domain, &change, error) &&
         settle (&change, OP_DESCRIBE, edit_describe (&change.draft, snapshot, text, error), job,
                 error);
}

gboolean
memory_rename (Backend *backend, const char *domain, const char *snapshot, const char *name,
               Job *job, GError **error)
{
  Change change;

  return begin (backend, domain, &change, error) &&
         settle (&change, OP_RENAME, edit_rename (&change.draft, snapshot, name, error), job,
                 error);
}

gboolean
memory_write_disk (Backend *backend, const char *domain, const char *target, guint number,
                   GError **error)
{
  gboolean written;
  Change change;

  if (!begin (backend, domain, &change, error))
    return FALSE;
  written = edit_write (&change.draft, target, number, error);
  memory_domain_end (change.domain, &change.draft, written);
  return written;
}
