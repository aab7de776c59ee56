#pragma once
#include "../backend.h"
#include "follow.h"

/* The disks of domains in memory.  Their bytes are computed from the domain, the snapshot, the
 * target and the offset: a mebibyte of data at the beginning of each gibibyte, and zeros. */

/* Bytes of data on a disk of @size bytes. */
guint64 memory_disk_allocated (guint64 size);

/* NOT_FOUND.  @snapshot NULL: the disk as it is now.  @course outlives the reader. */
DiskReader *memory_disk_open (const Domain *picture, const char *snapshot, const char *target,
                              Course *course, GError **error);
gboolean memory_disk_measure (const Domain *picture, const char *target, Course *course,
                              DiskMeasure *measure, GError **error);
