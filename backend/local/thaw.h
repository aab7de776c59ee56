#pragma once
#include "agent.h"
#include "store.h"

/* Thawing guests: after a snapshot, and whatever has come between. */

/* Thaws until the agent at @socket says that it is so, or until @deadline (microseconds of
 * g_get_monotonic_time), or nobody is there: NOT_FOUND.  *@agent: a connection to it that is tried
 * first; NULL: none.  It is closed. */
gboolean thaw_persistently (Agent **agent, const char *socket, gint64 deadline, GError **error);

/* Lets go on and thaws, once, what the notes beside the @records say may be paused or frozen, and
 * removes those.  A guest whose machine is off is neither.  @found: its domain; NULL: that is gone.
 * TRUE: nothing is left to do.  The caller holds the domain's `thawing`, or nobody else uses the
 * store yet. */
gboolean thaw_left_over (const Places *places, int records, const LocalDomain *found,
                         gint64 deadline, GError **error);

/* Tries that again in a thread of its own, until it is done; control/error and info say why it is
 * not.  Any thread.  @uuid: of the domain, there or gone. */
void thaw_later (Store *store, const char *uuid);

/* Later, for every domain that has a note; called when threads may be started. */
void thaw_interrupted (Store *store);

/* What has come of it, in control/error (once) and info; @error NULL: it is thawed. */
void thaw_tell (Store *store, DomainState *state, const GError *error);

void thaw_stop (Store *store); /* waits for the thread */
