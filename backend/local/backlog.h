#pragma once
#include "records.h"
#include "scan.h"

/* Images that lose their names faster than they are tidied away. */
typedef struct {
  guint here;   /* images without a name, but for those that are elsewhere: they make no chain
                   longer, and may take long */
  guint behind; /* those of them that disks are read through */
} Backlog;

Backlog backlog_of (const Places *places, const LocalDomain *found, const Records *records);

/* Whether whoever makes more of them must help first.  A chain must not grow; what no disk is read
 * through can wait until there is enough of it: that is unlinked at the price of one.  @left: what
 * the last tidying had to leave. */
gboolean backlog_is_due (const Places *places, const LocalDomain *found, const Records *records,
                         const Backlog *left);
