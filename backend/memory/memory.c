/* A backend that lives in memory, for trying and for testing.
 *
 * All there is to a domain is its picture.  A change makes the next picture (edit.c), waits and
 * fails as the script says, and puts it in place of the old one.  `busy` keeps a domain's changes
 * apart without a lock being held while one waits; the lock guards the two fields for a moment
 * only. */
#include "memory.h"
#include "../threads.h"
#include "demo.h"
#include "disk.h"
#include "edit.h"
#include "follow.h"

#include <string.h>

typedef struct {
  char *name;
  Lock lock;
  Domain *picture; /* protected by lock */
  gboolean busy;   /* protected by lock; a change is being made */
  gboolean loaded; /* protected by lock; a scripted slow get is over */
} MemoryDomain;

typedef struct {
  Backend backend;
  Course course;
  GPtrArray *domains; /* of MemoryDomain, by name; never changes */

  /* Set by watch, before the first request. */
  Queue *changes; /* of char *: domains to tell of; NULL: nobody watches */
  BackendChanged changed;
  gpointer changed_data;
  pthread_t watcher;
} Memory;

static void
memory_domain_free (gpointer data)
{
  MemoryDomain *domain = data;

  domain_unref (domain->picture);
  lock_clear (&domain->lock);
  g_free (domain->name);
  g_free (domain);
}

static MemoryDomain *
memory_domain_new (Domain *picture)
{
  MemoryDomain *domain = g_new0 (MemoryDomain, 1);

  domain->name = g_strdup (picture->name);
  domain->picture = domain_ref (picture);
  lock_init (&domain->lock);
  return domain;
}

static gboolean
parse_location (const char *location, Script *script, GError **error)
{
  *script = (Script){ .fanout = 1 };
  if (location[0] == '\0')
    return TRUE;
  if (location[0] != '?')
    return fail (error, BACKEND_ERROR_INVALID, "memory: is followed by nothing or by ?key=value");
  return script_parse (location + 1, script, error);
}

static Backend *
memory_open (const char *location, const BackendOptions *options, GError **error)
{
  g_autoptr (GPtrArray) pictures = NULL;
  Script script;
  Memory *memory;

  if (!parse_location (location, &script, error))
    return NULL;
  pictures = demo_domains (&script);
  memory = g_new0 (Memory, 1);
  memory->backend.ops = &memory_ops;
  memory->course.script = script;
  lock_init (&memory->course.lock);
  memory->domains = g_ptr_array_new_with_free_func (memory_domain_free);
  for (guint i = 0; i < pictures->len; i++)
    g_ptr_array_add (memory->domains, memory_domain_new (g_ptr_array_index (pictures, i)));
  return &memory->backend;
}

static void
memory_close (Backend *backend)
{
  Memory *memory = (Memory *)backend;

  if (memory->changes != NULL) {
    queue_close (memory->changes);
    thread_join (memory->watcher);
    queue_free (memory->changes);
  }
  g_ptr_array_unref (memory->domains);
  lock_clear (&memory->course.lock);
  g_free (memory);
}

static GStrv
memory_list_domains (Backend *backend, GError **error)
{
  const Memory *memory = (const Memory *)backend;
  GStrv names = g_new0 (char *, memory->domains->len + 1);

  for (guint i = 0; i < memory->domains->len; i++) {
    const MemoryDomain *domain = g_ptr_array_index (memory->domains, i);

    names[i] = g_strdup (domain->name);
  }
  return names;
}

static MemoryDomain *
find (const Memory *memory, const char *name)
{
  for (guint i = 0; i < memory->domains->len; i++) {
    MemoryDomain *domain = g_ptr_array_index (memory->domains, i);

    if (g_str_equal (domain->name, name))
      return domain;
  }
  return NULL;
}

static MemoryDomain *
find_or_fail (const Memory *memory, const char *name, GError **error)
{
  MemoryDomain *domain = find (memory, name);

  if (domain == NULL)
    fail (error, BACKEND_ERROR_NOT_FOUND, "there is no domain \"%s\"", name);
  return domain;
}

static Domain *
memory_peek_domain (Backend *backend, const char *name)
{
  const Memory *memory = (const Memory *)backend;
  MemoryDomain *domain = find (memory, name);

  if (domain == NULL)
    return NULL;
  {
    autolock held = lock_hold (&domain->lock);

    if (memory->course.script.get > 0 && !domain->loaded)
      return NULL;
    return domain_ref (domain->picture);
  }
}

static Domain *
memory_get_domain (Backend *backend, const char *name, GError **error)
{
  const Memory *memory = (const Memory *)backend;
  g_autoptr (Domain) at_hand = memory_peek_domain (backend, name);
  MemoryDomain *domain;

  if (at_hand != NULL)
    return g_steal_pointer (&at_hand);
  domain = find_or_fail (memory, name, error);
  if (domain == NULL)
    return NULL;
  g_usleep ((gulong)memory->course.script.get * 1000);
  {
    autolock held = lock_hold (&domain->lock);

    domain->loaded = TRUE;
    return domain_ref (domain->picture);
  }
}

/* The picture to change; the caller owes settle.  NULL, with BUSY, while another change runs. */
static Domain *
begin (Memory *memory, const char *name, GError **error)
{
  MemoryDomain *domain = find_or_fail (memory, name, error);

  if (domain == NULL)
    return NULL;
  {
    autolock held = lock_hold (&domain->lock);

    if (domain->busy) {
      fail (error, BACKEND_ERROR_BUSY, "another operation on %s is running", name);
      return NULL;
    }
    domain->busy = TRUE;
    return domain_ref (domain->picture);
  }
}

/* Ends what begin began: @after, if it is one and nothing intervenes, becomes the picture. */
static gboolean
settle (Memory *memory, Operation operation, const Domain *before, Domain *after, Job *job,
        GError **error)
{
  MemoryDomain *domain = find (memory, before->name);
  gboolean done =
      after != NULL && follow (&memory->course, operation, job, error) && job_commit (job, error);

  {
    autolock held = lock_hold (&domain->lock);

    domain->busy = FALSE;
    if (done) {
      domain_unref (domain->picture);
      domain->picture = domain_ref (after);
    }
  }
  if (done && memory->changes != NULL)
    queue_push (memory->changes, g_strdup (domain->name));
  return done;
}

static char *
memory_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
               GError **error)
{
  Memory *memory = (Memory *)backend;
  g_autoptr (Domain) before = begin (memory, domain, error);
  g_autoptr (Domain) after = NULL;
  g_autofree char *id = NULL;

  if (before == NULL)
    return NULL;
  after = edit_create (before, options, &id, error);
  if (!settle (memory, OP_CREATE, before, after, job, error))
    return NULL;
  return g_steal_pointer (&id);
}

static gboolean
memory_discard (Backend *backend, const char *domain, const char *snapshot, DiscardMode mode,
                Job *job, GError **error)
{
  Memory *memory = (Memory *)backend;
  g_autoptr (Domain) before = begin (memory, domain, error);
  g_autoptr (Domain) after = NULL;

  if (before == NULL)
    return FALSE;
  after = edit_discard (before, snapshot, error);
  return settle (memory, OP_DISCARD, before, after, job, error);
}

static gboolean
memory_revert (Backend *backend, const char *domain, const char *snapshot,
               const RevertOptions *options, Job *job, GError **error)
{
  Memory *memory = (Memory *)backend;
  g_autoptr (Domain) before = begin (memory, domain, error);
  g_autoptr (Domain) after = NULL;

  if (before == NULL)
    return FALSE;
  after = edit_revert (before, snapshot, error);
  return settle (memory, OP_REVERT, before, after, job, error);
}

static gboolean
memory_describe (Backend *backend, const char *domain, const char *snapshot, const char *text,
                 Job *job, GError **error)
{
  Memory *memory = (Memory *)backend;
  g_autoptr (Domain) before = begin (memory, domain, error);
  g_autoptr (Domain) after = NULL;

  if (before == NULL)
    return FALSE;
  after = edit_describe (before, snapshot, text, error);
  return settle (memory, OP_DESCRIBE, before, after, job, error);
}

static gboolean
memory_rename (Backend *backend, const char *domain, const char *snapshot, const char *name,
               Job *job, GError **error)
{
  Memory *memory = (Memory *)backend;
  g_autoptr (Domain) before = begin (memory, domain, error);
  g_autoptr (Domain) after = NULL;

  if (before == NULL)
    return FALSE;
  after = edit_rename (before, snapshot, name, error);
  return settle (memory, OP_RENAME, before, after, job, error);
}

static DiskReader *
memory_open_disk (Backend *backend, const char *domain, const char *snapshot, const char *target,
                  GError **error)
{
  Memory *memory = (Memory *)backend;
  g_autoptr (Domain) picture = memory_get_domain (backend, domain, error);

  if (picture == NULL)
    return NULL;
  return memory_disk_open (picture, snapshot, target, &memory->course, error);
}

static gboolean
memory_measure_disk (Backend *backend, const char *domain, const char *target, DiskMeasure *measure,
                     GError **error)
{
  Memory *memory = (Memory *)backend;
  g_autoptr (Domain) picture = memory_get_domain (backend, domain, error);

  return picture != NULL && memory_disk_measure (picture, target, &memory->course, measure, error);
}

static char *
memory_run_state (Backend *backend, const char *domain, GError **error)
{
  const Memory *memory = (const Memory *)backend;

  return find_or_fail (memory, domain, error) == NULL ? NULL : g_strdup ("shutoff");
}

static void *
tell_of_changes (void *data)
{
  Memory *memory = data;

  for (char *domain; (domain = queue_pop (memory->changes)) != NULL; g_free (domain))
    memory->changed (domain, memory->changed_data);
  return NULL;
}

static gboolean
memory_watch (Backend *backend, BackendChanged changed, gpointer data, GError **error)
{
  Memory *memory = (Memory *)backend;

  memory->changes = queue_new ();
  memory->changed = changed;
  memory->changed_data = data;
  memory->watcher = thread_start ("memory-watch", tell_of_changes, memory);
  return TRUE;
}

static char *
memory_stats (Backend *backend)
{
  const Memory *memory = (const Memory *)backend;
  guint snapshots = 0;

  for (guint i = 0; i < memory->domains->len; i++) {
    MemoryDomain *domain = g_ptr_array_index (memory->domains, i);
    autolock held = lock_hold (&domain->lock);

    snapshots += domain_snapshots (domain->picture)->len;
  }
  return g_strdup_printf ("domains: %u\nsnapshots: %u\n", memory->domains->len, snapshots);
}

const BackendOps memory_ops = {
  .scheme = "memory",
  .open = memory_open,
  .close = memory_close,
  .list_domains = memory_list_domains,
  .get_domain = memory_get_domain,
  .peek_domain = memory_peek_domain,
  .create = memory_create,
  .discard = memory_discard,
  .revert = memory_revert,
  .describe = memory_describe,
  .rename = memory_rename,
  .open_disk = memory_open_disk,
  .measure_disk = memory_measure_disk,
  .run_state = memory_run_state,
  .watch = memory_watch,
  .stats = memory_stats,
};
