#pragma once
#include "error.h"
#include "model.h"

/* What an operation does to the tree of names, and when it is refused (design, section 3): the one
 * home of these rules for every backend that keeps a tree of its own.  A plan is made of a picture
 * and changes nothing; whoever carries it out makes it again while nobody else can change the
 * domain. */

/* Which snapshots go. */
typedef enum {
  DISCARD_ONE,           /* which must not have children */
  DISCARD_KEEP_CHILDREN, /* they move up to its parent */
  DISCARD_DESCENDANTS,   /* and the snapshot itself */
  DISCARD_CHILDREN_ONLY, /* all descendants, and not the snapshot itself */
  DISCARD_METADATA_ONLY, /* forgotten as with keep-children, the data stay where they are */
} DiscardMode;

/* Where what a snapshot holds goes. */
typedef enum { MERGE_INTO_PARENT, MERGE_INTO_CHILDREN } MergeInto;

typedef struct {
  const Snapshot *snapshot;
  const char *parent; /* id of its new parent; NULL: it becomes a root */
} PlanMove;

/* Everything in it belongs to the picture that it was made of. */
typedef struct {
  GPtrArray *removed;    /* of const Snapshot: children before their parents */
  GArray *moves;         /* of PlanMove */
  const Snapshot *takes; /* its bytes become those of `from`, which is removed; NULL: none */
  const Snapshot *from;
  const char *current; /* id of what is current afterwards; NULL: none */
} Plan;

void plan_free (Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Plan, plan_free)

/* NOT_FOUND, NOT_EMPTY, BUSY when a snapshot that goes or is replaced is held, INVALID.  One of a
 * disk alone goes alone, and is merged into the children, which are whatever is read through it;
 * all else is UNSUPPORTED for it. */
Plan *plan_discard (const Domain *domain, const char *snapshot, DiscardMode mode, GError **error);

/* @force: the siblings of one that is merged into the parent are discarded, with their
 * descendants; without it that is NOT_EMPTY. */
Plan *plan_merge (const Domain *domain, const char *snapshot, MergeInto into, gboolean force,
                  GError **error);

/* FALSE with UNSUPPORTED when @snapshot is of one disk alone, which cannot @verb ("be reverted
 * to").
 */
gboolean plan_check_of_domain (const Snapshot *snapshot, const char *verb, GError **error);

/* Whether @snapshot (an id; NULL: none) may become current, and @instead_of (NULL: whichever it is)
 * is that now.  NOT_FOUND, INVALID, UNSUPPORTED. */
gboolean plan_check_current (const Domain *domain, const char *snapshot, const char *instead_of,
                             GError **error);
