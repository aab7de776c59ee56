#pragma once
#include "../backend/model.h"

/* What the kernel knows: the table of nodes.
 *
 * A node is named by what it is about, never by a path: the domain, the
 * snapshot's id, the kind of file, the disk.  Its number is a 64-bit hash of
 * that, so it is the same after a remount, and a snapshot that moves up a level
 * keeps its own.  Two counts are kept apart: `lookups` is the kernel's (it ends
 * with FORGET), `refs` is ours (a request or an open file that uses the node).
 * Any thread may call any of these. */
typedef struct Nodes Nodes;
typedef struct NodeKind NodeKind;

/* A domain as nodes name it.  Made once for each name and uuid, and kept until the end: there are
 * few, and so a node is small. */
typedef struct {
  char *name;
  char *uuid;
  GPtrArray *shown; /* of Domain: pictures from which the kernel was told something since the last
                       nodes_take_shown; protected by the table's lock */
  gint changing;    /* atomic: requests that hold one of its directories; see notify.h */
} Owner;

/* What a node is about; the strings are borrowed. */
typedef struct {
  const NodeKind *kind;
  Owner *owner;         /* NULL above the domains */
  const char *snapshot; /* id; NULL above the snapshots */
  const char *member;   /* the disk, for one; NULL: none */
  gboolean flat;        /* a directory reached through .snapshots: a node of its own */
} Identity;

typedef struct {
  guint64 number;  /* first: the table's key */
  guint64 lookups; /* the kernel's; protected by the table's lock */
  Identity about;  /* its strings stand in `text` */
  gint refs;       /* atomic */
  char text[];
} Node;

Nodes *nodes_new (const NodeKind *root);
void nodes_free (Nodes *nodes);

/* The node with this number, with a reference; NULL: the kernel does not know it. */
Node *nodes_find (Nodes *nodes, guint64 number);
Node *node_ref (Node *node);
void node_unref (Node *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Node, node_unref)

/* Counts one more lookup by the kernel and returns the number. */
guint64 nodes_enter (Nodes *nodes, const Identity *about);
void nodes_forget (Nodes *nodes, guint64 number, guint64 lookups);

/* The number that it has, or would get. */
guint64 nodes_number (Nodes *nodes, const Identity *about);
/* The number, or 0 when the kernel does not know it. */
guint64 nodes_known (Nodes *nodes, const Identity *about);
guint nodes_count (Nodes *nodes);

Owner *nodes_owner (Nodes *nodes, const char *name, const char *uuid);
/* Every owner called @name (NULL: all).  Free the array. */
GPtrArray *nodes_owners (Nodes *nodes, const char *name);

/* Notes that the kernel is told something from @picture. */
void nodes_show (Nodes *nodes, Owner *owner, Domain *picture);
/* Whether that is still noted, so that the next nodes_take_shown will return it. */
gboolean nodes_shows (Nodes *nodes, const Owner *owner, const Domain *picture);
/* The pictures noted but @now (NULL: there is none), which alone stays noted. */
GPtrArray *nodes_take_shown (Nodes *nodes, Owner *owner, Domain *now);
