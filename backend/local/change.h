#pragma once
#include "child.h"
#include "journal.h"
#include "qemu.h"
#include "store.h"

/* One operation on a domain, from its checks to its end:
 *
 *   change_begin            nobody else changes the domain; its records are in order
 *   change_open_disks       the disks can be changed now; no machine can start from here on
 *   change_overlay, …       what will take the disks' places is prepared; a disk that nothing is
 *                           prepared for stays
 *   change_commit           all or nothing, durable
 *   change_end              takes back what was prepared and not committed
 */
typedef struct {
  const LocalDisk *disk;       /* belongs to the change's `found` */
  int directory;               /* descriptors; -1: none */
  int active;                  /* holds QEMU's locks */
  int prepared;                /* the same, once it is made */
  guint64 inode;               /* of the active file */
  guint64 prepared_size;       /* bytes that it shall see afterwards */
  guint64 size;                /* bytes that the guest sees */
  gboolean has_snapshots;      /* inside the active image */
  const struct Method *method; /* by which its present state is frozen; NULL: it is not */
  Child *child;                /* the qemu-img that makes the overlay; NULL: none yet */
  guint deadline;              /* seconds that it has */
  char *overlay;               /* name of the prepared file; NULL: none, or none yet */
  char *freeze;                /* uuid that the active image gets; NULL: it is dropped */
  guint64 behind;              /* inode of the overlay's backing file; 0: it is not there yet */
  char *backing;               /* name of that file; NULL: none */
  char *copy;             /* name of the prepared file that is frozen instead of it; NULL: none */
  int copied;             /* the same, opened; -1 */
  Child *copying;         /* the qemu-img that makes it; NULL: none */
  RecordImage *elsewhere; /* what its state becomes in storage that is not ours; the record's own;
                             NULL: it does not */
  RecordImage *brought_back; /* what that storage is to bring back to it; NULL: nothing */
  char *second; /* uuid in the active file's second name (second-name.h); NULL: it has none */
} ChangeDisk;

typedef struct {
  Store *store;
  DomainState *state;
  Held busy;
  Job *job;           /* borrowed */
  LocalDomain *found; /* as the change began */
  Records *records;   /* as they will be; NULL once they are that */
  GPtrArray *disks;   /* of ChangeDisk */
  GPtrArray *put;     /* of Record: new or changed ones */
  GPtrArray *remove;  /* of char *: uuids */
  gboolean head;      /* the head changes too */
  guint untidy;       /* images without a name, once it is committed or given up */
  gboolean together;  /* see Journal */
  Qemu *machine;      /* that runs, and takes part; NULL: the domain is shut off */
  char *socket;       /* its, absolute */
  gboolean quiesce;   /* its guest is asked to be at rest while the disks are taken, */
  gboolean must_rest; /* and nothing is done where it is not */
  gint64 until;       /* microseconds of g_get_monotonic_time: so long it can be paused, and is for
                         the disks that are taken now; 0: there is none */
  char *restless;     /* why it was not; NULL: it was, or is not asked */
  Journal *journal;   /* as it was prepared; NULL: not yet, or none is needed */
  int fd;             /* the records' directory; -1 until something is written */
} Change;

/* NOT_FOUND, BUSY, DAMAGED.  Replays an interrupted operation first. */
Change *change_begin (Store *store, const char *domain, Job *job, GError **error);
void change_end (Change *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Change, change_end)

/* Checks every disk on the disk (store.md, section 4) and takes QEMU's locks.  @left_out: of
 * char *, targets of disks that are no part of it; NULL: none. */
gboolean change_open_disks (Change *change, const GPtrArray *left_out, GError **error);

/* The directory that the change is written in, made if need be; done by change_commit, and before
 * anything is prepared elsewhere: only a store with records is cleaned after a crash. */
gboolean change_open_records (Change *change, GError **error);

/* Begins to prepare an empty overlay on the image @backing (a bare name), as large as @size bytes.
 */
gboolean change_overlay (Change *change, ChangeDisk *disk, const char *backing, guint64 size,
                         GError **error);

/* Begins to prepare a whole copy of the snapshot @id inside the image @file of the same directory.
 */
gboolean change_copy_internal (Change *change, ChangeDisk *disk, const char *file, const char *id,
                               guint64 size, GError **error);

/* Begins to prepare a compressed copy of the active image, by "zlib" or "zstd", which will be
 * frozen in its place.  UNSUPPORTED when snapshots are inside that. */
gboolean change_compress (Change *change, ChangeDisk *disk, const char *method, GError **error);

/* Nobody else needs the active images: no image is based on them, no other domain has them as a
 * disk. BUSY.  It takes a while in a large store, so change_commit asks while overlays are made. */
gboolean change_check_references (const Change *change, GError **error);

/* Waits until all that was begun is prepared; done by change_commit. */
gboolean change_finish_prepared (const Change *change, GError **error);

/* The active image gets a uuid and is kept, itself or its `copy`. */
void change_freeze (ChangeDisk *disk);

/* What will be written besides the disks; in memory until the commit. */
void change_put (Change *change, Record *record); /* takes a reference */
void change_remove (Change *change, const char *uuid);
void change_current (Change *change, const char *id); /* NULL: none */

gboolean change_commit (Change *change, GError **error);

/* After that, in the same operation: what is put, removed or made current from here on is committed
 * by another change_commit.  It is of the records alone, and a machine has no part in it. */
gboolean change_again (Change *change, GError **error);

/* Writes the head alone into the directory @records, in one step and durably. */
gboolean commit_head (int records, const Records *head, GError **error);

/* After the commit: helps tidying when images lose their names faster than it works. */
void change_catch_up (Change *change);
