#pragma once
#include "error.h"

#define DESCRIPTION_LIMIT (64 * 1024) /* bytes of a snapshot's description */

/* What a <domainsnapshot> document says, as anybody may have written it: libvirt's elements and
 * those of the first proposal (<creationdate>, <compression>, upper-case states).  What of it
 * counts depends on what it is for; see CreateOptions and backend_redefine. */

/* What a person wants of one disk in a snapshot: virsh's --diskspec, or a <disk> of the document.
 */
typedef struct {
  char *name;     /* its target, or the path of its source */
  char *snapshot; /* no internal external manual; NULL: not said */
  char *driver;   /* format of the overlay; NULL: not said */
  char *type;     /* file, block; NULL: not said */
  char *file;     /* where the overlay is to be; NULL: not said */
} DiskRequest;
void disk_request_free (DiskRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DiskRequest, disk_request_free)

typedef struct {
  char *name; /* each NULL: not said */
  char *description;
  char *state;       /* in lower case; "off" is shutoff; maybe no word of libvirt's */
  char *parent;      /* a name */
  char *compression; /* "zlib" for "gzip", else as it stands there; "" for an empty element */
  gint64 created;    /* seconds since the epoch; -1: not said, or not to be understood */
  GError *wrong;     /* the first problem with what only a redefinition reads: state, time, domain
                        and kept_xml, which may say nothing then; NULL: none */
  char *uuid;        /* the domain's, in the usual text form if it is one */
  char *domain_xml;  /* the whole <domain>; NULL when it only has a uuid */
  char *memory;      /* <memory snapshot=''>; "external" where only a file is given */
  char *memory_file;
  GPtrArray *disks; /* of DiskRequest, each with a name; NULL: there is no <disks> */
  char *disks_xml;  /* the <disks> element; NULL: none */
  char *kept_xml;   /* <memory>, <inactiveDomain>, <cookie>, <revertDisks>; NULL: none */
} SnapshotDescription;

/* INVALID: it is no <domainsnapshot>, or an element that counts for a new snapshot is not what it
 * must be or there twice.  Names and descriptions are not judged here. */
SnapshotDescription *snapshot_description_parse (const char *text, gsize length, GError **error);
void snapshot_description_free (SnapshotDescription *description);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SnapshotDescription, snapshot_description_free)

/* Whether @text is valid against libvirt's domainsnapshot.rng; INVALID with the first thing that
 * is not, UNSUPPORTED where the schema is not installed. */
gboolean snapshot_description_validate (const char *text, gsize length, GError **error);
