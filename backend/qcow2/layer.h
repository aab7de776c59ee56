#pragma once
#include "image.h"

/* One image of a chain, as one disk reads it: at a snapshot or as it is. */
typedef struct {
  Image *image;
  guint64 size;  /* bytes that the guest saw */
  Qcow2Table l1; /* of a qcow2 image */
} Layer;

typedef enum {
  RUN_UNALLOCATED, /* the layer behind says what is there */
  RUN_ZERO,
  RUN_DATA,
  RUN_COMPRESSED, /* within one cluster */
} RunKind;

/* Bytes of the disk that are alike and, as data, stand in one piece in the file. */
typedef struct {
  RunKind kind;
  guint64 length; /* at least 1 */
  guint64 host;   /* offset in the file of the first byte, or of the compressed cluster */
  guint32 stored; /* bytes of the compressed cluster in the file, at most */
  guint32 skip;   /* where in the decompressed cluster the run begins */
} Run;

/* What the layer has at @offset, up to @length bytes; both are within the layer.  FALSE without an
 * error: it would have to wait. */
gboolean layer_run (const Layer *layer, guint64 offset, guint64 length, gboolean wait, Run *run,
                    GError **error);
