/* Bringing a domain's images back to what the records need: when that may be, what comes before it,
 * and what is told of it.  The images themselves are tidy-images.c's matter. */
#include "tidy.h"
#include "../failures.h"
#include "fd.h"
#include "fold.h"
#include "journal.h"
#include "live-clean.h"
#include "live-fold.h"
#include "live-take.h"
#include "picture.h"
#include "replay.h"
#include "second-name.h"
#include "stream-note.h"
#include "tidy-images.h"

static gboolean
may_tidy (const Tidying *tidying)
{
  const Records *records = tidying->records;
  if (records->problem || records_find_damaged (records) || tidying->found->problem ||
      tidying->fd < 0 || journal_exists (tidying->fd))
    return FALSE;
  return records->unnamed->len > 0 || fold_is_interrupted (tidying->fd);
}

/* The reason is told once, and stands in info until it is gone. */
static gboolean
note_reason (Tidying *tidying, const GError *error)
{
  gboolean put_off = error && !g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED);
  const char *reason = put_off ? error->message : NULL;
  if (g_strcmp0 (reason, tidying->records->untidy) == 0)
    return FALSE;
  g_free (tidying->records->untidy);
  tidying->records->untidy = g_strdup (reason);
  if (put_off)
    failures_add (tidying->state->name, "tidy", error);
  return TRUE;
}

/* What was left alone was not tried. */
static void
note_stuck (Tidying *tidying)
{
  Backlog *stuck = &tidying->state->stuck;
  guint elsewhere = stuck->elsewhere;
  *stuck = backlog_of (tidying->store->places, tidying->found, tidying->records);
  if (tidying->leaves && !tidying->failed)
    stuck->elsewhere = MIN (stuck->elsewhere, elsewhere);
}

static void
run_rounds (Tidying *tidying)
{
  g_autoptr (GError) error = NULL;
  gboolean progress = TRUE, any = FALSE;
  if (!fold_repair (tidying->store->places, tidying->fd, tidying->job, &tidying->repaired, &error))
    progress = FALSE;
  while (progress) {
    g_clear_error (&error);
    tidy_round (tidying, &progress, &error);
    any |= progress;
  }
  /* Whoever it gave way to may only have read; and room may come without an operation. */
  tidying->put_off |= g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED) ||
                      g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY) ||
                      g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_NO_SPACE);
  if (!g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED))
    note_stuck (tidying);
  tidying->put_off |= tidying->failed;
  gboolean reason = note_reason (tidying, error);
  job_finish (tidying->job, error);
  if (any || reason)
    state_publish (tidying->store, tidying->state, g_steal_pointer (&tidying->records));
}

/* A machine that could not be asked before how far a snapshot of it came may answer now, or not
 * refuse any more, and its guest may be waiting for that.  *@again: not yet. */
static void
end_interrupted (Tidying *tidying, gboolean *again)
{
  autolock applying = lock_hold (&tidying->state->applying);
  g_autoptr (GError) error = NULL;
  gboolean ended =
      replay_domain (tidying->store->places, tidying->fd, tidying->state->name, &error);
  *again = ended || g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY) ||
           g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_FAILED) ||
           g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNREACHABLE);
  if (ended)
    state_reread (tidying->store, tidying->state);
}

gboolean
tidy_is_interrupted (Store *store, DomainState *state)
{
  g_autoptr (LocalDomain) found = state_found (state);
  autofd records = -1;
  return store_open_records (store, found->uuid, FALSE, &records, NULL) && records >= 0 &&
         (journal_exists (records) || stream_note_exists (records));
}

gboolean
tidy_is_due (Store *store, DomainState *state)
{
  g_autoptr (LocalDomain) found = state_found (state);
  g_autoptr (Records) records = state_records (store, state, NULL);
  return records && !g_atomic_int_get (&state->stream_failed) &&
         live_fold_is_due (store->places, found, records);
}

/* What somebody of us may have left in it. */
static void
clean_machine (Tidying *tidying)
{
  if (!stream_note_exists (tidying->fd))
    return;
  g_autoptr (Qemu) machine = qemu_open_of (tidying->store->places, tidying->found);
  if (!machine || !live_clean (machine, NULL) || !stream_note_remove (tidying->fd, NULL))
    tidying->put_off = TRUE;
}

/* FALSE: it is off only as far as the locks tell, or has just been started. */
static gboolean
begin_without_machine (Tidying *tidying)
{
  const Places *places = tidying->store->places;
  g_atomic_int_set (&tidying->state->stream_failed, FALSE);
  gboolean off =
      live_check_is_off (places, tidying->found, NULL) &&
      (!stream_note_exists (tidying->fd) || stream_note_repair (tidying->fd, places, NULL));
  tidying->put_off |= !off;
  return off;
}

static gboolean
ask_for_machine (Tidying *tidying)
{
  const Places *places = tidying->store->places;
  g_autofree char *state = picture_run_state (places, tidying->found, NULL);
  if (!state)
    return FALSE;
  tidying->running = !g_str_equal (state, "shutoff");
  if (!tidying->running)
    return begin_without_machine (tidying);
  clean_machine (tidying);
  return TRUE;
}

static gboolean
is_needed (const Tidying *tidying)
{
  return tidying->fd >= 0 &&
         (tidying->records->unnamed->len > 0 || fold_is_interrupted (tidying->fd) ||
          stream_note_exists (tidying->fd) ||
          second_names_may_be (tidying->store->places, tidying->found));
}

/* What comes before the images; FALSE: they are not to be tidied now.  As long as something is to
 * be ended, every name is needed; and one that ended must not come back with a power cut when its
 * images are gone. */
static gboolean
begin (Tidying *tidying)
{
  if (tidying->fd >= 0 && journal_exists (tidying->fd)) {
    end_interrupted (tidying, &tidying->put_off);
    return FALSE;
  }
  if (!is_needed (tidying) || !journal_settle (tidying->fd, NULL) || !ask_for_machine (tidying))
    return FALSE;
  tidying->put_off |= second_names_tidy (tidying->store->places, tidying->found, tidying->records);
  return may_tidy (tidying);
}

static void
forget_error (gpointer data)
{
  GError *error = data;
  g_clear_error (&error);
}

gboolean
tidy_images (Store *store, DomainState *state, gboolean waited_for, gboolean asked, Job *job)
{
  g_autoptr (GHashTable) vain =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, forget_error);
  Tidying tidying = { .store = store,
                      .state = state,
                      .waited_for = waited_for,
                      .asked = asked,
                      .job = job,
                      .vain = vain,
                      .fd = -1 };
  tidying.records = state_records (store, state, NULL);
  tidying.found = state_found (state);
  tidying.leaves =
      waited_for && tidying.records && !backlog_is_due_elsewhere (tidying.records, &state->stuck);
  if (!tidying.records ||
      !store_open_records (store, tidying.found->uuid, FALSE, &tidying.fd, NULL) ||
      !begin (&tidying))
    job_finish (job, NULL);
  else
    run_rounds (&tidying);
  fd_close_pointer (&tidying.fd);
  g_clear_pointer (&tidying.records, records_free);
  local_domain_unref (tidying.found);
  return tidying.put_off;
}
