/* A backend that lives in memory, for trying and for testing.
 *
 * All there is to a domain is its picture, and all there is to a disk is the name of its file
 * (disk.h).  Here is what opens and reads; changes are in changes.c. */
#include "memory.h"
#include "changes.h"
#include "demo.h"
#include "disk.h"
#include "store.h"

#include <string.h>

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

static void
free_domain (gpointer domain)
{
  memory_domain_free (domain);
}

/* Every name is that of a domain, which is never freed before the table. */
static void
add_domain (Memory *memory, Domain *picture)
{
  MemoryDomain *domain = memory_domain_new (picture);

  g_ptr_array_add (memory->domains, domain);
  if (memory->course.script.get > 0)
    g_hash_table_add (memory->unasked, (gpointer)memory_domain_name (domain));
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
  lock_init (&memory->lock);
  memory->domains = g_ptr_array_new_with_free_func (free_domain);
  memory->unasked = g_hash_table_new (g_str_hash, g_str_equal);
  memory->orphans = demo_orphans (&script);
  for (guint i = 0; i < pictures->len; i++)
    add_domain (memory, g_ptr_array_index (pictures, i));
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
  g_ptr_array_unref (memory->orphans);
  g_hash_table_unref (memory->unasked);
  g_ptr_array_unref (memory->domains);
  lock_clear (&memory->lock);
  lock_clear (&memory->course.lock);
  g_free (memory);
}

/* -------------------------------------------------------------------- domains */

static GStrv
memory_list_domains (Backend *backend, GError **error)
{
  const Memory *memory = (const Memory *)backend;
  GStrv names = g_new0 (char *, memory->domains->len + 1);

  for (guint i = 0; i < memory->domains->len; i++)
    names[i] = g_strdup (memory_domain_name (g_ptr_array_index (memory->domains, i)));
  return names;
}

MemoryDomain *
memory_find (const Memory *memory, const char *name)
{
  for (guint i = 0; i < memory->domains->len; i++) {
    MemoryDomain *domain = g_ptr_array_index (memory->domains, i);

    if (g_str_equal (memory_domain_name (domain), name))
      return domain;
  }
  return NULL;
}

MemoryDomain *
memory_find_or_fail (const Memory *memory, const char *name, GError **error)
{
  MemoryDomain *domain = memory_find (memory, name);

  if (domain == NULL)
    fail (error, BACKEND_ERROR_NOT_FOUND, "there is no domain \"%s\"", name);
  return domain;
}

static gboolean
is_at_hand (Memory *memory, const char *name)
{
  autolock held = lock_hold (&memory->lock);

  return !g_hash_table_contains (memory->unasked, name);
}

static Domain *
memory_peek_domain (Backend *backend, const char *name)
{
  Memory *memory = (Memory *)backend;
  MemoryDomain *domain = memory_find (memory, name);

  return domain == NULL || !is_at_hand (memory, name) ? NULL : memory_domain_picture (domain);
}

static void
take_time (Memory *memory, const char *name)
{
  g_usleep ((gulong)memory->course.script.get * 1000);
  {
    autolock held = lock_hold (&memory->lock);

    g_hash_table_remove (memory->unasked, name);
  }
}

static Domain *
memory_get_domain (Backend *backend, const char *name, GError **error)
{
  Memory *memory = (Memory *)backend;
  MemoryDomain *domain = memory_find_or_fail (memory, name, error);

  if (domain == NULL)
    return NULL;
  if (!is_at_hand (memory, name))
    take_time (memory, name);
  return memory_domain_picture (domain);
}

/* -------------------------------------------------------------------- orphans */

static GStrv
memory_list_orphans (Backend *backend, GError **error)
{
  Memory *memory = (Memory *)backend;
  autolock held = lock_hold (&memory->lock);
  GStrv uuids = g_new0 (char *, memory->orphans->len + 1);

  for (guint i = 0; i < memory->orphans->len; i++)
    uuids[i] = g_strdup (((const Domain *)g_ptr_array_index (memory->orphans, i))->uuid);
  return uuids;
}

/* With the lock held; -1: there is none. */
static int
find_orphan (const Memory *memory, const char *uuid, GError **error)
{
  for (guint i = 0; i < memory->orphans->len; i++)
    if (g_str_equal (((const Domain *)g_ptr_array_index (memory->orphans, i))->uuid, uuid))
      return (int)i;
  fail (error, BACKEND_ERROR_NOT_FOUND, "there is no metadata of %s", uuid);
  return -1;
}

static Domain *
memory_get_orphan (Backend *backend, const char *uuid, GError **error)
{
  Memory *memory = (Memory *)backend;
  autolock held = lock_hold (&memory->lock);
  int place = find_orphan (memory, uuid, error);

  return place < 0 ? NULL : domain_ref (g_ptr_array_index (memory->orphans, place));
}

static gboolean
memory_drop_orphan (Backend *backend, const char *uuid, Job *job, GError **error)
{
  Memory *memory = (Memory *)backend;
  autolock held = lock_hold (&memory->lock);
  int place = find_orphan (memory, uuid, error);

  if (place < 0 || !job_commit (job, error))
    return FALSE;
  g_ptr_array_remove_index (memory->orphans, (guint)place);
  return TRUE;
}

/* -------------------------------------------------------------------- disks */

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

/* -------------------------------------------------------------------- all the rest */

static char *
memory_run_state (Backend *backend, const char *domain, GError **error)
{
  const Memory *memory = (const Memory *)backend;

  return memory_find_or_fail (memory, domain, error) == NULL ? NULL : g_strdup ("shutoff");
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
    g_autoptr (Domain) picture = memory_domain_picture (g_ptr_array_index (memory->domains, i));

    snapshots += domain_count (picture);
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
  .redefine = memory_redefine,
  .discard = memory_discard,
  .merge = memory_merge,
  .revert = memory_revert,
  .set_current = memory_set_current,
  .hold = memory_hold,
  .describe = memory_describe,
  .rename = memory_rename,
  .open_disk = memory_open_disk,
  .measure_disk = memory_measure_disk,
  .list_orphans = memory_list_orphans,
  .get_orphan = memory_get_orphan,
  .drop_orphan = memory_drop_orphan,
  .run_state = memory_run_state,
  .watch = memory_watch,
  .stats = memory_stats,
};
