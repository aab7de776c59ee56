#pragma once
#include "../model.h"
#include "layout.h"

/* One snapshot as libvirt describes it. */
typedef struct {
  Snapshot *snapshot; /* still without id, mark and parent */
  char *parent;       /* a name; NULL: it is a root */
  Layout *layout;     /* NULL: its XML cannot be read, or it has none */
} ReadSnapshot;

/* From its XML, which is kept byte for byte.  What cannot be read is a problem of the snapshot. */
ReadSnapshot *snapshot_read (const char *name, const char *xml);
void read_snapshot_free (ReadSnapshot *read);

/* The disks in a <domain>; of Disk.  Empty where it cannot be read. */
GPtrArray *snapshot_disks (const char *domain_xml);
