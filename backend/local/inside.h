#pragma once
#include "../qcow2/snapshots.h"
#include "records.h"
#include "scan.h"

#define INSIDE_ID_PREFIX "i:"

/* One snapshot in one image. */
typedef struct {
  char *id;
  char *path;           /* of the image */
  guint64 image_size;   /* bytes that a guest sees of the image now */
  gboolean readable;    /* the image is not encrypted or the like */
  gboolean ambiguous;   /* another in this image has the same number */
  gboolean behind;      /* another comes before it in this image that has the tag */
  gboolean tag_repeats; /* so has another of this disk the tag; only the first one tells */
  Qcow2Snapshot snapshot;
} Inside;

/* What one disk's images hold. */
typedef struct {
  const LocalDisk *disk;
  GPtrArray *found; /* of Inside */
  GHashTable *tags; /* tag -> the first Inside that has it */
} DiskList;

/* Of DiskList, one for each disk of @domain, in order; @records: NULL is none. */
GPtrArray *inside_disks (const Places *places, const LocalDomain *domain, const Records *records);
