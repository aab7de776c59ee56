#pragma once
#include "journal.h"

/* Ends a snapshot of a running machine that was interrupted, as far as it came: QEMU is asked what
 * it has attached, and where it has ended the files tell.  *@taken: the snapshot is there; else
 * nothing is left of it.  In both cases the journal is gone and the guest runs, if it did.  On
 * FALSE that is not decided.
 *
 * BUSY when the machine runs and cannot be asked, DAMAGED when a file is not the one that the
 * journal means: then the journal stays. */
gboolean live_replay (const Places *places, int records, const Journal *journal, gboolean *taken,
                      GError **error);
