#pragma once
#include "../job.h"
#include "file-names.h"
#include "places.h"
#include "records.h"

/* The one commit protocol (reference: "prepare, one rename, roll forward").
 *
 * What an operation wants is prepared under names that mean nothing: overlays ".vmsnapfs-UUID.new"
 * and records "*.new".  Writing the journal is the commit point.  Applying it is a list of
 * renames, each skipped when already done, so that it can be killed and repeated at any step; there
 * is nothing to undo on either side of the commit point. */
typedef struct {
  char *directory; /* absolute */
  char *file;      /* the active disk's name in there */
  char *prepared;  /* what takes its place: ".vmsnapfs-UUID.new"; NULL: nothing does, it stays */
  char *freeze;    /* uuid of the image that the active file becomes; NULL: it is dropped */
  guint64 inode;   /* of the active file */
  gint64 modified; /* of the active file: journal_mark */
  guint64 overlay; /* inode of the prepared file */
  char *copy; /* what is frozen in the active file's stead: ".vmsnapfs-UUID.new"; NULL: itself */
  guint64 copied;    /* its inode */
  gboolean raw;      /* what is frozen, or kept aside, is called so */
  RecordImage *back; /* what storage that is not ours brings back to it (bringing.h); NULL: nothing.
                        Then nothing is prepared */
  char *attempt;     /* uuid: of this bringing back; NULL: the same */
  gboolean named;    /* live: the active file was called so before (second-name.h) */
  char *node;        /* live: QEMU's name for the active file; NULL: none */
} JournalDisk;

typedef struct {
  GPtrArray *disks;      /* of JournalDisk */
  GPtrArray *put;        /* of char *: uuids of records to move into place */
  GPtrArray *remove;     /* of char *: uuids of records to remove */
  gboolean together;     /* no active path may lead to an old disk once one leads to a new one */
  gboolean keep_written; /* not on disk: what was written to since is kept aside, not refused */
  gboolean refused;      /* not on disk: that storage refused, and nothing at all has been done */
  Job *job;              /* not on disk, borrowed: is told how far it is; NULL: nobody is */
  /* A live one, of a running machine (live-steps.h): it commits nothing.  QEMU does, and is asked
   * whether it has. */
  char *socket;    /* the machine's, absolute; NULL: the journal is not a live one */
  gboolean resume; /* the guest was running, so it is to go on */
  gint64 process;  /* in which QEMU; 0: not known */
} Journal;

Journal *journal_new (void);
void journal_free (Journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Journal, journal_free)

/* Writes the journal under a name that commits nothing. */
gboolean journal_prepare (int records, const Places *places, const Journal *journal,
                          GError **error);
/* Takes that back. */
void journal_forget (int records);

/* The commit point: durable when it returns TRUE.  @committed: whether the journal may be on disk
 * although it returns FALSE; then nothing prepared may be taken back. */
gboolean journal_commit (int records, gboolean *committed, GError **error);

/* NOT_FOUND: there is none. */
Journal *journal_read (int records, const Places *places, GError **error);

/* Carries out what the journal says and removes it.  QEMU's locks are taken: BUSY when a machine
 * has a disk open.  DAMAGED when a file is not the one that the journal means, or when a disk that
 * would be dropped was written to since. */
gboolean journal_apply (int records, const Places *places, Journal *journal, GError **error);

/* Two parts of that: the records get into place; the journal goes. */
gboolean journal_apply_records (int records, const Journal *journal, GError **error);
gboolean journal_remove (int records, GError **error);

/* Gives up what the journal says, when a disk that would be dropped was written to since and
 * nothing has been replaced yet: then nobody was told of the operation.  DAMAGED otherwise. */
gboolean journal_abandon (int records, const Places *places, const Journal *journal,
                          GError **error);

/* Gives up one that was `refused`. */
gboolean journal_give_up (int records, GError **error);

/* Before a record is prepared: makes durable that the last journal is gone.  One that came back
 * after a power cut would take the new records for its own (btrfs makes a synced new file durable
 * without an unlink before it). */
gboolean journal_settle (int records, GError **error);

/* Whether @name is one of our prepared files in a disk's directory. */
gboolean journal_is_prepared_name (const char *name);

/* A new ".vmsnapfs-UUID.new"; free with g_free. */
char *journal_prepared_name (void);

/* *@mark: another number once the disk was written to, which is open as @fd and has @status: when a
 * file was modified, in nanoseconds; of a block device, device_mark.  Only for that @fd is needed.
 */
struct stat;
gboolean journal_mark (int fd, const struct stat *status, gint64 *mark, GError **error);

/* TRUE when there is a journal, or the note of snapshots that are being taken out of images
 * (inside-pending.h), and when that cannot be found out. */
gboolean journal_exists (int records);

/* fsync of a directory or a file; @what for the sentence. */
gboolean journal_sync (int fd, const char *what, GError **error);
