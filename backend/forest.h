#pragma once
#include "model.h"
#include "table.h"

/* The forest of snapshots inside a picture, and a small one (of roots only) for each disk that has
 * snapshots of its own.  Only forest*.c, which make forests and answer what is asked of a picture,
 * look inside. */

/* The snapshots of one parent, or of one name.  Forests share it, so a change is another one. */
typedef struct {
  gint refs;     /* atomic */
  char *key;     /* the parent's id, "" for the roots; or the name */
  GPtrArray *of; /* of Snapshot, borrowed from the forest */
} Group;

/* What only a walk through the whole forest tells: made when it is first asked for. */
typedef struct {
  GPtrArray *snapshots;     /* of Snapshot, depth first */
  GHashTable *places;       /* id -> place in `snapshots`, from 1 */
  guint *descendants;       /* of each, by place from 0 */
  guint *namesakes;         /* before each */
  GHashTable *namesakes_of; /* a name that several have -> those (GPtrArray of Snapshot) in order */
} ForestOrder;

struct Forest {
  Table *by_id;       /* id -> Snapshot */
  Table *children;    /* id of a parent, "" for the roots -> Group, in the order of siblings */
  Table *by_name;     /* name -> Group, in any order */
  guint shared;       /* names that several have */
  gboolean sound;     /* none has a problem, also of those of single disks */
  ForestOrder *order; /* atomic; NULL: not made yet */
  GPtrArray *none;    /* always empty: the children of a leaf */

  /* Empty but in the domain's own forest. */
  GPtrArray *disks;    /* of DiskForest, in the order of their first snapshots */
  GPtrArray *of_disks; /* of Snapshot, borrowed: all of theirs */
};

typedef struct {
  gint refs;          /* atomic */
  const char *target; /* the first snapshot's own */
  struct Forest *forest;
} DiskForest;

#define ROOTS "" /* no id is empty */

struct Forest *forest_new (void);
struct Forest *forest_copy (const struct Forest *forest); /* shares all that is in it */

/* What domain_seal made; freed with the picture.  NULL is ignored. */
void forest_free (struct Forest *forest);

/* Of @snapshots (NULL: none), as domain_seal has it; without any of single disks yet.  @flat: all
 * are roots, whatever their parents are elsewhere. */
struct Forest *forest_grow (const GPtrArray *snapshots, gboolean flat);

/* Puts @snapshot, whose id is not there, before the first of its siblings that is younger (@older
 * answers as strcmp does; NULL: behind all of them), under @parent (an id; NULL: a root). */
void forest_add (struct Forest *forest, Snapshot *snapshot, const char *parent, GCompareFunc older);
/* Its children stay behind, without a parent. */
void forest_remove (struct Forest *forest, const Snapshot *snapshot);

/* As domain_follow has it; NULL: it cannot. */
struct Forest *forest_follow (const struct Forest *before, const GPtrArray *put,
                              const GPtrArray *gone, GCompareFunc older);

const ForestOrder *forest_order (const struct Forest *forest);
void forest_order_free (ForestOrder *order); /* NULL is ignored */

/* The children of @parent, "" for the roots; never NULL. */
const GPtrArray *forest_children (const struct Forest *forest, const char *parent);
/* Those called @name, in any order; never NULL. */
const GPtrArray *forest_named (const struct Forest *forest, const char *name);
