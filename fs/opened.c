/* A list of open files and directories.  Adding and taking out touch two
 * neighbours; it is only searched where everything else has failed. */
#include "opened.h"

#include "../backend/threads.h"

struct Opened {
  Lock lock;
  OpenThing ends; /* of a ring; protected by lock */
};

Opened *
opened_new (void)
{
  Opened *opened = g_new0 (Opened, 1);

  lock_init (&opened->lock);
  opened->ends.before = opened->ends.after = &opened->ends;
  return opened;
}

void
opened_add (Opened *opened, OpenThing *thing, void (*free) (OpenThing *thing))
{
  autolock held = lock_hold (&opened->lock);

  thing->opened = opened;
  thing->free = free;
  thing->before = &opened->ends;
  thing->after = opened->ends.after;
  thing->after->before = thing;
  opened->ends.after = thing;
}

static void
take_out (OpenThing *thing)
{
  autolock held = lock_hold (&thing->opened->lock);

  thing->before->after = thing->after;
  thing->after->before = thing->before;
}

gboolean
opened_ask (Opened *opened, gboolean (*ask) (OpenThing *thing, gpointer data), gpointer data)
{
  autolock held = lock_hold (&opened->lock);

  for (OpenThing *thing = opened->ends.after; thing != &opened->ends; thing = thing->after)
    if (ask (thing, data))
      return TRUE;
  return FALSE;
}

void
opened_release (guint64 handle)
{
  OpenThing *thing = (OpenThing *)(guintptr)handle;

  take_out (thing);
  thing->free (thing);
}

void
opened_free (Opened *opened)
{
  while (opened->ends.after != &opened->ends)
    opened_release ((guintptr)opened->ends.after);
  lock_clear (&opened->lock);
  g_free (opened);
}
