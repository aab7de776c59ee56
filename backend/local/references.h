#pragma once
#include "scan.h"

/* Who reads whom: which images of the whole store have a file as their backing file.  Answered
 * from image headers on disk, never from records. */

/* The names of the images, in the same directory or in any other that @domains have disks in,
 * whose backing file is the file @file in @directory (absolute).  Compared by device and inode,
 * however the name is spelled; a backing name that is no plain path (json:, nbd:, …) counts when it
 * contains @file. Prepared files (*.new, *.t) do not count.  An image that cannot be parsed is an
 * error (DAMAGED): then nobody knows, and nothing may be unlinked or folded. Of char * (absolute
 * paths). */
GPtrArray *references_to (const Places *places, const GPtrArray *domains, const char *directory,
                          const char *file, GError **error);
