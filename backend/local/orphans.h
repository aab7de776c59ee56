#pragma once
#include "store.h"

/* Metadata whose domain is gone: the records in .vmsnapfs/UUID while no domain of the store has
 * this uuid.  They are the contract's list_orphans, get_orphan and drop_orphan. */

GStrv orphans_list (Store *store, GError **error);

/* By the name that its domain had; its snapshots have no disks and nothing can be done with them.
 * NOT_FOUND also when the domain is there. */
Domain *orphans_get (Store *store, const char *uuid, GError **error);

/* Removes the records and those of their images that nothing reads and no other record names.  It
 * may be cancelled or killed at any step: then it is still listed, and can be dropped again.
 * BUSY when the domain is back. */
gboolean orphans_drop (Store *store, const char *uuid, Job *job, GError **error);
