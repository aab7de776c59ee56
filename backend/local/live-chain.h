#pragma once
#include "live-steps.h"

/* The chain of images that a running machine reads a disk through. */

/* Whether it costs QEMU too much to describe what @top is read through: an image that was put below
 * another while the machine ran is spelled with all that is behind it, in the description of each
 * image above it. */
gboolean live_chain_is_spelled (const QemuLayer *top);

/* Whether QEMU has the same open when it opens the frozen image of @disk, which @layer is, by what
 * the headers say.  Only of images that are all ours: an owner may call another file as he called
 * his, and may have options of his own for it. */
gboolean live_chain_is_ours (const LiveTake *take, const LiveDisk *disk, const QemuLayer *layer);
