#pragma once
#include <glib.h>

/* The tree of `vmsnap tree`, read once and then printed one way or another. */

#define TREE_NO_PARENT G_MAXUINT
#define TREE_UNKNOWN G_MAXUINT64

typedef struct {
  guint parent;      /* its index; TREE_NO_PARENT: the directory that was named */
  gboolean last;     /* of its parent's children */
  char *name;        /* as the tree spells it */
  char *marks;       /* "current, held"; "": none */
  char *description; /* its first line, or what is wrong with it; "": none */
  gint64 created;    /* seconds since the epoch; of a snapshot only */
  guint64 stored;    /* bytes; TREE_UNKNOWN: not a snapshot, or no bytes to be had */
  gboolean snapshot;
  gboolean current;
  gboolean damaged;
} TreeNode;

/* Of TreeNode, parents before their children; the first is @path itself.  Free with g_array_unref.
 */
GArray *tree_read (const char *path, GError **error);

void tree_print_text (const GArray *nodes);
void tree_print_dot (const GArray *nodes);

/* "2026-01-31 18:45", in local time, into @text of 32 bytes. */
void tree_format_time (gint64 seconds, char *text);
/* "8.0G", as du -h has it; "-" when unknown; into @text of 16 bytes. */
void tree_format_size (guint64 bytes, char *text);
