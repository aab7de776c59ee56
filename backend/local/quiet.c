/* Keeping a guest's file systems at rest, never for longer than was said.
 *
 * A thread of its own does the thawing, told to or at the deadline: so nobody who hangs can keep it
 * from that, and only one thread at a time talks to the agent. */
#include "quiet.h"
#include "fd.h"
#include "guest-note.h"
#include "thaw.h"
#include <fcntl.h>

/* Microseconds: of an answer that takes an agent no time, and of all attempts to thaw. */
#define ANSWER (3 * G_USEC_PER_SEC)
#define THAW (5 * G_USEC_PER_SEC)

struct Quiet {
  Store *store;
  DomainState *state;
  Held thawing; /* belongs to the thread that began it */
  int records;
  char *socket;
  Agent *agent; /* of whoever talks to it: first the beginner, then the thread */
  guint limit;  /* milliseconds */
  gint64 deadline;
  pthread_t thread;
  Lock lock; /* guards what follows */
  Condition changed;
  gboolean ended; /* quiet_end was called */
  gboolean late;  /* the deadline came first */
  GError *broken; /* why it was not kept to the end; of the thread until that has ended */
};

static void
quiet_free (Quiet *quiet)
{
  g_clear_pointer (&quiet->agent, agent_close);
  g_clear_error (&quiet->broken);
  fd_close_pointer (&quiet->records);
  held_release (&quiet->thawing);
  lock_clear (&quiet->lock);
  g_free (quiet->socket);
  g_free (quiet);
}

/* -------------------------------------------------------------------- thawing */

/* The note goes only when it is certain. */
static gboolean
thaw_or_see_it_off (Quiet *quiet, const LocalDomain *found, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  gint64 deadline = g_get_monotonic_time () + THAW;
  if (thaw_persistently (&quiet->agent, quiet->socket, deadline, &wrong))
    return guest_note_remove (quiet->records, QUIET_NOTE, error);
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return thaw_left_over (quiet->store->places, quiet->records, found, deadline, error);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return fail_in (error, "the guest's file systems may be frozen");
}

static void
thaw (Quiet *quiet)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LocalDomain) found = state_found (quiet->state);
  gboolean done = thaw_or_see_it_off (quiet, found, &error);
  thaw_tell (quiet->store, quiet->state, error);
  if (!done)
    thaw_later (quiet->store, found->uuid);
}

static gboolean
is_told_to_end (Quiet *quiet)
{
  autolock held = lock_hold (&quiet->lock);
  gint64 left;
  while (!quiet->ended && (left = quiet->deadline - g_get_monotonic_time ()) > 0)
    condition_wait_for (&quiet->changed, &held, (guint)(left / 1000) + 1);
  quiet->late = !quiet->ended;
  return quiet->ended;
}

static gboolean
fail_late (const Quiet *quiet, GError **error)
{
  return fail (error, BACKEND_ERROR_FAILED,
               "the guest's file systems would have been frozen for more than %u milliseconds",
               quiet->limit);
}

/* Somebody in the guest may have thawed them. */
static void
check_still_frozen (Quiet *quiet)
{
  gboolean frozen = FALSE;
  if (agent_is_frozen (quiet->agent, &frozen, quiet->deadline, &quiet->broken)) {
    if (!frozen)
      fail (&quiet->broken, BACKEND_ERROR_FAILED,
            "the guest's file systems were thawed in the guest before the snapshot was done");
    return;
  }
  g_clear_pointer (&quiet->agent, agent_close); /* it may still answer to that */
}

static void *
run_quiet (void *data)
{
  Quiet *quiet = data;
  if (is_told_to_end (quiet))
    check_still_frozen (quiet);
  else
    fail_late (quiet, &quiet->broken);
  thaw (quiet);
  return NULL;
}

/* -------------------------------------------------------------------- beginning */

static Quiet *
quiet_new (Store *store, DomainState *state, int records, const char *socket, guint limit,
           GError **error)
{
  Quiet *quiet = g_new0 (Quiet, 1);
  quiet->store = store;
  quiet->state = state;
  quiet->socket = g_strdup (socket);
  quiet->limit = limit;
  lock_init (&quiet->lock);
  quiet->changed = (Condition)CONDITION_INIT;
  quiet->thawing = lock_hold (&state->thawing);
  quiet->records = fcntl (records, F_DUPFD_CLOEXEC, 0);
  if (quiet->records >= 0)
    return quiet;
  fail_errno (error, "the records");
  quiet_free (quiet);
  return NULL;
}

/* What was left frozen before is thawed first: after that, who has frozen them is somebody else. */
static gboolean
find_thawed (Quiet *quiet, GError **error)
{
  g_autoptr (LocalDomain) found = state_found (quiet->state);
  gint64 deadline = g_get_monotonic_time () + ANSWER;
  gboolean frozen = FALSE;
  if (!thaw_left_over (quiet->store->places, quiet->records, found, deadline, error))
    return FALSE;
  quiet->agent = agent_connect (quiet->socket, deadline, error);
  if (!quiet->agent || !agent_is_frozen (quiet->agent, &frozen, deadline, error))
    return FALSE;
  return !frozen || fail (error, BACKEND_ERROR_BUSY,
                          "the guest's file systems are frozen already, and not from here");
}

static gboolean
write_note (Quiet *quiet, GError **error)
{
  if (guest_note_write (quiet->records, QUIET_NOTE, quiet->socket, 0, error))
    return TRUE;
  guest_note_remove (quiet->records, QUIET_NOTE, NULL); /* nobody has been told to freeze */
  return FALSE;
}

static gboolean
freeze (Quiet *quiet, GError **error)
{
  guint count = 0;
  quiet->deadline = g_get_monotonic_time () + (gint64)quiet->limit * 1000;
  if (!agent_freeze (quiet->agent, &count, quiet->deadline, error)) {
    g_clear_pointer (&quiet->agent, agent_close); /* it may still answer to that */
    return FALSE;
  }
  return count > 0 || fail (error, BACKEND_ERROR_UNSUPPORTED,
                            "the guest has no file systems that can be frozen");
}

Quiet *
quiet_begin (Store *store, DomainState *state, int records, const char *socket, guint limit,
             GError **error)
{
  Quiet *quiet = quiet_new (store, state, records, socket, limit, error);
  if (!quiet)
    return NULL;
  if (!find_thawed (quiet, error) || !write_note (quiet, error)) {
    quiet_free (quiet);
    return NULL;
  }
  if (!freeze (quiet, error)) {
    thaw (quiet);
    quiet_free (quiet);
    return NULL;
  }
  quiet->thread = thread_start ("quiet", run_quiet, quiet);
  return quiet;
}

/* -------------------------------------------------------------------- afterwards */

gint64
quiet_deadline (const Quiet *quiet)
{
  return quiet->deadline;
}

gboolean
quiet_is_kept (Quiet *quiet, GError **error)
{
  autolock held = lock_hold (&quiet->lock);
  return (!quiet->late && g_get_monotonic_time () < quiet->deadline) || fail_late (quiet, error);
}

static void
tell_to_end (Quiet *quiet)
{
  autolock held = lock_hold (&quiet->lock);
  quiet->ended = TRUE;
  condition_signal_all (&quiet->changed);
}

gboolean
quiet_end (Quiet *quiet, GError **error)
{
  tell_to_end (quiet);
  thread_join (quiet->thread);
  gboolean kept = quiet->broken == NULL;
  if (!kept)
    g_propagate_error (error, g_steal_pointer (&quiet->broken));
  quiet_free (quiet);
  return kept;
}
