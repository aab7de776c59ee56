#pragma once
#include "own.h"

/* The snapshots of a domain as libvirt lists them at one moment. */
typedef struct {
  GPtrArray *names;     /* of char *; a name may be there more than once */
  GPtrArray *handles;   /* of virDomainSnapshotPtr, in the same order; NULL: not looked up yet */
  char *current;        /* a name; NULL: none */
  gboolean has_records; /* libvirt keeps metadata of its own of them */
} SnapshotList;

SnapshotList *snapshot_list (Libvirt *libvirt, virDomainPtr domain, GError **error);
void snapshot_list_free (SnapshotList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SnapshotList, snapshot_list_free)

/* The XML of the snapshot with this number; NULL: libvirt's last error says why.  Free with free.
 * Several threads may ask at a time, each for another one. */
char *snapshot_list_dump (const SnapshotList *list, virDomainPtr domain, guint number);
