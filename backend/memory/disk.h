#pragma once
#include "../backend.h"
#include "follow.h"

/* The disks of domains in memory.  Their bytes are computed from the file that the disk's XML
 * names, its target and the offset: a mebibyte of data at the beginning of each gibibyte, and
 * zeros.  So no file is ever written: a disk whose bytes change gets another file, and two that
 * share one hold the same. */

/* @content: what tells its file from the disk's others; NULL: nothing. */
Disk *memory_disk_new (const char *domain, const char *target, guint64 size, const char *content);

GPtrArray *memory_disks_new (void); /* frees its disks */
GPtrArray *memory_disks_copy (const GPtrArray *disks);
/* The <domain> with these disks. */
Text *memory_disks_domain (const char *name, const char *uuid, const GPtrArray *disks);

/* NOT_FOUND.  @snapshot NULL: the disk as it is now.  @course outlives the reader. */
DiskReader *memory_disk_open (const Domain *picture, const char *snapshot, const char *target,
                              Course *course, GError **error);
gboolean memory_disk_measure (const Domain *picture, const char *target, Course *course,
                              DiskMeasure *measure, GError **error);
