/* One thread that runs libvirt's default event loop as long as somebody holds it.
 *
 * The loop only returns when something happens, so it is ended by a timer of ours that goes off at
 * once.  It goes round a few times more before: closed connections are freed from its idle calls.
 */
#include "loop.h"

#include "../threads.h"
#include "refusal.h"

#define LAST_ROUNDS 4

static struct {
  Lock lock;
  guint users;      /* protected by lock */
  gboolean known;   /* protected by lock; libvirt has been told of the loop */
  pthread_t thread; /* while there are users */
  int timer;        /* the same */
  gint rounds;      /* atomic; of the timer, while it ends */
} loop = { .lock = LOCK_INIT };

static void
count_round (int timer, void *data)
{
  g_atomic_int_inc (&loop.rounds);
}

static void *
run (void *data)
{
  while (g_atomic_int_get (&loop.rounds) < LAST_ROUNDS)
    if (virEventRunDefaultImpl () < 0)
      break;
  return NULL;
}

static gboolean
start (GError **error)
{
  g_autoptr (Refusal) refusal = NULL;

  if (loop.known || virEventRegisterDefaultImpl () == 0) {
    loop.known = TRUE;
    g_atomic_int_set (&loop.rounds, 0);
    loop.timer = virEventAddTimeout (-1, count_round, NULL, NULL);
    if (loop.timer >= 0) {
      loop.thread = thread_start ("libvirt-events", run, NULL);
      return TRUE;
    }
  }
  refusal = refusal_last ();
  return refusal_fail (refusal, error, "cannot wait for libvirt's events");
}

gboolean
loop_hold (GError **error)
{
  autolock held = lock_hold (&loop.lock);

  if (loop.users == 0 && !start (error))
    return FALSE;
  loop.users++;
  return TRUE;
}

void
loop_release (void)
{
  autolock held = lock_hold (&loop.lock);

  if (--loop.users > 0)
    return;
  virEventUpdateTimeout (loop.timer, 0);
  thread_join (loop.thread);
  virEventRemoveTimeout (loop.timer);
}
