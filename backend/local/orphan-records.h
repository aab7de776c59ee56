#pragma once
#include "store.h"

/* Where records are whose domain is gone: ".vmsnapfs/UUID", or ".vmsnapfs/UUID.dropped" once they
 * are being dropped. */

/* .vmsnapfs; *@any FALSE: nothing was ever recorded here. */
gboolean orphan_open_all (const Store *store, int *all, gboolean *any, GError **error);

/* A directory in there; -1 and errno. */
int orphan_open (int all, const char *name);

/* The records of a domain that is gone, or what is half dropped of one that is back; -1 with an
 * error, NOT_FOUND too. */
int orphan_find (Store *store, const char *uuid, GError **error);

char *orphan_dropped_name (const char *uuid); /* free with g_free */

/* The uuid that a directory in there is of; NULL: it is none of records.  Free with g_free. */
char *orphan_uuid (const char *name);

/* Whether a domain of @found (of LocalDomain) has the uuid. */
gboolean orphan_has_domain (const GPtrArray *found, const char *uuid);

/* The name that the domain had, as the head in the directory @fd (borrowed) says; its uuid where it
 * does not.  Free with g_free. */
char *orphan_name (int fd, const char *uuid);
