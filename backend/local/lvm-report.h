#pragma once
#include "../error.h"

/* What `lvs --reportformat json` says of volumes. */
typedef struct {
  char *group;
  char *name;
  char *uuid;        /* as of Volume */
  char *origin;      /* that it is a snapshot of; "": of none */
  char *origin_uuid; /* without hyphens */
  char **tags;
  gboolean thin;     /* it is in a pool, and so are snapshots of it */
  gboolean snapshot; /* it has a store of its own for what changes in its origin, */
  gboolean invalid;  /* which was full once: then its bytes are gone */
  gboolean active;   /* it has a device */
  guint64 size;      /* bytes; of a snapshot that has a store: of that */
  guint64 chunk;     /* bytes; of what is kept at once there */
} LvmVolume;

/* The argument that asks for all that. */
#define LVM_FIELDS                                                                                 \
  "vg_name,vg_uuid,lv_name,lv_uuid,origin,origin_uuid,lv_tags,lv_attr,lv_size,chunk_size"

/* Of LvmVolume, freed with the array; NULL with FAILED: @text is no such report. */
GPtrArray *lvm_report_read (const char *text, GError **error);

/* Whether a snapshot that has a store of its own can keep all of an origin of @size bytes, and so
 * is never lost by what is written there. */
gboolean lvm_holds_all (const LvmVolume *snapshot, guint64 size);
