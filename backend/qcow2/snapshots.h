#pragma once
#include "header.h"

/* A snapshot inside an image, as its table lists it. */
typedef struct {
  char *id;                    /* QEMU's; unique in a sound image */
  char *tag;                   /* any bytes, perhaps empty, perhaps not unique */
  gint64 created;              /* seconds since the epoch */
  guint32 created_nanoseconds; /* of that second */
  guint64 vm_state_size;       /* bytes of memory; 0: none */
  guint64 disk_size;           /* bytes that the guest saw */
  Qcow2Table l1;               /* as the image says it: not checked (qcow2_check_l1) */
} Qcow2Snapshot;

/* Of Qcow2Snapshot, in the order of the table; the array frees them.  @fd and errors as for the
 * header. */
GPtrArray *qcow2_snapshots_read (int fd, const Qcow2Header *header, GError **error);
