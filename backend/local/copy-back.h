#pragma once
#include "../job.h"

/* Bringing a disk back where it is, from a snapshot that is read beside it.  What takes the disk
 * itself back (lvconvert --merge, zfs rollback) would use up the snapshot, or take other snapshots
 * and other disks along. */

/* Makes the bytes of @to those of @from, both open for reading, @to for writing as well, of @size
 * bytes each; and makes that durable.  Only what differs is written, so it can be interrupted and
 * done again.  Nobody else may write to @to meanwhile.  *@touched: something may have been written.
 * @job: is told how far it is; NULL: nobody is. */
gboolean copy_back (int from, int to, guint64 size, Job *job, gboolean *touched, GError **error);
