#pragma once
#include <glib.h>
#include <pthread.h>

/* Every lock, condition and queue of the program.  They are pthread's and not
 * GLib's, because Debian's GLib is built without ThreadSanitizer, which then
 * does not see that its locks order anything.  For the same reason nothing
 * that GLib counts references of (GBytes, GRefString, rc boxes) is shared
 * between threads; `Text` and the model count with the inlined g_atomic_int_*. */
typedef pthread_mutex_t Lock;
#define LOCK_INIT PTHREAD_MUTEX_INITIALIZER

/* Holds a lock to the end of the scope:
 *
 *   {
 *     autolock held = lock_hold (&store->lock);
 *     ...
 *   }
 *
 * A function that needs its caller to hold the lock takes a `const Held *`. */
typedef struct {
  Lock *lock;
} Held;
#define autolock __attribute__ ((cleanup (held_release), unused)) Held

void lock_init (Lock *lock);
void lock_clear (Lock *lock);
Held lock_hold (Lock *lock);
/* FALSE when somebody else holds it; then @held releases nothing. */
gboolean lock_try (Lock *lock, Held *held);
void held_release (Held *held);

typedef pthread_cond_t Condition;
#define CONDITION_INIT PTHREAD_COND_INITIALIZER
void condition_wait (Condition *condition, const Held *held);
/* FALSE after @milliseconds without a signal. */
gboolean condition_wait_for (Condition *condition, const Held *held, guint milliseconds);
void condition_signal_all (Condition *condition);

/* A first-in first-out queue of pointers between threads.  queue_pop blocks;
 * it answers NULL once the queue is closed and empty. */
typedef struct Queue Queue;
Queue *queue_new (void);
void queue_free (Queue *queue);
void queue_push (Queue *queue, gpointer item);
gpointer queue_pop (Queue *queue);
/* The same, and NULL with *@closed FALSE after @milliseconds without an item. */
gpointer queue_pop_for (Queue *queue, guint milliseconds, gboolean *closed);
void queue_close (Queue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Queue, queue_free)

/* Starts a thread with every signal blocked; aborts when there can be none. */
pthread_t thread_start (const char *name, void *(*run) (void *), void *data);
void thread_join (pthread_t thread);
