#pragma once
#include "reader.h"

/* What of the qcow2 image @below is still seen through the qcow2 image @over, which is on top of
 * it: bytes of the disk that @below has, as data or as zeros, and @over has not.  *@seen counts
 * whole clusters of @over, which is what they would take up there; 0: @below is not needed by who
 * reads @over, as far as @below reaches.
 *
 * Both are looked at as their files are, each by itself; @over may be written to meanwhile, as long
 * as nothing that it has goes.  Errors as image_reader_open. */
gboolean covering_count_seen (const ImageOpener *opener, const char *over, const char *below,
                              guint64 *seen, GError **error);
