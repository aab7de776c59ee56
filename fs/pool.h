#pragma once
#include <glib.h>

/* A few threads that do what is pushed, in order of pushing. */
typedef struct Pool Pool;

/* Embedded first in what is pushed. */
typedef struct PoolItem {
  void (*run) (struct PoolItem *item); /* called once, on one of the threads */
} PoolItem;

Pool *pool_new (const char *name, guint threads);
void pool_push (Pool *pool, PoolItem *item);
/* Waits until nothing is queued or running; FALSE when that takes over @milliseconds. */
gboolean pool_drain (Pool *pool, guint milliseconds);
/* Waits for what was pushed, however long it takes. */
void pool_free (Pool *pool);
