#pragma once
#include "../backend/backend.h"
#include "buffers.h"
#include "node.h"
#include "opened.h"
#include "options.h"
#include "pool.h"
#include <fuse_lowlevel.h>

/* One mounted tree: what every request needs.  Made by main before the first
 * request and never changed while there are any. */
typedef struct {
  const Options *options;
  Backend *backend;
  Nodes *nodes;
  Opened *opened;
  Pool *readers;    /* for what waits for the backend; NULL with -s: the loop's thread waits */
  Pool *storage;    /* for what waits for the bytes of disks; the same */
  Pool *changers;   /* for what changes something; the same */
  Buffers *buffers; /* of RAW_READ_LIMIT bytes */
  struct fuse_session *session;
  double timeout; /* seconds for which the kernel may believe what does not change by itself */
  struct Notifier *notifier; /* tells the kernel what changed; NULL: the backend gives no notices */
  gint64 started;            /* seconds since the epoch */
} Mount;
