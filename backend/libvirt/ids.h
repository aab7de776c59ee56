#pragma once
#include <glib.h>

/* Who a snapshot is.  libvirt has only names, which are given again after a snapshot is gone, so an
 * id is a uuid made of the domain, the name and the creation time: the same after a remount.  Not
 * thread-safe. */
typedef struct Ids Ids;

Ids *ids_new (void);
void ids_free (Ids *ids);

/* The id of the snapshot @name that was created at @created; never that of one that is gone.
 * @number: how many of its name were seen before in the same listing.  Free with g_free. */
char *ids_get (Ids *ids, const char *domain_uuid, const char *name, guint number, gint64 created);

/* A redefinition of ours may have changed its time: in the next listing it stays who it is. */
void ids_expect_change (Ids *ids, const char *id);

/* At the end of a listing: forgets who is not among @there (a set of char *), but never gives their
 * ids again. */
void ids_keep_only (Ids *ids, GHashTable *there);
