/* The local backend: a directory of disk images.  This file is its table; what is behind it:
 *
 *   scan, picture, watch        what is in the directory, read anew when others change it
 *   disks, opener, stored       the bytes of disks
 *   records, journal, apply     what is kept of snapshots, and the one way of committing
 *   change, operations          each operation, from its checks to its end
 *   method, clone               the ways of freezing a disk and of bringing it back
 *   storage, hook, elsewhere    what is kept in storage that is not ours, bringing: brought back
 *   tidy, fold                  images that no name needs any more
 *   quiet, thaw, agent          a guest whose file systems are at rest for a moment
 *   replay                      after a crash
 *   qmp, qemu, live-*           a machine that runs: what its QEMU says, and its snapshots
 *
 * One daemon per store: the lock is on the directory itself, so that browsing writes nothing. */
#include "local.h"
#include "disks.h"
#include "hook.h"
#include "operations.h"
#include "orphans.h"
#include "picture.h"
#include "qemu.h"
#include "replay.h"
#include "thaw.h"
#include "tidy.h"
#include <errno.h>
#include <string.h>
#include <sys/file.h>

static Store *
store_of (Backend *backend)
{
  return (Store *)backend;
}

/* -------------------------------------------------------------------- opening */

static gboolean
take_store (Store *store, GError **error)
{
  const char *path = places_store_path (store->places);
  if (flock (places_store_fd (store->places), (store->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) ==
      0)
    return TRUE;
  if (errno == EWOULDBLOCK)
    return fail (error, BACKEND_ERROR_BUSY, "another vmsnapfs serves %s", path);
  return fail_errno (error, "locking %s", path);
}

static void
stop_watching (Store *store)
{
  Watch *watch;
  {
    autolock held = lock_hold (&store->lock);
    watch = g_steal_pointer (&store->watch);
  }
  if (watch)
    watch_stop (watch);
}

static void
local_close (Backend *backend)
{
  Store *store = store_of (backend);
  stop_watching (store);
  tidy_stop (store);
  thaw_stop (store);
  GHashTableIter iter;
  gpointer state;
  g_hash_table_iter_init (&iter, store->domains);
  while (g_hash_table_iter_next (&iter, NULL, &state))
    state_free (state);
  g_hash_table_unref (store->domains);
  g_clear_pointer (&store->places, places_close);
  lock_clear (&store->lock);
  g_free (store);
}

static Backend *
local_open (const char *location, const BackendOptions *options, GError **error)
{
  Store *store = g_new0 (Store, 1);
  g_autoptr (Backend) backend = &store->base;
  store->base.ops = &local_ops;
  store->read_only = options->read_only;
  store->domains = g_hash_table_new (g_str_hash, g_str_equal);
  lock_init (&store->lock);
  store->places = places_open (location, options->allow, error);
  if (!store->places || !hook_use (store->places, options->hook, options->hook_seconds, error) ||
      !take_store (store, error))
    return NULL;
  if (!store->read_only && !replay_store (store, error))
    return NULL;
  return g_steal_pointer (&backend);
}

/* -------------------------------------------------------------------- reading */

static GStrv
local_list_domains (Backend *backend, GError **error)
{
  g_autoptr (GPtrArray) found = store_found (store_of (backend), error);
  if (!found)
    return NULL;
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  for (guint i = 0; i < found->len; i++)
    g_strv_builder_add (names, ((LocalDomain *)g_ptr_array_index (found, i))->name);
  return g_strv_builder_end (names);
}

static Domain *
local_get_domain (Backend *backend, const char *name, GError **error)
{
  Store *store = store_of (backend);
  DomainState *state = store_find (store, name, error);
  return state ? state_picture (store, state, error) : NULL;
}

/* Never waits for somebody who reads files: a lock that is taken counts as "not at hand". */
static Domain *
local_peek_domain (Backend *backend, const char *name)
{
  Store *store = store_of (backend);
  DomainState *state;
  {
    autolock held = lock_hold (&store->lock);
    state = g_hash_table_lookup (store->domains, name);
    if (!state || !state->present)
      return NULL;
  }
  Held inner = { NULL };
  if (!lock_try (&state->lock, &inner))
    return NULL;
  Domain *picture = state->picture ? domain_ref (state->picture) : NULL;
  held_release (&inner);
  return picture;
}

static DiskReader *
local_open_disk (Backend *backend, const char *domain, const char *snapshot, const char *target,
                 GError **error)
{
  return disks_open (store_of (backend), domain, snapshot, target, error);
}

static gboolean
local_measure_disk (Backend *backend, const char *domain, const char *target, DiskMeasure *measure,
                    GError **error)
{
  return disks_measure (store_of (backend), domain, target, measure, error);
}

static char *
local_run_state (Backend *backend, const char *name, GError **error)
{
  Store *store = store_of (backend);
  DomainState *state = store_find (store, name, error);
  if (!state)
    return NULL;
  g_autoptr (LocalDomain) found = state_found (state);
  char *word = picture_run_state (store->places, found, error);
  if (!word || g_str_equal (word, "shutoff"))
    return word;
  g_free (word);
  return qemu_state (store->places, found);
}

static char *
local_stats (Backend *backend)
{
  Store *store = store_of (backend);
  g_autoptr (GPtrArray) found = store_found (store, NULL);
  return g_strdup_printf ("store: %s\ndomains: %u\n", places_store_path (store->places),
                          found ? found->len : 0);
}

static const char *
local_directory (Backend *backend)
{
  return places_store_path (store_of (backend)->places);
}

/* -------------------------------------------------------------------- watching */

static void
store_changed (gpointer data)
{
  store_rescan (data);
}

static gboolean
local_watch (Backend *backend, BackendChanged changed, gpointer data, GError **error)
{
  Store *store = store_of (backend);
  Watch *watch = watch_start (store->places, store_changed, store, error);
  if (!watch)
    return FALSE;
  {
    autolock held = lock_hold (&store->lock);
    store->watch = watch;
    store->changed = changed;
    store->changed_data = data;
  }
  store_rescan (store);
  tidy_interrupted (store);
  thaw_interrupted (store);
  return TRUE;
}

/* -------------------------------------------------------------------- changing */

static char *
local_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
              GError **error)
{
  return operation_create (store_of (backend), domain, options, job, error);
}

static gboolean
local_discard (Backend *backend, const char *domain, const char *snapshot, DiscardMode mode,
               Job *job, GError **error)
{
  return operation_discard (store_of (backend), domain, snapshot, mode, job, error);
}

static gboolean
local_revert (Backend *backend, const char *domain, const char *snapshot,
              const RevertOptions *options, Job *job, GError **error)
{
  return operation_revert (store_of (backend), domain, snapshot, options, job, error);
}

static gboolean
local_merge (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
             gboolean force, Job *job, GError **error)
{
  return operation_merge (store_of (backend), domain, snapshot, into, force, job, error);
}

static char *
local_redefine (Backend *backend, const char *domain, const SnapshotDescription *description,
                const RedefineOptions *options, Job *job, GError **error)
{
  return operation_redefine (store_of (backend), domain, description, options, job, error);
}

static gboolean
local_set_current (Backend *backend, const char *domain, const char *snapshot,
                   const char *instead_of, Job *job, GError **error)
{
  return operation_set_current (store_of (backend), domain, snapshot, instead_of, job, error);
}

static gboolean
local_hold (Backend *backend, const char *domain, const char *snapshot, gboolean held, Job *job,
            GError **error)
{
  return operation_hold (store_of (backend), domain, snapshot, held, job, error);
}

static gboolean
local_describe (Backend *backend, const char *domain, const char *snapshot, const char *text,
                Job *job, GError **error)
{
  return operation_describe (store_of (backend), domain, snapshot, text, job, error);
}

static gboolean
local_rename (Backend *backend, const char *domain, const char *snapshot, const char *name,
              Job *job, GError **error)
{
  return operation_rename (store_of (backend), domain, snapshot, name, job, error);
}

static gboolean
local_set_method (Backend *backend, const char *domain, const char *target, const char *method,
                  Job *job, GError **error)
{
  return operation_set_method (store_of (backend), domain, target, method, job, error);
}

/* -------------------------------------------------------------------- metadata without domains */

static GStrv
local_list_orphans (Backend *backend, GError **error)
{
  return orphans_list (store_of (backend), error);
}

static Domain *
local_get_orphan (Backend *backend, const char *uuid, GError **error)
{
  return orphans_get (store_of (backend), uuid, error);
}

static gboolean
local_drop_orphan (Backend *backend, const char *uuid, Job *job, GError **error)
{
  return orphans_drop (store_of (backend), uuid, job, error);
}

const BackendOps local_ops = {
  .scheme = "local",
  .open = local_open,
  .close = local_close,
  .list_domains = local_list_domains,
  .get_domain = local_get_domain,
  .peek_domain = local_peek_domain,
  .create = local_create,
  .discard = local_discard,
  .redefine = local_redefine,
  .merge = local_merge,
  .revert = local_revert,
  .set_current = local_set_current,
  .hold = local_hold,
  .describe = local_describe,
  .rename = local_rename,
  .set_method = local_set_method,
  .open_disk = local_open_disk,
  .measure_disk = local_measure_disk,
  .list_orphans = local_list_orphans,
  .get_orphan = local_get_orphan,
  .drop_orphan = local_drop_orphan,
  .run_state = local_run_state,
  .watch = local_watch,
  .stats = local_stats,
  .directory = local_directory,
};
