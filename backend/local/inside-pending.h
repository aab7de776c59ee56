#pragma once
#include "../job.h"
#include "internal.h"

/* Snapshots that are being taken out of disk images: like a journal, written before the first image
 * is, and gone when all is done; journal_exists tells.  @records: the descriptor of
 * the domain's records. */

/* The commit point, durable when it returns TRUE: from here on the snapshot @id is taken out of the
 * images of @parts (of InternalPart).  *@committed: whether it may be so although it failed. */
gboolean inside_pending_commit (int records, const Places *places, const char *id,
                                const GPtrArray *parts, gboolean *committed, GError **error);
/* Takes that back, before an image was written. */
gboolean inside_pending_forget (int records, GError **error);

/* Carries it out, if there is any.  @repair: what an interruption left in the images, before.
 * *@begun: whether an image may have been written.  QEMU's locks must be free: BUSY when a machine
 * has an image open. */
gboolean inside_pending_finish (int records, const Places *places, gboolean repair, Job *job,
                                gboolean *begun, GError **error);
