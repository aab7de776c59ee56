#pragma once
#include "places.h"

/* Whether the qcow2 image @file in @directory and all that is behind it may be opened by a program
 * that follows backing files: each a plain file below a place, with its format said; no loops, not
 * too many layers, no external data, no encryption. */
gboolean chain_check (const Places *places, const char *directory, const char *file,
                      GError **error);
