/* What the local backend knows of each domain: the description as found, the records as last
 * written, and the picture made of both.
 *
 * Only one daemon changes a store, so records are read once and then kept in memory; what others
 * may change (images, descriptions) comes in by store_rescan. */
#include "fd.h"
#include "file-names.h"
#include "guest-note.h"
#include "journal.h"
#include "moved.h"
#include "picture.h"
#include "second-name.h"
#include "store.h"
#include "tidy.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void
state_free (DomainState *state)
{
  g_free (state->name);
  g_clear_pointer (&state->found, local_domain_unref);
  g_clear_pointer (&state->records, records_free);
  g_clear_pointer (&state->picture, domain_unref);
  g_clear_pointer (&state->shown, table_free);
  lock_clear (&state->busy);
  lock_clear (&state->applying);
  lock_clear (&state->thawing);
  lock_clear (&state->lock);
  g_free (state->frozen);
  g_free (state);
}

static DomainState *
state_new (LocalDomain *found)
{
  DomainState *state = g_new0 (DomainState, 1);
  state->name = g_strdup (found->name);
  state->found = local_domain_ref (found);
  lock_init (&state->busy);
  lock_init (&state->applying);
  lock_init (&state->thawing);
  lock_init (&state->lock);
  return state;
}

LocalDomain *
state_found (DomainState *state)
{
  autolock held = lock_hold (&state->lock);
  return local_domain_ref (state->found);
}

/* -------------------------------------------------------------------- records */

static gboolean
make_directory (int parent, const char *name, GError **error)
{
  if (mkdirat (parent, name, 0700) < 0 && errno != EEXIST)
    return fail_errno (error, "making %s", name);
  /* Also when it was there: whoever made it may not have come so far. */
  return fsync (parent) == 0 || fail_errno (error, "making %s", name);
}

gboolean
store_open_records (Store *store, const char *uuid, gboolean create, int *fd, GError **error)
{
  int root = places_store_fd (store->places);
  *fd = -1;
  if (create && !make_directory (root, RECORDS_DIRECTORY, error))
    return FALSE;
  autofd all = openat (root, RECORDS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (all < 0)
    return (errno == ENOENT && !create) || fail_errno (error, "opening the records");
  if (create && !make_directory (all, uuid, error))
    return FALSE;
  *fd = openat (all, uuid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (*fd < 0 && (errno != ENOENT || create))
    return fail_errno (error, "opening the records");
  return TRUE;
}

/* A note that is there when the records are read is of a daemon that has died. */
static void
read_note (DomainState *state, int records)
{
  if (!state->frozen && guest_notes_exist (records))
    state->frozen =
        g_strdup ("a snapshot was interrupted, and nobody has let it go on or thawed it since");
}

static Records *
read_records (Store *store, DomainState *state, GError **error)
{
  const LocalDomain *found = state->found;
  autofd fd = -1;
  if (!store_open_records (store, found->uuid, FALSE, &fd, error))
    return NULL;
  if (fd < 0)
    return records_new (found->uuid, found->name);
  read_note (state, fd);
  g_autoptr (Records) records = moved_records_read (store->places, fd, found, error);
  if (records && !records->problem && journal_exists (fd))
    records->problem = g_strdup ("an interrupted operation is still to be completed: mount the "
                                 "store for writing, and see control/error if this stays");
  return g_steal_pointer (&records);
}

/* -------------------------------------------------------------------- pictures */

static void
rebuild (Store *store, DomainState *state)
{
  g_autoptr (Domain) before = state->picture;
  g_autoptr (Table) shown = state->shown;
  state->picture =
      picture_build (store->places, state->found, state->records, before, shown, state->frozen);
  state->shown = table_copy (state->records->records);
}

static gboolean
load (Store *store, DomainState *state, GError **error)
{
  if (!state->records)
    state->records = read_records (store, state, error);
  if (!state->records)
    return FALSE;
  if (!state->picture)
    rebuild (store, state);
  return TRUE;
}

Domain *
state_picture (Store *store, DomainState *state, GError **error)
{
  gboolean first = FALSE;
  Domain *picture = NULL;
  {
    autolock held = lock_hold (&state->lock);
    first = !state->picture;
    if (!load (store, state, error))
      return NULL;
    picture = domain_ref (state->picture);
    first = first && (state->records->problem || state->records->unnamed->len > 0 ||
                      second_names_may_be (store->places, state->found));
  }
  if (first)
    tidy_later (store, state->name);
  return picture;
}

Records *
state_records (Store *store, DomainState *state, GError **error)
{
  autolock held = lock_hold (&state->lock);
  return load (store, state, error) ? records_copy (state->records) : NULL;
}

/* Both are made anew when next asked for. */
static void
forget (DomainState *state)
{
  g_clear_pointer (&state->records, records_free);
  g_clear_pointer (&state->picture, domain_unref);
  g_clear_pointer (&state->shown, table_free);
}

static void
tell (Store *store, const char *domain)
{
  BackendChanged changed;
  gpointer data;
  {
    autolock held = lock_hold (&store->lock);
    changed = store->changed;
    data = store->changed_data;
  }
  if (changed)
    changed (domain, data);
}

/* The records of a domain that is gone may be changed under another name, or dropped, before it
 * comes back. */
static void
state_leave (DomainState *state)
{
  autolock held = lock_hold (&state->lock);
  forget (state);
}

static gboolean
is_present (Store *store, const DomainState *state)
{
  autolock held = lock_hold (&store->lock);
  return state->present;
}

void
state_publish (Store *store, DomainState *state, Records *records)
{
  {
    autolock held = lock_hold (&state->lock);
    g_clear_pointer (&state->records, records_free);
    state->records = records;
    /* The description may have got another uuid meanwhile, and with it other records. */
    if (strcmp (records->uuid, state->found->uuid) != 0)
      forget (state);
    else
      rebuild (store, state);
  }
  if (!is_present (store, state)) /* it went in the middle of the operation */
    state_leave (state);
  tell (store, state->name);
}

gboolean
state_note_frozen (Store *store, DomainState *state, const char *why)
{
  {
    autolock held = lock_hold (&state->lock);
    if (g_strcmp0 (why, state->frozen) == 0)
      return FALSE;
    g_free (state->frozen);
    state->frozen = g_strdup (why);
    if (state->picture)
      rebuild (store, state);
  }
  tell (store, state->name);
  return TRUE;
}

void
state_reread (Store *store, DomainState *state)
{
  {
    autolock held = lock_hold (&state->lock);
    forget (state);
  }
  tell (store, state->name);
}

/* -------------------------------------------------------------------- scanning */

/* What others changed in one domain that is still there.  Another uuid means other records.  A
 * domain without a description is as old as when it was first seen: each snapshot puts another file
 * in the place of its image, and who reads its directory meanwhile must not find that changed. */
static void
state_refresh (Store *store, DomainState *state, LocalDomain *found)
{
  {
    autolock held = lock_hold (&state->lock);
    gboolean other = g_strcmp0 (state->found->uuid, found->uuid) != 0;
    gboolean shown = state->picture != NULL;
    if (found->bare && state->found->bare && !other)
      found->changed = state->found->changed;
    local_domain_unref (state->found);
    state->found = local_domain_ref (found);
    if (other)
      forget (state);
    if (!shown)
      return;
    if (state->picture)
      rebuild (store, state);
  }
  tell (store, state->name);
}

static GHashTable *
by_name (const GPtrArray *found)
{
  GHashTable *names = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < found->len; i++) {
    LocalDomain *domain = g_ptr_array_index (found, i);
    g_hash_table_insert (names, domain->name, domain);
  }
  return names;
}

/* Makes the table of domains agree with the scan; TRUE: some came or went.  A state is never
 * removed: whoever works on a domain that goes and comes back must meet the same `busy`. */
static gboolean
adopt_scan (Store *store, GHashTable *names, const Held *held)
{
  gboolean changed = FALSE;
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, store->domains);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    DomainState *state = value;
    gboolean present = g_hash_table_contains (names, state->name);
    changed |= state->present != present;
    state->present = present;
    if (!present)
      state_leave (state);
  }
  g_hash_table_iter_init (&iter, names);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    LocalDomain *domain = value;
    if (g_hash_table_contains (store->domains, domain->name))
      continue;
    DomainState *state = state_new (domain);
    state->present = TRUE;
    g_hash_table_insert (store->domains, state->name, state);
    changed = TRUE;
  }
  store->scanned = TRUE;
  return changed;
}

/* The array keeps the domains that @names leads to. */
static GPtrArray *
scan (Store *store, gboolean *changed, GError **error)
{
  g_autoptr (GPtrArray) found = scan_store (store->places, error);
  if (!found)
    return NULL;
  g_autoptr (GHashTable) names = by_name (found);
  autolock held = lock_hold (&store->lock);
  *changed = adopt_scan (store, names, &held);
  if (store->watch)
    watch_directories (store->watch, found);
  return g_steal_pointer (&found);
}

void
store_rescan (Store *store)
{
  g_autoptr (GError) error = NULL;
  gboolean changed = FALSE;
  g_autoptr (GPtrArray) found = scan (store, &changed, &error);
  for (guint i = 0; found && i < found->len; i++) {
    LocalDomain *domain = g_ptr_array_index (found, i);
    DomainState *state = store_find (store, domain->name, NULL);
    if (state)
      state_refresh (store, state, domain);
  }
  if (changed)
    tell (store, NULL);
  if (!found)
    g_warning ("%s", error->message);
}

static gboolean
scan_once (Store *store, GError **error)
{
  {
    autolock held = lock_hold (&store->lock);
    if (store->scanned)
      return TRUE;
  }
  gboolean changed;
  g_autoptr (GPtrArray) found = scan (store, &changed, error);
  return found != NULL;
}

DomainState *
store_find (Store *store, const char *name, GError **error)
{
  if (!scan_once (store, error))
    return NULL;
  autolock held = lock_hold (&store->lock);
  DomainState *state = g_hash_table_lookup (store->domains, name);
  if (state && state->present)
    return state;
  fail (error, BACKEND_ERROR_NOT_FOUND, "there is no domain %s", name);
  return NULL;
}

static GPtrArray *
present_states (Store *store)
{
  GPtrArray *states = g_ptr_array_new ();
  autolock held = lock_hold (&store->lock);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, store->domains);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((DomainState *)value)->present)
      g_ptr_array_add (states, value);
  return states;
}

GPtrArray *
store_found (Store *store, GError **error)
{
  if (!scan_once (store, error))
    return NULL;
  g_autoptr (GPtrArray) states = present_states (store);
  GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify)local_domain_unref);
  for (guint i = 0; i < states->len; i++)
    g_ptr_array_add (found, state_found (g_ptr_array_index (states, i)));
  return found;
}
