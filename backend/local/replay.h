#pragma once
#include "store.h"

/* Ends what was interrupted in one domain: carries out its journal if it has one, and removes the
 * records that were prepared and not committed.  @records: the descriptor of their directory.
 * The caller holds the domain's `busy`, or nobody else uses the store yet. */
gboolean replay_domain (const Places *places, int records, const char *domain, GError **error);

/* The same for every domain that has records, and the prepared disks, when the store is opened;
 * guests that an interrupted snapshot has left frozen are thawed.
 * What cannot be ended is told in control/error and tried again before the next operation on
 * that domain; only a store that cannot be read at all is an error. */
gboolean replay_store (Store *store, GError **error);
