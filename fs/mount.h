#pragma once
#include "../backend/backend.h"
#include "buffers.h"
#include "node.h"
#include "opened.h"
#include "options.h"
#include "pool.h"
#include <fuse_lowlevel.h>

/* What a request may have to wait for.  Each has workers of its own, so that nobody waits behind
 * who waits for something slower. */
typedef enum {
  WAIT_FOR_NOTHING,
  WAIT_TO_READ,     /* the backend's pictures */
  WAIT_TO_MEASURE,  /* what the storage says of a disk */
  WAIT_FOR_STORAGE, /* the bytes of a disk */
  WAIT_TO_CHANGE,
  WAIT_KINDS,
} WaitFor;

/* One mounted tree: what every request needs.  Made by main before the first
 * request and never changed while there are any. */
typedef struct {
  const Options *options;
  Backend *backend;
  Nodes *nodes;
  Opened *opened;
  Pool *pools[WAIT_KINDS]; /* by what is waited for; NULL with -s: the loop's thread waits */
  Buffers *buffers;        /* of RAW_READ_LIMIT bytes */
  struct fuse_session *session;
  double timeout; /* seconds for which the kernel may believe what does not change by itself */
  struct Notifier *notifier; /* tells the kernel what changed; NULL: the backend gives no notices */
  gint64 started;            /* seconds since the epoch */
} Mount;
