#pragma once
#include "../error.h"

/* Files that share their bytes with others until one of them is written to. */

/* Makes the empty file @to (open for writing) a clone of @from; UNSUPPORTED where the file system
 * has none. */
gboolean clone_file (int from, int to, GError **error);

/* The same in pieces, for a guest that stands still meanwhile: BUSY when it is not done at
 * @deadline (microseconds of g_get_monotonic_time).  A file of many extents takes long. */
gboolean clone_file_until (int from, int to, gint64 deadline, GError **error);

/* Whether files can be clones of one another in @directory (a descriptor), also where only trying
 * can tell (the disk is full, say); leaves no trace. */
gboolean clone_is_possible (int directory);
