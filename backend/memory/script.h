#pragma once
#include "../error.h"

/* What a "memory:?key=value&..." asks for:
 *
 *   snapshots=N            a domain "big" with a balanced tree of N snapshots
 *   fanout=F               of which each has F children (10)
 *   chain=N                a domain "chain", each snapshot the child of the one before
 *   get=MILLISECONDS       the first get of each domain takes that long
 *   delay=OP:MILLISECONDS  OP (create discard revert describe rename; of disks: open read extent
 *                          measure) takes that long
 *   fail=OP:CODE[:COUNT]   OP fails with CODE (no-space, busy, failed, damaged ...), the first
 * COUNT times
 *
 * Without snapshots= and chain= there is the demonstration tree. */
typedef enum {
  OP_CREATE,
  OP_DISCARD,
  OP_REVERT,
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
  guint snapshots;
  guint fanout;
  guint chain;
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
