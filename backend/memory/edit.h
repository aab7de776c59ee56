#pragma once
#include "../backend.h"

/* The changes, as functions from one picture of a domain to the next.  They keep nothing, lock
 * nothing and share with @before every snapshot that stays as it was.  NULL on error. */
Domain *edit_create (const Domain *before, const CreateOptions *options, char **id, GError **error);
Domain *edit_discard (const Domain *before, const char *id, GError **error);
Domain *edit_revert (const Domain *before, const char *id, GError **error);
Domain *edit_describe (const Domain *before, const char *id, const char *text, GError **error);
Domain *edit_rename (const Domain *before, const char *id, const char *name, GError **error);

/* A snapshot of the present state of @domain, without a parent and not yet in it. */
Snapshot *edit_make_snapshot (const Domain *domain, const char *id, const char *name,
                              gint64 created);

/* Writes the snapshot's XML anew; @parent: its parent's name or NULL. */
void edit_write_xml (Snapshot *snapshot, const char *parent, const char *uuid);
