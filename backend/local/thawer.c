/* When it is tried again to thaw a guest: in a thread of its own, twice as long after each attempt.
 * How is thaw.c's matter. */
#include "../failures.h"
#include "fd.h"
#include "guest-note.h"
#include "thaw.h"

#define SHORTEST_WAIT 250 /* milliseconds */
#define LONGEST_WAIT 30000
#define TRY (2 * G_USEC_PER_SEC) /* whoever wants to freeze the guest waits for as long */

struct Thawer {
  Store *store;
  Queue *queue; /* of char *: uuids of domains */
  pthread_t thread;
  GHashTable *frozen; /* of char *: uuids.  These two are the thread's own */
  guint wait;
};

void
thaw_tell (Store *store, DomainState *state, const GError *error)
{
  if (error && state_note_frozen (store, state, error->message)) {
    failures_add (state->name, "thaw", error);
    g_warning ("%s: %s", state->name, error->message);
  }
  if (!error)
    state_note_frozen (store, state, NULL);
}

static gboolean
thaw_records (Store *store, const char *uuid, const LocalDomain *found, GError **error)
{
  autofd records = -1;
  if (!store_open_records (store, uuid, FALSE, &records, error))
    return FALSE;
  return records < 0 ||
         thaw_left_over (store->places, records, found, g_get_monotonic_time () + TRY, error);
}

static gboolean
thaw_domain (Store *store, const char *uuid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) all = store_found (store, &error);
  const LocalDomain *found = all ? local_domain_of_uuid (all, uuid) : NULL;
  DomainState *state = found ? store_find (store, found->name, NULL) : NULL;
  if (!state)
    return all && thaw_records (store, uuid, NULL, &error);
  gboolean done;
  {
    autolock held = lock_hold (&state->thawing);
    done = thaw_records (store, uuid, found, &error);
  }
  thaw_tell (store, state, error);
  return done;
}

/* -------------------------------------------------------------------- the thread */

static gboolean
try_one (gpointer uuid, gpointer value, gpointer data)
{
  const struct Thawer *thawer = data;
  return thaw_domain (thawer->store, uuid);
}

static void *
run_thawer (void *data)
{
  struct Thawer *thawer = data;
  gboolean closed = FALSE;
  while (!closed) {
    char *uuid = queue_pop_for (thawer->queue, thawer->wait, &closed);
    if (uuid) {
      thawer->wait = SHORTEST_WAIT;
      g_hash_table_add (thawer->frozen, uuid);
    } else if (!closed) {
      g_hash_table_foreach_remove (thawer->frozen, try_one, thawer);
      thawer->wait = MIN (2 * thawer->wait, LONGEST_WAIT);
    }
  }
  for (char *left; (left = queue_pop (thawer->queue));)
    g_free (left);
  return NULL;
}

void
thaw_later (Store *store, const char *uuid)
{
  if (store->read_only)
    return;
  autolock held = lock_hold (&store->lock);
  if (!store->thawer) {
    store->thawer = g_new0 (struct Thawer, 1);
    store->thawer->store = store;
    store->thawer->queue = queue_new ();
    store->thawer->wait = SHORTEST_WAIT;
    store->thawer->frozen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    store->thawer->thread = thread_start ("thaw", run_thawer, store->thawer);
  }
  queue_push (store->thawer->queue, g_strdup (uuid));
}

void
thaw_interrupted (Store *store)
{
  g_autoptr (GPtrArray) found = store_found (store, NULL);
  for (guint i = 0; found && i < found->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (found, i);
    autofd records = -1;
    if (store_open_records (store, domain->uuid, FALSE, &records, NULL) && records >= 0 &&
        guest_notes_exist (records))
      thaw_later (store, domain->uuid);
  }
}

void
thaw_stop (Store *store)
{
  struct Thawer *thawer;
  {
    autolock held = lock_hold (&store->lock);
    thawer = store->thawer;
  }
  if (!thawer)
    return;
  queue_close (thawer->queue);
  thread_join (thawer->thread);
  queue_free (thawer->queue);
  g_hash_table_unref (thawer->frozen);
  g_clear_pointer (&store->thawer, g_free);
}
