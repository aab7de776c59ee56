#pragma once
#include "store.h"

/* What the contract's changing functions do on the local store (store.md, section 4).  Each
 * refuses before anything is written, and is all or nothing over all disks of the domain.
 *
 *                 records                            active disk
 *   create        + the new one, current             frozen as the new one's image; an overlay on
 * it … from        + the new one                      as it was discard       - those that go,
 * others move up    as it was merge         the same; the parent takes images  as it was revert
 * current                            an overlay on the snapshot's image; the old one is dropped, or
 * kept without a name when snapshots are inside it … save        + the saved one, current frozen as
 * the saved one's image; the same all others    one record, or current             as it was
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
gboolean operation_describe (Store *store, const char *domain, const char *snapshot,
                             const char *text, Job *job, GError **error);
gboolean operation_rename (Store *store, const char *domain, const char *snapshot, const char *name,
                           Job *job, GError **error);
