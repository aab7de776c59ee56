#pragma once
#include "journal.h"
#include "qemu.h"

/* A snapshot of a running machine, step by step (store.md, section 8).  Each step is skipped where
 * it is done already, so that a replay takes them again.
 *
 *   names     the active file F gets the name that it is frozen under, and the overlay X the name
 *             that it will be frozen under one day; QEMU opens both by these, which stay true
 *   nodes     X is added to QEMU, attached to nothing
 *   attach    while the guest is paused: X goes on top of F, on all disks or on none.  The commit
 *             point
 *   paths     X takes the active path; until then the guest must not write
 *   settle    QEMU has F open by its frozen name, read-only ("-b"); while that is exchanged,
 * another node ("-o") holds what was there.  Of a long chain F is opened anew, with all that is
 *             behind it (live-chain.h)
 *   records   F loses its write bits, the records get into place, the journal goes
 */
typedef struct {
  const JournalDisk *journal;
  int directory;
  char *spelled; /* the directory's path */
  char *frozen;  /* names in it: of F, */
  char *overlay; /* of X */
  char *node;    /* names in QEMU: of X, */
  char *below;   /* of F when it is opened by its frozen name */
} LiveDisk;

typedef struct {
  const Places *places;
  const Journal *journal;
  Qemu *machine; /* borrowed; NULL: it has ended */
  int records;   /* borrowed */
  GArray *disks; /* of LiveDisk */
} LiveTake;

/* DAMAGED when the journal is not of a live snapshot. */
gboolean live_take_open (LiveTake *take, const Places *places, int records, const Journal *journal,
                         GError **error);
void live_take_close (LiveTake *take);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LiveTake, live_take_close)

/* What is at a name in a disk's directory. */
typedef enum { LIVE_ABSENT, LIVE_OLD, LIVE_OVERLAY, LIVE_FOREIGN } LiveWhat;
gboolean live_look (const LiveDisk *disk, const char *name, LiveWhat *what, GError **error);

/* The block device's topmost image, if that is the file beside the disk that has @inode; else
 * NULL. */
const QemuLayer *live_top (const LiveTake *take, const LiveDisk *disk, guint64 inode);

/* Whether the overlay holds something of a guest's. */
gboolean live_is_written (const LiveDisk *disk);

/* The steps until the overlays are attached. */
gboolean live_names (const LiveTake *take, GError **error);
gboolean live_nodes (const LiveTake *take, GError **error);
gboolean live_pause (const LiveTake *take, GError **error);
gboolean live_attach (const LiveTake *take, GError **error);

/* The steps from there.  Resuming does nothing when another QEMU than the one that was paused is at
 * the other end. */
gboolean live_paths (const LiveTake *take, GError **error);
gboolean live_resume (const LiveTake *take, GError **error);
gboolean live_settle (const LiveTake *take, GError **error);
gboolean live_records (const LiveTake *take, GError **error);

/* The way back, while no overlay is attached: nothing is left of it.  An overlay that was written
 * to is kept. */
gboolean live_back (const LiveTake *take, GError **error);

/* Each disk stays as its active path is.  A frozen image that an overlay is read through becomes an
 * unnamed one. */
gboolean live_give_up (const LiveTake *take, GError **error);
