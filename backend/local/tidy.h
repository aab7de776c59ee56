#pragma once
#include "store.h"

/* Afterwards: images that no name needs any more are unlinked, or folded into the only image that
 * reads them.  Every step leaves every byte under every name as it was, so tidying may be killed,
 * put off and repeated.  It runs in a thread of its own, one domain at a time. */

/* Any thread; does nothing on a store opened for reading. */
void tidy_later (Store *store, const char *domain);

/* Later, for every domain in which a fold was interrupted, or an operation that could not be ended
 * yet: at start nobody may ever look at it, and a guest may be waiting. */
void tidy_interrupted (Store *store);

/* Now, and in this thread, which holds the domain's `busy`.  @asked: also what costs more than it
 * is worth by itself. */
void tidy_now (Store *store, DomainState *state, gboolean asked);

/* Makes room for an operation on the domain: stops a tidying of it and waits for its end. */
void tidy_give_way (DomainState *state);

/* The same for who opens images; and none begins before tidy_allow. */
void tidy_keep_off (DomainState *state);
void tidy_allow (DomainState *state);

void tidy_stop (Store *store); /* waits for the thread */

/* Whether an operation on the domain, or a fold in its running machine, was interrupted and could
 * not be ended yet. */
gboolean tidy_is_interrupted (Store *store, DomainState *state);

/* Whether something can be folded in the running machine now. */
gboolean tidy_is_due (Store *store, DomainState *state);

/* Ends an operation that was interrupted, if it can, or tidies one domain now; its `busy` is held.
 * @waited_for: what other storage has is left for later, unless that is much.  Ends the job.  TRUE:
 * somebody had an image open, so it is to be tried again. */
gboolean tidy_images (Store *store, DomainState *state, gboolean waited_for, gboolean asked,
                      Job *job);
