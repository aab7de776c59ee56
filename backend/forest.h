#pragma once
#include "model.h"

/* The forest of snapshots inside a picture, and a small one (of roots only) for each disk that has
 * snapshots of its own.  Only forest.c, which answers what is asked of a picture, and what makes
 * forests look inside. */

typedef struct Entry Entry;
struct Entry {
  Snapshot *snapshot;  /* owned */
  GPtrArray *children; /* of Snapshot, borrowed; NULL: none */
  guint descendants;
  guint namesakes_before;
  Entry *next_named; /* the next of the same name in depth-first order */
  Entry *parent;
  Entry *first_child;
  Entry *last_child;
  Entry *next_sibling;
  guint walk; /* number of the search for cycles that met it; 0: none yet */
};

struct Forest {
  Entry *entries;
  guint length;
  GHashTable *by_id;    /* id -> Entry */
  GHashTable *by_name;  /* name -> the first Entry of that name */
  GPtrArray *roots;     /* of Snapshot */
  GPtrArray *snapshots; /* of Snapshot, depth first */
  GPtrArray *none;      /* always empty: the children of a leaf */

  /* Empty but in the domain's own forest. */
  GPtrArray *disks;    /* of DiskForest, in the order of their first snapshots */
  GPtrArray *of_disks; /* of Snapshot: all of theirs */
};

typedef struct {
  const char *target; /* the first snapshot's own */
  struct Forest *forest;
} DiskForest;

/* Of @snapshots (NULL: none), as domain_seal has it; without any of single disks yet.  @flat: all
 * are roots, whatever their parents are elsewhere. */
struct Forest *forest_grow (const GPtrArray *snapshots, gboolean flat);

/* What domain_seal made; freed with the picture.  NULL is ignored. */
void forest_free (struct Forest *forest);
