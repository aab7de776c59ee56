#pragma once
#include "store.h"

/* A guest's file systems at rest, for as long as it takes to take a snapshot of its disks:
 *
 *   Quiet *quiet = quiet_begin (store, state, records, socket, QUIET_LIMIT, &error);
 *   …                      what takes the snapshot, before quiet_deadline
 *   if (quiet_is_kept (quiet, &error))
 *     …                    the last moment at which nothing has to be taken back
 *   kept = quiet_end (quiet, &error);
 *
 * They are thawed whatever happens: at quiet_end, at the deadline by a thread of its own (whoever
 * takes the snapshot may hang), by later attempts where the agent does not answer (thaw.h), and
 * when the daemon has died by the next one that opens the store, for which there is a note beside
 * the records from before they are frozen until they are thawed. */
typedef struct Quiet Quiet;

#define QUIET_LIMIT                                                                                \
  10000 /* milliseconds: services in the guest begin to fail after some ten seconds */

/* Freezes.  @records: descriptor of the records' directory (store_open_records), borrowed; @socket:
 * the agent's, absolute; @limit: milliseconds that the file systems may be frozen at most.  The
 * same thread ends it.  Errors, with everything as it was, or being made so:
 *
 *   NOT_FOUND     there is no socket, or nobody listens there
 *   UNREACHABLE   the agent does not answer in time
 *   UNSUPPORTED   it cannot freeze, or has nothing to freeze
 *   BUSY          somebody else has frozen them, and may thaw them at any time
 *   FAILED        it could not */
Quiet *quiet_begin (Store *store, DomainState *state, int records, const char *socket, guint limit,
                    GError **error);

/* In microseconds of g_get_monotonic_time. */
gint64 quiet_deadline (const Quiet *quiet);

/* FALSE: the deadline has passed. */
gboolean quiet_is_kept (Quiet *quiet, GError **error);

/* Thaws, which takes seconds where the agent has stopped to answer.  TRUE: the file systems were at
 * rest until now, as far as the agent can be believed.  In both cases the guest is thawed or will
 * be: what stands against that is told in control/error. */
gboolean quiet_end (Quiet *quiet, GError **error);
