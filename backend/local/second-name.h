#pragma once
#include "records.h"
#include "scan.h"
#include <sys/stat.h>

/* A running machine's QEMU opens an overlay of ours by the name that the overlay has once it is
 * frozen, because that one stays true; the active path is another link to it.  That second name is
 * of no use when the machine is off. */

/* Its uuid, for the active file in @directory that @file is of; NULL: it has none.  An image that
 * @records know, or that is frozen, is no second name.  Free with g_free. */
char *second_name_find (int directory, const struct stat *file, const Records *records);

/* Takes it away; the file stays under its other name. */
gboolean second_name_drop (int directory, const char *uuid, GError **error);

/* Whether a disk of @found may have one. */
gboolean second_names_may_be (const Places *places, const LocalDomain *found);

/* Does so for every disk of @found that nobody uses; TRUE: some are in use and keep theirs. */
gboolean second_names_tidy (const Places *places, const LocalDomain *found, const Records *records);
