#pragma once
#include "text.h"

/* A picture of a domain and its snapshots at one moment.  Pictures are never
 * changed: a backend makes a new one and puts it in place of the old, so a
 * reader needs a reference, not a lock.  Snapshots that did not change are
 * shared between pictures. */

/* What a backend can do for a domain.  A property of the domain (its disks are
 * raw, say), not of its present state: what is impossible only now fails with
 * BUSY and a sentence that says why. */
typedef enum {
  CAN_CREATE = 1 << 0,
  CAN_DISCARD = 1 << 1,
  CAN_REVERT = 1 << 2,
  CAN_DESCRIBE = 1 << 3,
  CAN_RENAME = 1 << 4,
  CAN_MERGE_PARENT = 1 << 5,
  CAN_MERGE_CHILDREN = 1 << 6,
  CAN_REDEFINE = 1 << 7,
  CAN_CURRENT = 1 << 8, /* make a snapshot current without reverting to it */
  CAN_NO_CURRENT = 1 << 9,
  CAN_HOLD = 1 << 10,
  CAN_PARENT = 1 << 11, /* create under any snapshot */
  CAN_COPY = 1 << 12,   /* create as a copy of a snapshot */
  CAN_SAVE = 1 << 13,   /* revert and keep the present state in one step */
  CAN_COMPRESS = 1 << 14,
  CAN_FORGET = 1 << 15, /* create without a record, discard the record only */
  CAN_LIVE = 1 << 16,   /* save memory while the machine runs */
  CAN_REUSE = 1 << 17,  /* take overlays that are there already */
  CAN_RUN = 1 << 18,    /* start or pause the machine after reverting */
  CAN_RESET_NVRAM = 1 << 19,
  CAN_SECURE = 1 << 20,       /* show a snapshot's XML with its passwords */
  CAN_METHOD = 1 << 21,       /* choose how a disk is snapshotted */
  CAN_DISK = 1 << 22,         /* take a snapshot of one disk alone, beside the tree */
  CAN_DISK_IN_TREE = 1 << 23, /* the same, which then stands in the tree as all others do */
} BackendCan;

/* The words of info's `can` line for @can, separated by spaces.  Free with g_free. */
char *backend_can_words (BackendCan can);

typedef struct {
  char *target;      /* the guest's name for it: "vda" */
  guint64 size;      /* bytes that the guest sees */
  guint64 allocated; /* at most so many bytes are stored for it; 0: unknown */
  gboolean readable; /* open_disk can read it */
  Text *xml;         /* a <disk> element: where its bytes are */
  char *method; /* how it is snapshotted, possible or not, or was; NULL: that cannot be chosen */
} Disk;

/* What stat says of a disk that may change. */
typedef struct {
  guint64 size;      /* bytes that the guest sees */
  guint64 allocated; /* at most so many bytes are stored for it */
  gint64 modified;   /* nanoseconds since the epoch */
} DiskMeasure;

Disk *disk_new (const char *target, guint64 size, const char *xml);
Disk *disk_copy (const Disk *disk);
void disk_free (Disk *disk);

typedef struct {
  gint refs;    /* atomic; the rest never changes once the snapshot is in a picture */
  char *id;     /* unique in the domain for ever: what every call names it by */
  char *mark;   /* a few characters that tell it from others of the same name */
  char *name;   /* what people call it, in the hypervisor's own spelling */
  char *parent; /* id; NULL for a root */
  char *disk;   /* the target of the one disk that it is of, which is then all of `disks`: it stands
                   beside the forest, without parent or children, and is never current; NULL: it
                   is of the domain */
  char *after;  /* of such a one: id of the domain's snapshot that was current when it was taken,
                   which may be gone; NULL: none was */
  gboolean one_disk; /* it stands in the forest like any other, and is of nothing but the one disk
                        in `disks`, which has it among its own as well */
  gboolean replaced; /* of one disk's: what was the disk's file holds the snapshot now, and the
                        machine goes on with another one; FALSE: it was made beside that */
  gint64 created;    /* seconds since the epoch */
  guint32 created_nanoseconds; /* of that second, where it is known */
  gint64 taken;   /* nanoseconds since the epoch: when a merge gave it its disks; 0: as created */
  gint64 changed; /* the same, of the last change of name, description or parent */
  char *state;    /* libvirt's word: "shutoff" */
  char *description; /* NULL: none */
  char *problem;     /* why it is damaged, a sentence; NULL: it is not */
  gboolean external; /* in files of its own, not inside a disk image */
  gboolean metadata; /* there is a record of it beside the data */
  gboolean no_data;  /* a record only: nothing to read and nothing to revert to */
  gboolean held;     /* not to be discarded or merged */
  char *compression; /* "zlib", "zstd": how its images were compressed; NULL: not */
  char *quiesced; /* whether the guest's file systems were at rest: "yes", or "no: " and why; NULL:
                     nobody asked for it, or it is not known */
  BackendCan can; /* narrows the domain's */
  Text *xml;      /* <domainsnapshot>, exactly as the backend gives it; NULL: none */
  Text *domain_xml; /* the domain as it was then; NULL: not kept */
  Text *kept_xml;   /* elements of a redefinition that nothing here understands; NULL: none */
  GPtrArray *disks; /* of Disk */
} Snapshot;

/* Seconds since the epoch.  What time(2) says lags behind it by some milliseconds, so that what is
 * made just now would be a second older than what was made before. */
gint64 seconds_now (void);

/* `taken` of a snapshot that gets other disks now: a second or more after what it was until now,
 * for backup programs compare seconds. */
gint64 snapshot_taken_now (gint64 created, gint64 taken);

/* What @snapshot's texts say has changed since @before (NULL: there was none): notes it as a later
 * second, for that is what backup programs compare.  Only before it is in a picture. */
void snapshot_note_change (Snapshot *snapshot, const Snapshot *before);

/* The target of the one disk that it is of, wherever it stands; NULL: it is of the domain. */
const char *snapshot_single_disk (const Snapshot *snapshot);

/* All fields empty but for the reference and an empty array of disks. */
Snapshot *snapshot_new (const char *id, const char *name);
/* A copy that is in no picture yet, to be changed. */
Snapshot *snapshot_copy (const Snapshot *snapshot);
Snapshot *snapshot_ref (Snapshot *snapshot);
void snapshot_unref (Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Snapshot, snapshot_unref)

typedef struct {
  gint refs; /* atomic; the rest never changes once the picture is published */
  char *name;
  char *uuid;       /* in the usual text form */
  char *current;    /* id of the current snapshot; NULL: none */
  char *problem;    /* why changes are refused, a sentence; NULL: they are not */
  gint64 changed;   /* seconds since the epoch; when the description last changed */
  BackendCan can;   /* for the domain as a whole */
  Text *xml;        /* <domain>; NULL: there is none */
  GPtrArray *disks; /* of Disk */
  GPtrArray *notes; /* of char *: more lines for info, "key: value" */
  struct Forest *forest;
} Domain;

/* A picture without snapshots, to be filled and then sealed. */
Domain *domain_new (const char *name, const char *uuid);

/* Takes ownership of @snapshots (of Snapshot, with snapshot_unref as free
 * function).  Their order is the order of siblings.  A snapshot whose parent
 * is missing, or that descends from itself, becomes a root with a problem
 * noted.  After this the picture may be published and never changes. */
void domain_seal (Domain *domain, GPtrArray *snapshots);

/* The same for one that is as @before was, but for those in @put (of Snapshot), which are new or
 * stand for their ids' earlier ones, and the ids in @gone.  That costs what is in these two and not
 * what is in @before.  @older says as strcmp does which of two siblings comes first, and agrees
 * with the order that @before has.
 *
 * FALSE, and not sealed, where everything has to be looked at: something has or had a problem, or
 * now would have, or is of a single disk. */
gboolean domain_follow (Domain *domain, const Domain *before, const GPtrArray *put,
                        const GPtrArray *gone, GCompareFunc older);

Domain *domain_ref (Domain *domain);
void domain_unref (Domain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Domain, domain_unref)

/* What these return belongs to the picture. */
const Snapshot *domain_snapshot (const Domain *domain, const char *id); /* NULL: not there */

/* The children of @parent (an id; NULL: the roots) in order; of Snapshot; never NULL. */
const GPtrArray *domain_children (const Domain *domain, const char *parent);

/* How many domain_snapshots has. */
guint domain_count (const Domain *domain);

/* Every snapshot, depth first, parents before children; of Snapshot. */
const GPtrArray *domain_snapshots (const Domain *domain);

/* The @nth (from 0) snapshot in depth-first order whose name is @name; NULL: no such. */
const Snapshot *domain_named (const Domain *domain, const char *name, guint nth);

/* Those of one disk alone: all of the disk @target in order, or of each disk (NULL), disk by disk;
 * of Snapshot; never NULL.  The four above have none of them but those with `one_disk`;
 * domain_snapshot has all. */
const GPtrArray *domain_disk_snapshots (const Domain *domain, const char *target);

/* The same as domain_named among those of the disk @target. */
const Snapshot *domain_disk_named (const Domain *domain, const char *target, const char *name,
                                   guint nth);

/* How many in depth-first order before @snapshot have its name; of those of its disk where it
 * stands beside the forest. */
guint domain_namesakes_before (const Domain *domain, const Snapshot *snapshot);

/* How many descend from @snapshot. */
guint domain_descendants (const Domain *domain, const Snapshot *snapshot);

/* Those of @before's domain_snapshots that @after has other ones for, or not at all, or may call
 * otherwise; of Snapshot, borrowed from @before; an array to free.  It costs what differs, but
 * where snapshots share a name, or `can` is another one: then it has all of them. */
GPtrArray *domain_changed (const Domain *before, const Domain *after);
