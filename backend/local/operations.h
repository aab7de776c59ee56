#pragma once
#include "store.h"

/* What the contract's changing functions do on the local store (store.md, section 4).  Each
 * refuses before anything is written, and is all or nothing over all disks of the domain.
 *
 *   create   the new record, current; each disk is frozen as its image, by the disk's own method
 *            (method.h).  From a snapshot: a second name of the same images
 *   revert   what the method of each image makes of it takes the disk's place; the old disk is
 *            dropped, or kept without a name when snapshots are inside it.  Saving: a new record
 *            besides, and the old disks frozen as its images
 *   discard, merge   only records: those that go, those that move up, and the parent that takes
 *            the images of what is merged
 *   all others   one record, or the head
 */

/* take.c, revert.c */
char *operation_create (Store *store, const char *domain, const CreateOptions *options, Job *job,
                        GError **error);
gboolean operation_revert (Store *store, const char *domain, const char *snapshot,
                           const RevertOptions *options, Job *job, GError **error);

/* rearrange.c: only names change */
gboolean operation_discard (Store *store, const char *domain, const char *snapshot,
                            DiscardMode mode, Job *job, GError **error);
gboolean operation_merge (Store *store, const char *domain, const char *snapshot, MergeInto into,
                          gboolean force, Job *job, GError **error);

/* edit.c: what one record says, and which is current */
char *operation_redefine (Store *store, const char *domain, const SnapshotDescription *description,
                          const RedefineOptions *options, Job *job, GError **error);
gboolean operation_set_current (Store *store, const char *domain, const char *snapshot,
                                const char *instead_of, Job *job, GError **error);
gboolean operation_hold (Store *store, const char *domain, const char *snapshot, gboolean held,
                         Job *job, GError **error);
gboolean operation_set_method (Store *store, const char *domain, const char *target,
                               const char *method, Job *job, GError **error);
gboolean operation_describe (Store *store, const char *domain, const char *snapshot,
                             const char *text, Job *job, GError **error);
gboolean operation_rename (Store *store, const char *domain, const char *snapshot, const char *name,
                           Job *job, GError **error);
