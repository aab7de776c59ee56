#pragma once
#include "qemu.h"

/* What we have made in a running machine, and what of it is left when it is of no use any more. */

/* A node of ours is called "vmsnapfs-…", 25 bytes, with "-b" behind when the image was opened to be
 * read through; the one of its file as it is, with "-f" behind that, and who holds what is replaced
 * by it, with "-o".  QEMU allows 31 bytes. */
#define LIVE_NODE_PREFIX "vmsnapfs-"
#define LIVE_BELOW_SUFFIX "-b"
#define LIVE_FILE_SUFFIX "-f"
#define LIVE_HOLDER_SUFFIX "-o"

/* Ends the jobs that somebody of us has left behind, and removes the nodes of ours that no block
 * device is read through: as long as one is there, QEMU counts it among the readers of what it is
 * on.  Looks at the machine anew. */
gboolean live_clean (Qemu *machine, GError **error);

/* Removes one node.  TRUE as well when QEMU refuses: it is something else by now, or in use. */
gboolean live_clean_node (Qemu *machine, const char *name, GError **error);

/* Removes those of @names, the topmost first, that no block device was read through when the
 * machine was looked at last. */
gboolean live_clean_unread (Qemu *machine, const GPtrArray *names, GError **error);
