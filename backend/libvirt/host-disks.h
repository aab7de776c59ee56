#pragma once
#include "own.h"

/* The bytes of disks, where this host has their files. */

/* Says of each disk of @snapshot, which is in no picture yet, whether it can be read and its size.
 * @layout is the snapshot's; NULL where it has no disks. */
void host_disks_show (const HostFiles *files, const Layout *layout, Snapshot *snapshot);
/* The same of the machine's own. */
void host_disks_show_live (const HostFiles *files, Domain *domain);

/* BackendOps.open_disk and measure_disk. */
DiskReader *host_disks_open (Backend *backend, const char *domain, const char *snapshot,
                             const char *target, GError **error);
gboolean host_disks_measure (Backend *backend, const char *domain, const char *target,
                             DiskMeasure *measure, GError **error);
