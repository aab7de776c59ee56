#pragma once
#include "records.h"
#include "scan.h"

/* The records in @fd, with images where they are now: when a domain's directory was renamed, its
 * frozen images went along, and are beside the disks although the records say where they were. */
Records *moved_records_read (const Places *places, int fd, const LocalDomain *found,
                             GError **error);
