#pragma once
#include "listing.h"
#include "snapshot.h"

/* Reads the XML of many snapshots, several at a time. */

/* What one reading found; all NULL: the snapshot is gone. */
typedef struct {
  ReadSnapshot *read; /* it is another one than was known, or was not known */
  gboolean same;      /* its XML is the known one's */
} Dump;

/* For each of @list that has TRUE in @wanted.  @known: of const Snapshot, by number; NULL: none.
 * Free with dumps_free. */
Dump *dumps_read (Libvirt *libvirt, virDomainPtr domain, const SnapshotList *list,
                  const gboolean *wanted, const Snapshot *const *known, GError **error);
void dumps_free (Dump *dumps, guint count);
