#pragma once
#include <glib.h>

/* A few threads that do what is pushed, in order of pushing. */
typedef struct Pool Pool;

/* @run is called with each item, on one of @threads threads. */
Pool *pool_new (const char *name, guint threads, void (*run) (gpointer item));
void pool_push (Pool *pool, gpointer item);
/* Waits until nothing is queued or running; FALSE when that takes over @milliseconds. */
gboolean pool_drain (Pool *pool, guint milliseconds);
/* Waits for what was pushed, however long it takes. */
void pool_free (Pool *pool);
