#pragma once
#include "../backend.h"
#include "draft.h"

/* The changes, each made to a draft.  They keep nothing and lock nothing; after a failure the draft
 * is of no use. */

/* edit.c: what one snapshot says, and which is current */
gboolean edit_redefine (Draft *draft, const SnapshotDescription *description,
                        const RedefineOptions *options, char **id, GError **error);
gboolean edit_set_current (Draft *draft, const char *snapshot, const char *instead_of,
                           GError **error);
gboolean edit_hold (Draft *draft, const char *snapshot, gboolean held, GError **error);
gboolean edit_describe (Draft *draft, const char *snapshot, const char *text, GError **error);
gboolean edit_rename (Draft *draft, const char *snapshot, const char *name, GError **error);

/* edit-tree.c: which snapshots there are, and what the machine's disks hold */
gboolean edit_create (Draft *draft, const CreateOptions *options, char **id, GError **error);
gboolean edit_discard (Draft *draft, const char *snapshot, DiscardMode mode, GError **error);
gboolean edit_merge (Draft *draft, const char *snapshot, MergeInto into, gboolean force,
                     GError **error);
gboolean edit_revert (Draft *draft, const char *snapshot, const RevertOptions *options,
                      GError **error);
gboolean edit_write (Draft *draft, const char *target, guint number, GError **error);
