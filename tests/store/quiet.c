/* Brings a guest's file systems to rest, as a snapshot of a running machine does, and thaws them:
 *
 *   quiet STORE DOMAIN SOCKET [COMMAND]
 *
 * Instead of taking one, a shell runs COMMAND.  It exists to be killed. */
#include "../../backend/local/quiet.h"
#include "../../backend/local/fd.h"
#include <stdio.h>
#include <stdlib.h>

static gboolean
be_quiet (Store *store, const char *domain, const char *socket, const char *command, GError **error)
{
  DomainState *state = store_find (store, domain, error);
  autofd records = -1;
  if (!state)
    return FALSE;
  g_autoptr (LocalDomain) found = state_found (state);
  if (!store_open_records (store, found->uuid, TRUE, &records, error))
    return FALSE;
  Quiet *quiet = quiet_begin (store, state, records, socket, QUIET_LIMIT, error);
  if (!quiet)
    return FALSE;
  gboolean done = !command || system (command) == 0;
  gboolean kept = (done || fail (error, BACKEND_ERROR_FAILED, "%s fails", command)) &&
                  quiet_is_kept (quiet, error);
  return quiet_end (quiet, kept ? error : NULL) && kept;
}

int
main (int argc, char **argv)
{
  const BackendOptions options = { .read_only = FALSE };
  g_autoptr (GError) error = NULL;
  if (argc < 4)
    return 2;
  g_autoptr (Backend) backend = backend_open (argv[1], &options, &error);
  if (backend && be_quiet ((Store *)backend, argv[2], argv[3], argv[4], &error))
    return 0;
  fprintf (stderr, "%s\n", error->message);
  return 1;
}
