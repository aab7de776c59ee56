#pragma once
#include "store.h"

/* The bytes of disks; arguments and errors as backend_open_disk and backend_measure_disk. */
DiskReader *disks_open (Store *store, const char *domain, const char *snapshot, const char *target,
                        GError **error);
gboolean disks_measure (Store *store, const char *domain, const char *target, DiskMeasure *measure,
                        GError **error);
