#pragma once
#include "../plan.h"

/* The next picture of a domain while it is being made: what is not changed is shared with the one
 * before, which stays as it is.  One thread at a time. */
typedef struct {
  Domain *before;
  GPtrArray *snapshots; /* of Snapshot; NULL where one was removed */
  GHashTable *places;   /* id -> its place in snapshots */
  GPtrArray *disks;     /* of Disk: the machine's own */
  char *current;        /* id; NULL: none */
  Text *xml;            /* <domain> */
  gint64 changed;       /* when that last changed */
} Draft;

/* Nothing is changed yet.  The caller owes draft_clear. */
void draft_begin (Draft *draft, Domain *before);
void draft_clear (Draft *draft);

/* A snapshot of the machine as it is, without a parent and not yet in the draft. */
Snapshot *draft_make_snapshot (const Draft *draft, const char *id, const char *name,
                               gint64 created);

/* The same of its disk @target, which must be there, alone. */
Snapshot *draft_make_disk_snapshot (const Draft *draft, const char *id, const char *name,
                                    const char *target, gint64 created);

/* Takes over @snapshot; behind all others, or in the place of the one with its id. */
void draft_put (Draft *draft, Snapshot *snapshot);

/* The snapshot @id, which must be there, as a copy that may be changed until the next call. */
Snapshot *draft_change (Draft *draft, const char *id);
void draft_remove (Draft *draft, const char *id);
void draft_set_current (Draft *draft, const char *id);

/* Removes, moves and hands over. */
void draft_carry_out (Draft *draft, const Plan *plan);

/* The machine's disks become those of @disks (of Disk); one that is not there stays. */
void draft_use_disks (Draft *draft, const GPtrArray *disks);

/* The picture, sealed, in which the XML of every changed snapshot is written anew. */
Domain *draft_picture (const Draft *draft);
