/* Ending the loop by a signal, without a gap.
 *
 * libfuse's own handlers set a flag that the loop sees only when its read is
 * interrupted, which a signal just before the read does not do.  Here a thread
 * takes the signals and pokes the loop until it has ended. */
#include "signals.h"

#include "../backend/threads.h"

#include <signal.h>
#include <string.h>

#define POKE SIGUSR1
#define INTERVAL 20 /* milliseconds between pokes */

struct Signals {
  struct fuse_session *session;
  void (*settle) (void *data);
  void *data;
  pthread_t loop;
  pthread_t thread;
  Lock lock;
  Condition ended_now;
  gboolean ended; /* the loop; protected by lock */
};

static void
do_nothing (int number)
{
}

static void
ending_signals (sigset_t *set)
{
  sigemptyset (set);
  sigaddset (set, SIGTERM);
  sigaddset (set, SIGINT);
  sigaddset (set, SIGHUP);
}

void
signals_hold (void)
{
  sigset_t set;

  ending_signals (&set);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
}

/* TRUE when the loop has ended, after waiting a little for it. */
static gboolean
has_ended (Signals *signals)
{
  autolock held = lock_hold (&signals->lock);

  if (!signals->ended)
    condition_wait_for (&signals->ended_now, &held, INTERVAL);
  return signals->ended;
}

static gboolean
is_over (Signals *signals)
{
  autolock held = lock_hold (&signals->lock);

  return signals->ended;
}

static void *
take_signals (void *data)
{
  Signals *signals = data;
  sigset_t set;
  int number;

  ending_signals (&set);
  sigwait (&set, &number);
  if (!is_over (signals))
    signals->settle (signals->data);
  fuse_session_exit (signals->session);
  do
    pthread_kill (signals->loop, POKE);
  while (!has_ended (signals));
  return NULL;
}

Signals *
signals_start (struct fuse_session *session, void (*settle) (void *data), void *data)
{
  struct sigaction poke = { .sa_handler = do_nothing };
  Signals *signals = g_new0 (Signals, 1);

  signals->session = session;
  signals->settle = settle;
  signals->data = data;
  signals->loop = pthread_self ();
  lock_init (&signals->lock);
  signals->ended_now = (Condition)CONDITION_INIT;
  sigaction (POKE, &poke, NULL);
  signal (SIGPIPE, SIG_IGN);
  signals->thread = thread_start ("signals", take_signals, signals);
  return signals;
}

void
signals_stop (Signals *signals)
{
  {
    autolock held = lock_hold (&signals->lock);

    signals->ended = TRUE;
    condition_signal_all (&signals->ended_now);
  }
  /* Wakes the thread when no signal ended the loop; the poke may come once more, harmlessly. */
  pthread_kill (signals->thread, SIGTERM);
  thread_join (signals->thread);
  lock_clear (&signals->lock);
  g_free (signals);
}
