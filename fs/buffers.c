/* A stack of buffers: the one that was given back last is still in the processor's caches.  There
 * are never more than were in use at one time. */
#include "buffers.h"

#include "../backend/threads.h"

#define PAGE 4096

struct Buffers {
  gsize size;
  Lock lock;
  GPtrArray *idle; /* of char *; protected by lock */
};

static void
free_buffer (gpointer buffer)
{
  g_aligned_free (buffer);
}

Buffers *
buffers_new (gsize size)
{
  Buffers *buffers = g_new0 (Buffers, 1);

  buffers->size = size;
  lock_init (&buffers->lock);
  buffers->idle = g_ptr_array_new ();
  return buffers;
}

void
buffers_free (Buffers *buffers)
{
  g_ptr_array_set_free_func (buffers->idle, free_buffer);
  g_ptr_array_unref (buffers->idle);
  lock_clear (&buffers->lock);
  g_free (buffers);
}

char *
buffers_take (Buffers *buffers)
{
  {
    autolock held = lock_hold (&buffers->lock);

    if (buffers->idle->len > 0)
      return g_ptr_array_remove_index_fast (buffers->idle, buffers->idle->len - 1);
  }
  return g_aligned_alloc (1, buffers->size, PAGE);
}

void
buffers_give (Buffers *buffers, char *buffer)
{
  autolock held = lock_hold (&buffers->lock);

  g_ptr_array_add (buffers->idle, buffer);
}
