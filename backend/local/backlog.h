#pragma once
#include "records.h"
#include "scan.h"

/* Images that lose their names faster than they are tidied away. */
typedef struct {
  guint here;      /* images without a name, but for those that are elsewhere */
  guint behind;    /* those of them that disks are read through */
  guint elsewhere; /* of storage whose commands come to an end by themselves */
} Backlog;

Backlog backlog_of (const Places *places, const LocalDomain *found, const Records *records);

/* Whether other storage may be asked to remove this image while an operation waits. */
gboolean backlog_may_wait_for (const RecordImage *image);

/* Those elsewhere make no chain longer, and take a while: whoever helps leaves them unless they are
 * so many that they would only become more. */
gboolean backlog_is_due_elsewhere (const Records *records, const Backlog *left);

/* Whether whoever makes more of them must help first.  A chain must not grow; what no disk is read
 * through can wait until there is enough of it: that is unlinked at the price of one.  @left: what
 * the last tidying had to leave. */
gboolean backlog_is_due (const Places *places, const LocalDomain *found, const Records *records,
                         const Backlog *left);
