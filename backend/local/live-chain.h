#pragma once
#include "live-steps.h"

/* The chain of images that a running machine reads a disk through. */

/* Whether it costs QEMU too much to describe what @top is read through: an image that was put below
 * another while the machine ran is spelled with all that is behind it, in the description of each
 * image above it. */
gboolean live_chain_is_spelled (const QemuLayer *top);

/* Whether QEMU opens the same files as it has open now, and as the same formats, when it opens
 * @frozen (the image of @layer, a name beside the disk) and goes by what the headers say. */
gboolean live_chain_is_of_headers (const LiveTake *take, const LiveDisk *disk,
                                   const QemuLayer *layer);
