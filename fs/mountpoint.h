#pragma once
#include "options.h"

/* The directory that is mounted on: whether it will do, and starting in the background. */

/* Makes it absolute and refuses one that is no directory or that @store (NULL: there is none) is
 * in, or that is in @store.  Takes a dead mount of ours off it first. */
gboolean mountpoint_prepare (Options *options, const char *store, GError **error);

/* Forks; returns in the child with the descriptor to be written to when the mount is there.  The
 * parent waits until the mount answers and ends the process; the child's failure is its own. */
int mountpoint_fork (const char *mountpoint);
