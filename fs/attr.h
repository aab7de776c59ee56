#pragma once
#include "place.h"

/* What stat says about a place.  st_ino is left to the caller, who knows the node. */
gboolean attr_fill (const Place *place, struct stat *stat, GError **error);

/* The time @seconds as DiskMeasure has it, or the nearest that it can have. */
gint64 attr_nanoseconds (gint64 seconds);

/* For how many seconds the kernel may believe it. */
double attr_timeout (const Place *place);

/* The same for a lookup: counts one in the node table. */
gboolean attr_entry (const Place *place, struct fuse_entry_param *entry, GError **error);
