#pragma once
#include "places.h"

/* The program of a site's own storage, which only who mounts can name: what is in a store may have
 * come from anywhere. */

/* Whether places_hook names a program that may be run: absolute, no symbolic link, executable,
 * root's or ours, writable by nobody else, below no place.  UNSUPPORTED: none is named; DENIED. */
gboolean hook_check (const Places *places, GError **error);

/* From now on, @program (NULL: none) works the storage of @places, with @seconds for each run (0:
 * as many as is usual).  INVALID when it may not be run. */
gboolean hook_use (Places *places, const char *program, guint seconds, GError **error);
