/* Asking a running machine's guest to be at rest for its snapshot. */
#include "rest.h"

static Quiet *
begin (const Change *change, GError **error)
{
  g_autofree char *socket = NULL;
  if (!qemu_find_socket (change->store->places, change->found, "qga", &socket, error))
    return NULL;
  if (socket)
    return quiet_begin (change->store, change->state, change->fd, socket, QUIET_LIMIT, error);
  fail (error, BACKEND_ERROR_NOT_FOUND, "there is no socket of a guest agent");
  return NULL;
}

gboolean
rest_begin (Change *change, Quiet **quiet, GError **error)
{
  g_autoptr (GError) why = NULL;
  *quiet = change->quiesce ? begin (change, &why) : NULL;
  if (!why)
    return TRUE;
  change->restless = g_strdup (why->message);
  return !change->must_rest ||
         fail (error, BACKEND_ERROR_BUSY, "the guest is not at rest: %s", change->restless);
}

void
rest_end (Change *change, Quiet **quiet)
{
  g_autoptr (GError) why = NULL;
  if (*quiet && !quiet_end (g_steal_pointer (quiet), &why) && !change->restless)
    change->restless = g_strdup (why->message);
}
