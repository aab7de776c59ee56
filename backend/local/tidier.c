/* When tidying is done: in a thread of its own, after operations that left images without a name,
 * and again later where somebody had an image open.  What is done is tidy.c's matter. */
#include "fd.h"
#include "fold.h"
#include "journal.h"
#include "picture.h"
#include "stream-note.h"
#include "tidy.h"

/* Milliseconds after which a domain is tried again that somebody had open: a machine that runs, or
 * a qemu-img that reads.  Twice as long each time. */
#define SHORTEST_WAIT 500
#define LONGEST_WAIT 60000

struct Tidier {
  Store *store;
  Queue *queue; /* of char *: names of domains */
  pthread_t thread;
  GHashTable *put_off; /* of char *: names; the thread's own */
  guint wait;          /* the same */
};

/* FALSE: not now.  @busy: takes the domain's `busy`; NULL: the caller has it.  Whoever finds it
 * taken and asks a tidying to give way must find that, too: so both become visible at once. */
static gboolean
begin_tidying (DomainState *state, Job *job, Held *busy)
{
  autolock held = lock_hold (&state->lock);
  if (state->opening > 0 || (busy && !lock_try (&state->busy, busy)))
    return FALSE;
  state->tidying = job_ref (job);
  return TRUE;
}

static void
end_tidying (DomainState *state)
{
  autolock held = lock_hold (&state->lock);
  g_clear_pointer (&state->tidying, job_unref);
}

static gboolean
is_closing (Store *store)
{
  autolock held = lock_hold (&store->lock);
  return store->closing;
}

static gboolean
is_being_opened (DomainState *state)
{
  autolock held = lock_hold (&state->lock);
  return state->opening > 0;
}

/* @busy: NULL when the caller holds it.  TRUE: it is to be tried again. */
static gboolean
tidy_state (Store *store, DomainState *state, Held *busy, gboolean asked)
{
  g_autoptr (Job) job = job_new (state->name, "tidy");
  if (!begin_tidying (state, job, busy)) {
    job_finish (job, NULL);
    return is_being_opened (state);
  }
  gboolean again = tidy_images (store, state, busy == NULL, asked, job);
  end_tidying (state);
  return again;
}

void
tidy_now (Store *store, DomainState *state, gboolean asked)
{
  tidy_state (store, state, NULL, asked);
}

/* An operation that is under way asks for another tidying at its end. */
static gboolean
tidy_domain (Store *store, const char *name)
{
  DomainState *state = store_find (store, name, NULL);
  Held busy = { NULL };
  if (!state || is_closing (store))
    return FALSE;
  gboolean again = tidy_state (store, state, &busy, FALSE);
  held_release (&busy);
  return again;
}

void
tidy_give_way (DomainState *state)
{
  g_autoptr (Job) job = NULL;
  {
    autolock held = lock_hold (&state->lock);
    job = state->tidying ? job_ref (state->tidying) : NULL;
  }
  if (!job)
    return;
  job_cancel (job);
  autolock until_it_stopped = lock_hold (&state->busy);
}

void
tidy_keep_off (DomainState *state)
{
  {
    autolock held = lock_hold (&state->lock);
    state->opening++;
  }
  tidy_give_way (state);
}

void
tidy_allow (DomainState *state)
{
  autolock held = lock_hold (&state->lock);
  state->opening--;
}

/* -------------------------------------------------------------------- the thread */

/* A running machine is not worth an attempt, unless it may be waiting for one, or can fold. */
static gboolean
is_left_alone (Store *store, const char *name)
{
  DomainState *state = store_find (store, name, NULL);
  if (state && tidy_is_interrupted (store, state))
    return FALSE;
  g_autoptr (LocalDomain) found = state ? state_found (state) : NULL;
  g_autofree char *word = found ? picture_run_state (store->places, found, NULL) : NULL;
  return g_strcmp0 (word, "running") == 0 && !tidy_is_due (store, state);
}

static void
tidy_or_put_off (struct Tidier *tidier, const char *name)
{
  if (!is_closing (tidier->store) && tidy_domain (tidier->store, name))
    g_hash_table_add (tidier->put_off, g_strdup (name));
}

static void
try_again (struct Tidier *tidier)
{
  g_autoptr (GHashTable) names = g_steal_pointer (&tidier->put_off);
  GHashTableIter iter;
  gpointer name;
  tidier->put_off = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  tidier->wait = MIN (2 * tidier->wait, LONGEST_WAIT);
  g_hash_table_iter_init (&iter, names);
  while (g_hash_table_iter_next (&iter, &name, NULL)) {
    if (is_left_alone (tidier->store, name))
      g_hash_table_add (tidier->put_off, g_strdup (name));
    else
      tidy_or_put_off (tidier, name);
  }
}

static void *
run_tidier (void *data)
{
  struct Tidier *tidier = data;
  gboolean closed = FALSE;
  while (!closed) {
    guint wait = g_hash_table_size (tidier->put_off) > 0 ? tidier->wait : LONGEST_WAIT;
    g_autofree char *domain = queue_pop_for (tidier->queue, wait, &closed);
    if (domain) {
      tidier->wait = SHORTEST_WAIT;
      tidy_or_put_off (tidier, domain);
    } else if (!closed) {
      try_again (tidier);
    }
  }
  for (char *left; (left = queue_pop (tidier->queue));)
    g_free (left);
  return NULL;
}

void
tidy_later (Store *store, const char *domain)
{
  if (store->read_only)
    return;
  autolock held = lock_hold (&store->lock);
  if (!store->tidier) {
    store->tidier = g_new0 (struct Tidier, 1);
    store->tidier->store = store;
    store->tidier->queue = queue_new ();
    store->tidier->wait = SHORTEST_WAIT;
    store->tidier->put_off = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    store->tidier->thread = thread_start ("tidy", run_tidier, store->tidier);
  }
  queue_push (store->tidier->queue, g_strdup (domain));
}

void
tidy_interrupted (Store *store)
{
  g_autoptr (GPtrArray) found = store_found (store, NULL);
  for (guint i = 0; found && i < found->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (found, i);
    autofd records = -1;
    if (store_open_records (store, domain->uuid, FALSE, &records, NULL) && records >= 0 &&
        (fold_is_interrupted (records) || stream_note_exists (records) || journal_exists (records)))
      tidy_later (store, domain->name);
  }
}

static void
cancel_all (Store *store)
{
  autolock held = lock_hold (&store->lock);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, store->domains);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    DomainState *state = value;
    autolock inner = lock_hold (&state->lock);
    if (state->tidying)
      job_cancel (state->tidying);
  }
}

void
tidy_stop (Store *store)
{
  struct Tidier *tidier;
  {
    autolock held = lock_hold (&store->lock);
    store->closing = TRUE;
    tidier = store->tidier;
  }
  if (!tidier)
    return;
  queue_close (tidier->queue);
  cancel_all (store);
  thread_join (tidier->thread);
  queue_free (tidier->queue);
  g_hash_table_unref (tidier->put_off);
  g_clear_pointer (&store->tidier, g_free);
}
