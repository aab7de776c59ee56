#pragma once
#include "listing.h"
#include "places.h"

/* What the directory of images says, before any record of ours is looked at. */
typedef struct {
  char *target;      /* vda */
  char *format;      /* "qcow2" or "raw" */
  char *directory;   /* absolute */
  char *file;        /* its name in there */
  char *xml;         /* its <disk> element */
  char *method;      /* what the description says of how it is snapshotted; NULL: nothing */
  char *beneath;     /* what it says is to be snapshotted instead of the disk; NULL: nothing */
  const char *usual; /* method that goes with what it is on; NULL: with its format */
  guint64 device;    /* number of the block device that it is; 0: it is a file */
} LocalDisk;

typedef struct {
  gint refs; /* atomic; the rest never changes */
  char *name;
  char *uuid;       /* of the description, else UUIDv5 of the name */
  char *xml;        /* <domain>: domain.xml byte for byte, or made for a bare image */
  gint64 changed;   /* seconds since the epoch: when the description did */
  char *problem;    /* why changes are refused; NULL: they are not */
  GPtrArray *files; /* of char *: paths below a place that it names as disks, left out or not */
  gboolean bare;    /* NAME.qcow2 by itself */
  GPtrArray *disks; /* of LocalDisk */
} LocalDomain;

LocalDomain *local_domain_ref (LocalDomain *domain);
void local_domain_unref (LocalDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LocalDomain, local_domain_unref)

char *local_disk_path (const LocalDisk *disk);      /* absolute; free with g_free */
gboolean local_disk_is_raw (const LocalDisk *disk); /* its bytes are the guest's, all of them */
const LocalDisk *local_domain_disk (const LocalDomain *domain, const char *target); /* NULL: none */

/* The one with this uuid among @domains (of LocalDomain); NULL: none. */
const LocalDomain *local_domain_of_uuid (const GPtrArray *domains, const char *uuid);

/* Whether both say the same of the same disks. */
gboolean local_domain_has_same_disks (const LocalDomain *one, const LocalDomain *other);

/* All domains of the store; of LocalDomain, by name; the array unrefs them.  A domain whose
 * description cannot be read is there, with its problem. */
GPtrArray *scan_store (const Places *places, GError **error);

/* The same of the store's own directory as it was just listed. */
GPtrArray *scan_listed (const Places *places, const Listing *listing, GError **error);
Listing *scan_list (const Places *places, Job *job, GError **error);
