/* Locks, conditions, queues and threads, on pthread alone.
 *
 * One idea: a lock held is a value (Held), so that a scope releases it and a
 * function can ask for the proof.  There are no recursive or read-write locks:
 * readers use pictures. */
#include "threads.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

/* A pthread call fails here only by a mistake of ours. */
static void
must (int result, const char *what)
{
  if (result != 0)
    g_error ("%s: %s", what, g_strerror (result));
}

void
lock_init (Lock *lock)
{
  must (pthread_mutex_init (lock, NULL), "pthread_mutex_init");
}

void
lock_clear (Lock *lock)
{
  must (pthread_mutex_destroy (lock), "pthread_mutex_destroy");
}

Held
lock_hold (Lock *lock)
{
  must (pthread_mutex_lock (lock), "pthread_mutex_lock");
  return (Held){ lock };
}

gboolean
lock_try (Lock *lock, Held *held)
{
  int result = pthread_mutex_trylock (lock);

  held->lock = NULL;
  if (result == EBUSY)
    return FALSE;
  must (result, "pthread_mutex_trylock");
  held->lock = lock;
  return TRUE;
}

void
held_release (Held *held)
{
  Lock *lock = held->lock;

  held->lock = NULL;
  if (lock != NULL)
    must (pthread_mutex_unlock (lock), "pthread_mutex_unlock");
}

void
condition_wait (Condition *condition, const Held *held)
{
  must (pthread_cond_wait (condition, held->lock), "pthread_cond_wait");
}

gboolean
condition_wait_for (Condition *condition, const Held *held, guint milliseconds)
{
  struct timespec until;
  int result;

  /* The monotonic clock: setting the time of day must not end or lengthen a wait. */
  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += milliseconds / 1000;
  until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  result = pthread_cond_clockwait (condition, held->lock, CLOCK_MONOTONIC, &until);
  if (result == ETIMEDOUT)
    return FALSE;
  must (result, "pthread_cond_clockwait");
  return TRUE;
}

void
condition_signal_all (Condition *condition)
{
  must (pthread_cond_broadcast (condition), "pthread_cond_broadcast");
}

struct Queue {
  Lock lock;
  Condition changed;
  GQueue items;    /* protected by lock */
  gboolean closed; /* protected by lock */
};

Queue *
queue_new (void)
{
  Queue *queue = g_new0 (Queue, 1);

  lock_init (&queue->lock);
  must (pthread_cond_init (&queue->changed, NULL), "pthread_cond_init");
  g_queue_init (&queue->items);
  return queue;
}

void
queue_free (Queue *queue)
{
  if (queue == NULL)
    return;
  g_queue_clear (&queue->items);
  must (pthread_cond_destroy (&queue->changed), "pthread_cond_destroy");
  lock_clear (&queue->lock);
  g_free (queue);
}

void
queue_push (Queue *queue, gpointer item)
{
  autolock held = lock_hold (&queue->lock);

  g_queue_push_tail (&queue->items, item);
  must (pthread_cond_signal (&queue->changed), "pthread_cond_signal");
}

gpointer
queue_pop (Queue *queue)
{
  autolock held = lock_hold (&queue->lock);

  while (g_queue_is_empty (&queue->items) && !queue->closed)
    condition_wait (&queue->changed, &held);
  return g_queue_pop_head (&queue->items);
}

gpointer
queue_pop_for (Queue *queue, guint milliseconds, gboolean *closed)
{
  gint64 end = g_get_monotonic_time () + (gint64)milliseconds * 1000;
  autolock held = lock_hold (&queue->lock);
  gint64 left;

  while (g_queue_is_empty (&queue->items) && !queue->closed &&
         (left = end - g_get_monotonic_time ()) > 0)
    condition_wait_for (&queue->changed, &held, (guint)(left / 1000) + 1);
  *closed = queue->closed;
  return g_queue_pop_head (&queue->items);
}

void
queue_close (Queue *queue)
{
  autolock held = lock_hold (&queue->lock);

  queue->closed = TRUE;
  condition_signal_all (&queue->changed);
}

/* GLib makes the lock of its table of error domains with the first GError, which ThreadSanitizer
 * does not see: so that happens before there is a second thread. */
static void
warm_up (void)
{
  g_error_free (g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_FAILED, ""));
}

pthread_t
thread_start (const char *name, void *(*run) (void *), void *data)
{
  sigset_t all, before;
  pthread_t thread;
  char short_name[16]; /* the kernel's limit */

  warm_up ();
  /* Signals are the main loop's: a thread that took one would swallow it. */
  sigfillset (&all);
  must (pthread_sigmask (SIG_SETMASK, &all, &before), "pthread_sigmask");
  must (pthread_create (&thread, NULL, run, data), "pthread_create");
  must (pthread_sigmask (SIG_SETMASK, &before, NULL), "pthread_sigmask");
  g_strlcpy (short_name, name, sizeof short_name);
  pthread_setname_np (thread, short_name);
  return thread;
}

void
thread_join (pthread_t thread)
{
  must (pthread_join (thread, NULL), "pthread_join");
}
