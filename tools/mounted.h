#pragma once
#include <glib.h>

/* What vmsnap reads of a mounted tree.  Everything is found from a directory's descriptor on, so
 * that nothing depends on how long a path is. */

typedef enum {
  MOUNTED_TREE,   /* MNT: directories in it are domains */
  MOUNTED_DOMAIN, /* MNT/DOMAIN */
} MountedKind;

/* The descriptor of the directory @path; -1: it is neither, or cannot be opened. */
int mounted_open (const char *path, MountedKind *kind, GError **error);
/* The same, when only a domain will do. */
int mounted_open_domain (const char *path, GError **error);

/* The directories in the directory @name of @at, in the order of the tree: of .snapshots, parents
 * come before their children.  Of char *. */
GPtrArray *mounted_list (int at, const char *name, GError **error);

/* The text of a file; NULL: NOT_FOUND, when it or its directory is gone, or whatever else it is.
 * Free with g_free. */
char *mounted_read (int at, const char *name, gsize *length, GError **error);

/* The value of the first line "@key: value" of an info; NULL: none.  Free with g_free. */
char *mounted_field (const char *info, const char *key);
gboolean mounted_field_is (const char *info, const char *key, const char *value);

/* @text with %XX for the bytes of what would not show or would do something to a terminal; with
 * @ascii for all that is not ASCII, too.  Free with g_free. */
char *mounted_printable (const char *text, gboolean ascii);
