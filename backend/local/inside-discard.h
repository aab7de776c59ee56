#pragma once
#include "change.h"

/* Discards the snapshot @id inside the active images of @change, which has begun and has opened no
 * disk yet.  BUSY when the image that holds it is not active any more or has a dependent;
 * UNSUPPORTED when QEMU cannot tell it from another of the same tag. */
gboolean internal_discard (Change *change, const char *id, GError **error);
