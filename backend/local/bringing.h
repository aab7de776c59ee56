#pragma once
#include "applying.h"

/* Disks that storage which is not ours brings back (elsewhere.h), as part of a journal.
 *
 * That writes over a disk in its place, in a time that nobody knows.  So files beside the journal
 * say how far it came, "back-ATTEMPT.begun.t" and "back-ATTEMPT.done.t": what was begun is done
 * again until it is done, and then never again, for a machine may have written since.
 *
 * Between the storage's end and what is durable there is time for a daemon to die in, so
 * "back-ATTEMPT.ended.t" says in which run of the host that end was: as long as that lasts, all
 * that was written is there. */

typedef enum { BRINGING_NOT_BEGUN, BRINGING_BEGUN, BRINGING_DONE } Bringing;

/* How far it came; FALSE: that cannot be found out. */
gboolean bringing_look (int records, const JournalDisk *disk, Bringing *bringing, GError **error);

gboolean bringing_any (const Journal *journal);

/* After an interruption: BUSY where a block device is mounted meanwhile, part of another volume,
 * or written to. */
gboolean bringing_check_free (const Places *places, const Journal *journal, GError **error);

/* Does what is not done.  It comes before anything else of a journal, so that storage which
 * refuses can still be the end of the operation: then the journal is `refused`. */
gboolean bringing_do (int records, const Places *places, Journal *journal, const GArray *disks,
                      GError **error);

/* Once the journal is gone, durably. */
void bringing_forget (int records, const Journal *journal);
