#pragma once
#include "places.h"

/* Whether qemu-img may open the image @file in @directory (absolute) together with all that is
 * behind it.  Every layer must be a regular file below one of the places, named by a plain path,
 * with its format said; no loops, at most CHAIN_LONGEST layers, no external data, no encryption.
 * Otherwise UNSUPPORTED, DENIED or DAMAGED with a sentence that names the layer. */
#define CHAIN_LONGEST 1024
gboolean chain_check (const Places *places, const char *directory, const char *file,
                      GError **error);
