/* Worker threads on a Queue.  They all start at once and sleep when there is
 * nothing to do: starting them on demand saves nothing that can be measured. */
#include "pool.h"

#include "../backend/threads.h"

struct Pool {
  Queue *queue;
  Lock lock;
  Condition idle;
  guint unfinished; /* queued or running; protected by lock */
  guint count;
  pthread_t threads[];
};

static void
note_finished (Pool *pool)
{
  autolock held = lock_hold (&pool->lock);

  if (--pool->unfinished == 0)
    condition_signal_all (&pool->idle);
}

static void *
work (void *data)
{
  Pool *pool = data;
  PoolItem *item;

  while ((item = queue_pop (pool->queue)) != NULL) {
    item->run (item);
    note_finished (pool);
  }
  return NULL;
}

Pool *
pool_new (const char *name, guint threads)
{
  Pool *pool = g_malloc0 (sizeof *pool + threads * sizeof pool->threads[0]);

  pool->queue = queue_new ();
  lock_init (&pool->lock);
  pool->idle = (Condition)CONDITION_INIT;
  pool->count = threads;
  for (guint i = 0; i < threads; i++)
    pool->threads[i] = thread_start (name, work, pool);
  return pool;
}

void
pool_push (Pool *pool, PoolItem *item)
{
  {
    autolock held = lock_hold (&pool->lock);

    pool->unfinished++;
  }
  queue_push (pool->queue, item);
}

gboolean
pool_drain (Pool *pool, guint milliseconds)
{
  gint64 end = g_get_monotonic_time () + (gint64)milliseconds * 1000;
  autolock held = lock_hold (&pool->lock);

  while (pool->unfinished > 0) {
    gint64 left = (end - g_get_monotonic_time ()) / 1000;

    if (left <= 0)
      return FALSE;
    condition_wait_for (&pool->idle, &held, (guint)left);
  }
  return TRUE;
}

void
pool_free (Pool *pool)
{
  queue_close (pool->queue);
  for (guint i = 0; i < pool->count; i++)
    thread_join (pool->threads[i]);
  queue_free (pool->queue);
  lock_clear (&pool->lock);
  g_free (pool);
}
