#pragma once
#include "disk-reader.h"
#include "error.h"
#include "job.h"
#include "plan.h"
#include "snapshot-description.h"

/* The contract between the filesystem and whatever keeps the snapshots.
 *
 * Every function may be called from any thread, several at a time; a backend
 * does its own locking.  Every function but peek_domain and domain_uuid may block.  A function
 * that can fail ends in GError **error and returns FALSE or NULL exactly when
 * it set it.  What is returned belongs to the caller; what is passed in does
 * not change hands.  Names are the hypervisor's own: escaping is the
 * filesystem's matter.  Domains are named by name, snapshots by id.
 *
 * Of a snapshot of one disk alone (Snapshot.disk), a backend is only asked to create, read, rename,
 * hold, discard (DISCARD_ONE) or merge it (into the children: what is read through it, INVALID
 * where nothing is); all else is refused before. */
typedef struct Backend Backend;

/* From the command line; valid while the backend is open. */
typedef struct {
  gboolean read_only;
  const char *const *allow; /* further directories that disks may be in; NULL: none */
  const char *hook;         /* program that works a site's own storage; NULL: none */
  guint hook_seconds;       /* that one run of it may take; 0: as usual */
  guint poll_seconds;       /* how often a backend without notices asks for changes; 0: never */
} BackendOptions;

/* The flags of virDomainSnapshotCreateXML, but for those that make it redefine. */
typedef enum {
  CREATE_DISK_ONLY = 1 << 0,
  CREATE_QUIESCE = 1 << 1, /* only with DISK_ONLY */
  CREATE_ATOMIC = 1 << 2,
  CREATE_LIVE = 1 << 3,
  CREATE_HALT = 1 << 4,
  CREATE_NO_METADATA = 1 << 5, /* take the data and forget them: no name, not current */
  CREATE_REUSE_EXTERNAL = 1 << 6,
  CREATE_QUIESCE_REQUIRED = 1 << 7, /* only with QUIESCE: rather none than one that is not quiet */
} CreateFlags;

/* What a person asked for.  backend_create checks what can be checked without the backend. */
typedef struct {
  const char *name;        /* NULL: make one up */
  const char *description; /* NULL: none */
  const char *under;       /* id of the snapshot that must be current, "" if there must be none;
                              otherwise NOT_CURRENT.  NULL: whichever is current */
  const char *parent;      /* id of the snapshot to record the present state under; NULL: the
                              current one */
  const char *from;        /* id of a snapshot to copy as its own child, instead of the present
                              state; nothing else changes.  NULL: the present state */
  const char *compression; /* "zlib", "zstd"; NULL: none */
  const char *method;      /* for all disks, this once; NULL: each by its own */
  const char *memory;      /* "no", "internal", "external"; NULL: not said */
  const char *memory_file; /* NULL: not said */
  const GPtrArray *disks;  /* of DiskRequest, for those that are not to be treated as usual; NULL */
  const char *disk;        /* target of the one disk that it is to be of, and so beside the domain's
                              snapshots, or with CAN_DISK_IN_TREE below the current one; not with
                              under, parent, from, disks or memory, and of the flags only with
                              those of quiescing.  NULL: of the domain */
  CreateFlags flags;
} CreateOptions;

/* How metadata are installed; the rules are redefine.h's. */
typedef struct {
  const char *snapshot; /* id of the one whose document it is, which keeps its name; NULL: the one
                           of the document's name, or a new one */
  gboolean current;     /* make it current, too */
  gboolean disk_only;   /* the state must be that of a disk snapshot */
  gboolean careful;     /* INVALID where time or parent of a snapshot with data would change */
} RedefineOptions;

/* How the disks become what they were. */
typedef struct {
  const char *save; /* take a snapshot of this name first, in the same step; NULL: do not */
  gboolean running; /* the state of the machine afterwards, whatever it was then */
  gboolean paused;  /* not both */
  gboolean force;   /* where the backend finds it risky */
  gboolean reset_nvram;
} RevertOptions;

/* Called from a thread of the backend's, perhaps in the middle of an operation, so it notes what it
 * is told and calls no backend.  @domain NULL: domains came or went. */
typedef void (*BackendChanged) (const char *domain, gpointer data);

typedef struct {
  const char *scheme; /* "local", "memory": before the ':' of a URI */
  gboolean whole_uri; /* takes every URI ("qemu:///system") that no other backend knows, as it is */

  /* Required.  open starts no threads: the process may still fork. */
  Backend *(*open) (const char *location, const BackendOptions *options, GError **error);
  void (*close) (Backend *backend);
  GStrv (*list_domains) (Backend *backend, GError **error);
  Domain *(*get_domain) (Backend *backend, const char *name, GError **error);

  /* Optional: the uuid of a domain that was listed, without asking for more; NULL: not at hand. */
  char *(*domain_uuid) (Backend *backend, const char *name);

  /* The picture if it is at hand, else NULL: ask get_domain where waiting is allowed. */
  Domain *(*peek_domain) (Backend *backend, const char *name);

  /* Required where the domain's `can` says so.  Each is all or nothing and durable when it
   * returns TRUE: a picture asked for afterwards shows it. */
  char *(*create) (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
                   GError **error); /* the id; "" with CREATE_NO_METADATA */
  /* Metadata only, no data are touched. */
  char *(*redefine) (Backend *backend, const char *domain, const SnapshotDescription *description,
                     const RedefineOptions *options, Job *job, GError **error); /* the id */
  gboolean (*discard) (Backend *backend, const char *domain, const char *snapshot, DiscardMode mode,
                       Job *job, GError **error);
  gboolean (*merge) (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
                     gboolean force, Job *job, GError **error);
  gboolean (*revert) (Backend *backend, const char *domain, const char *snapshot,
                      const RevertOptions *options, Job *job, GError **error);
  /* @snapshot NULL: none is.  @instead_of: that must be current until then; NULL: whichever. */
  gboolean (*set_current) (Backend *backend, const char *domain, const char *snapshot,
                           const char *instead_of, Job *job, GError **error);
  gboolean (*hold) (Backend *backend, const char *domain, const char *snapshot, gboolean held,
                    Job *job, GError **error);
  gboolean (*describe) (Backend *backend, const char *domain, const char *snapshot,
                        const char *text, Job *job, GError **error); /* "" removes it */
  gboolean (*rename) (Backend *backend, const char *domain, const char *snapshot, const char *name,
                      Job *job, GError **error);

  /* How the disk @target is snapshotted from now on; @method NULL: as its description says, or by
   * default.  INVALID: no method; UNSUPPORTED: not here. */
  gboolean (*set_method) (Backend *backend, const char *domain, const char *target,
                          const char *method, Job *job, GError **error);

  /* Required where a disk says that it is `readable`.  @snapshot NULL: the disk as it is now, which
   * is BUSY while the machine runs and keeps it from being started while the reader is open.  What
   * is read does not change while it is open, whatever becomes of the snapshot. */
  DiskReader *(*open_disk) (Backend *backend, const char *domain, const char *snapshot,
                            const char *target, GError **error);
  /* The disk as it is now, asked of the storage; BUSY while the machine runs. */
  gboolean (*measure_disk) (Backend *backend, const char *domain, const char *target,
                            DiskMeasure *measure, GError **error);

  /* Required where a snapshot can be shown so (CAN_SECURE): its XML with the passwords, not kept.
   */
  Text *(*secure_xml) (Backend *backend, const char *domain, const char *snapshot, GError **error);

  /* Optional: the metadata of domains that are gone, each named by the domain's uuid. */
  GStrv (*list_orphans) (Backend *backend, GError **error);
  Domain *(*get_orphan) (Backend *backend, const char *uuid, GError **error); /* without disks */
  /* Removes the metadata, and the data that only they lead to. */
  gboolean (*drop_orphan) (Backend *backend, const char *uuid, Job *job, GError **error);

  /* Optional; NULL: unknown, always "shutoff", never changes by itself. */
  char *(*run_state) (Backend *backend, const char *domain, GError **error); /* libvirt's word */
  /* Starts threads; called once, before the first request.  After close no more calls come. */
  gboolean (*watch) (Backend *backend, BackendChanged changed, gpointer data, GError **error);
  /* Lines for .vmsnapfs/stats, "key: value"; free with g_free. */
  char *(*stats) (Backend *backend);
  /* The directory that holds everything, so that nobody mounts over it; NULL: there is none. */
  const char *(*directory) (Backend *backend);
} BackendOps;

/* Embedded first in each backend's own struct. */
struct Backend {
  const BackendOps *ops;
  gboolean read_only; /* set by backend_open: whether every change is refused */
};

/* The only callers of the table: each checks that the function is there and
 * the arguments are sane, logs the call, and asserts the contract on the way
 * out: an error is set exactly when the call failed. */

/* @source: a URI, or the path of a directory. */
Backend *backend_open (const char *source, const BackendOptions *options, GError **error);
void backend_close (Backend *backend);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Backend, backend_close)

const char *backend_scheme (const Backend *backend);
const char *backend_directory (Backend *backend);
gboolean backend_can_watch (const Backend *backend);
GStrv backend_list_domains (Backend *backend, GError **error);
char *backend_domain_uuid (Backend *backend, const char *name);
Domain *backend_get_domain (Backend *backend, const char *name, GError **error);
Domain *backend_peek_domain (Backend *backend, const char *name);
char *backend_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
                      GError **error);
char *backend_redefine (Backend *backend, const char *domain,
                        const SnapshotDescription *description, const RedefineOptions *options,
                        Job *job, GError **error);
/* BUSY also while a disk of a snapshot that would go is open for reading. */
gboolean backend_discard (Backend *backend, const char *domain, const char *snapshot,
                          DiscardMode mode, Job *job, GError **error);
/* The same, and of one whose bytes would be replaced. */
gboolean backend_merge (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
                        gboolean force, Job *job, GError **error);
/* @options NULL: none. */
gboolean backend_revert (Backend *backend, const char *domain, const char *snapshot,
                         const RevertOptions *options, Job *job, GError **error);
gboolean backend_set_current (Backend *backend, const char *domain, const char *snapshot,
                              const char *instead_of, Job *job, GError **error);
gboolean backend_hold (Backend *backend, const char *domain, const char *snapshot, gboolean held,
                       Job *job, GError **error);
gboolean backend_describe (Backend *backend, const char *domain, const char *snapshot,
                           const char *text, Job *job, GError **error);
gboolean backend_rename (Backend *backend, const char *domain, const char *snapshot,
                         const char *name, Job *job, GError **error);
gboolean backend_set_method (Backend *backend, const char *domain, const char *target,
                             const char *method, Job *job, GError **error);
/* The snapshot cannot be discarded until the reader is closed (backend_discard is BUSY). */
DiskReader *backend_open_disk (Backend *backend, const char *domain, const char *snapshot,
                               const char *target, GError **error);
gboolean backend_measure_disk (Backend *backend, const char *domain, const char *target,
                               DiskMeasure *measure, GError **error);
/* DENIED when opened read-only, whatever the backend could show. */
Text *backend_secure_xml (Backend *backend, const char *domain, const char *snapshot,
                          GError **error);
/* Empty where the backend keeps none. */
GStrv backend_list_orphans (Backend *backend, GError **error);
Domain *backend_get_orphan (Backend *backend, const char *uuid, GError **error);
gboolean backend_drop_orphan (Backend *backend, const char *uuid, Job *job, GError **error);
char *backend_run_state (Backend *backend, const char *domain, GError **error);
gboolean backend_watch (Backend *backend, BackendChanged changed, gpointer data, GError **error);
char *backend_stats (Backend *backend);
