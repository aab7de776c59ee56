#pragma once
#include "../error.h"

/* What a "memory:?key=value&..." asks for:
 *
 *   snapshots=N            a domain "big" with a balanced tree of N snapshots
 *   fanout=F               of which each has F children (10)
 *   chain=N                a domain "chain", each snapshot the child of the one before
 *   pair=N                 a domain "pair" with two disks, a chain as well
 *   orphans=N              what is left of N domains that are gone
 *   get=MILLISECONDS       the first get of each domain takes that long
 *   delay=OP:MILLISECONDS  OP (create redefine discard merge revert current hold describe rename;
 *                          of disks: open read extent measure) takes that long
 *   fail=OP:CODE[:COUNT]   OP fails with CODE (no-space, busy, failed, damaged ...), the first
 *                          COUNT times
 *
 * Without snapshots=, chain= and pair= there is the demonstration tree. */
typedef enum {
  OP_CREATE,
  OP_REDEFINE,
  OP_DISCARD,
  OP_MERGE,
  OP_REVERT,
  OP_CURRENT,
  OP_HOLD,
  OP_DESCRIBE,
  OP_RENAME,
  OP_OPEN,
  OP_READ,
  OP_EXTENT,
  OP_MEASURE,
  OP_COUNT,
} Operation;

typedef struct {
  gboolean has_tree;
  gboolean has_chain;
  gboolean has_pair;
  guint snapshots;
  guint fanout;
  guint chain;
  guint pair;
  guint orphans;
  guint get;
  struct {
    guint delay;
    BackendError code;
    guint failures; /* how many more times it fails */
  } operations[OP_COUNT];
} Script;

/* @text: what follows the '?'. */
gboolean script_parse (const char *text, Script *script, GError **error);
const char *script_operation_name (Operation operation);
