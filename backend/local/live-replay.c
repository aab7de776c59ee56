/* What becomes of a snapshot of a running machine that was interrupted.
 *
 *   QEMU has the overlays attached, on all disks      forward
 *   QEMU has none attached                            back
 *   it has ended, and an active path leads to one     forward: attaching came before that
 *   it has ended, and none does                       back: the guest was paused, and none of its
 *                                                     writes is in an overlay
 *   it has ended, and there is something in one       forward: somebody else has let the guest go
 * on a machine was started in the middle of the        given up: its disks are of two moments, and
 *   renames, on an overlay and on an old disk         each goes on as it is
 *
 * An answer counts only from a machine that has the very files open. */
#include "live-replay.h"
#include "../qcow2/header.h"
#include "fd.h"
#include "live-steps.h"
#include "locks.h"
#include <fcntl.h>

typedef enum { UNDECIDED, FORWARD, BACK, GIVE_UP } Direction;

typedef struct {
  guint attached;  /* disks whose block device has the overlay */
  guint old;       /* whose has the active file */
  guint moved;     /* whose active path leads to the overlay */
  guint written;   /* whose overlay holds something of a guest's */
  guint apart;     /* whose path and block device are of two minds */
  guint back;      /* of which nothing is left already */
  gint64 replaced; /* nanoseconds: when the last path was moved; 0: none was */
  gint64 changed;  /* the same: when a file whose path was not moved was last written to */
} Seen;

/* ---- the files ---- */

static gint64
moment (const struct timespec *time)
{
  return (gint64)time->tv_sec * G_GINT64_CONSTANT (1000000000) + time->tv_nsec;
}

/* To lose its path is the last thing that happens to a frozen file; an overlay that has one may
 * have been written to since. */
static void
note_moments (const LiveDisk *disk, LiveWhat path, Seen *seen)
{
  struct stat status;
  const char *name = path == LIVE_OVERLAY ? disk->frozen : disk->journal->file;
  if (fstatat (disk->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return;
  if (path == LIVE_OVERLAY)
    seen->replaced = MAX (seen->replaced, moment (&status.st_ctim));
  else
    seen->changed = MAX (seen->changed, moment (&status.st_mtim));
}

static gboolean
look_at_paths (const LiveTake *take, Seen *seen, GError **error)
{
  for (guint i = 0; i < take->disks->len; i++) {
    const LiveDisk *disk = &g_array_index (take->disks, LiveDisk, i);
    LiveWhat path, overlay;
    if (!live_look (disk, disk->journal->file, &path, error) ||
        !live_look (disk, disk->overlay, &overlay, error))
      return FALSE;
    seen->moved += path == LIVE_OVERLAY;
    seen->back += path == LIVE_OLD && overlay == LIVE_ABSENT;
    seen->written += live_is_written (disk);
    note_moments (disk, path, seen);
  }
  return TRUE;
}

static int
open_name (const LiveDisk *disk, const char *name)
{
  return openat (disk->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* Nobody may start a machine while it is decided by the files.  *@locked: descriptors, to be closed
 * at the end; FALSE: a machine runs. */
static gboolean
keep_machines_out (const LiveTake *take, GArray *locked, GError **error)
{
  for (guint i = 0; i < take->disks->len; i++) {
    const LiveDisk *disk = &g_array_index (take->disks, LiveDisk, i);
    const char *const names[] = { disk->journal->file, disk->frozen, disk->overlay };
    for (guint j = 0; j < G_N_ELEMENTS (names); j++) {
      int fd = open_name (disk, names[j]);
      if (fd < 0)
        continue; /* it is looked at later */
      g_array_append_val (locked, fd);
      if (!locks_exclude_writers (fd, names[j], error))
        return FALSE;
    }
  }
  return TRUE;
}

/* ---- the machine ---- */

static void
look_at_machine (const LiveTake *take, Seen *seen)
{
  for (guint i = 0; i < take->disks->len; i++) {
    const LiveDisk *disk = &g_array_index (take->disks, LiveDisk, i);
    LiveWhat path;
    if (!live_look (disk, disk->journal->file, &path, NULL))
      continue;
    gboolean attached = live_top (take, disk, disk->journal->overlay) != NULL;
    gboolean old = live_top (take, disk, disk->journal->inode) != NULL;
    seen->attached += attached;
    seen->old += old;
    seen->apart += (path == LIVE_OVERLAY && !attached) || (path == LIVE_OLD && !old);
  }
}

static Direction
decide_by_machine (const LiveTake *take, const Seen *seen)
{
  if (seen->attached == take->disks->len)
    return FORWARD;
  if (seen->apart > 0)
    return UNDECIDED;
  return seen->moved == 0 ? BACK : GIVE_UP;
}

static Direction
decide_by_files (const Seen *seen)
{
  if (seen->moved > 0 && (seen->back > 0 || (seen->replaced > 0 && seen->changed > seen->replaced)))
    return GIVE_UP;
  return seen->moved > 0 || seen->written > 0 ? FORWARD : BACK;
}

/* ---- going ---- */

static gboolean
go (const LiveTake *take, Direction direction, gboolean *taken, GError **error)
{
  *taken = direction == FORWARD;
  if (direction == BACK)
    return live_back (take, error);
  if (direction == GIVE_UP)
    return live_give_up (take, error);
  return live_paths (take, error) && live_resume (take, error) && live_settle (take, error) &&
         live_records (take, error);
}

static gboolean
replay_with_machine (const LiveTake *take, gboolean *taken, GError **error)
{
  Seen seen = { 0 };
  if (!look_at_paths (take, &seen, error))
    return FALSE;
  look_at_machine (take, &seen);
  Direction direction = decide_by_machine (take, &seen);
  return direction == UNDECIDED
             ? fail (error, BACKEND_ERROR_BUSY,
                     "a snapshot was interrupted, and the machine has other disks open than it was "
                     "of: switch it off")
             : go (take, direction, taken, error);
}

static gboolean
replay_without_machine (const LiveTake *take, gboolean *taken, GError **error)
{
  Seen seen = { 0 };
  return look_at_paths (take, &seen, error) && go (take, decide_by_files (&seen), taken, error);
}

static void
close_all (GArray *locked)
{
  for (guint i = 0; i < locked->len; i++)
    close (g_array_index (locked, int, i));
  g_array_unref (locked);
}

gboolean
live_replay (const Places *places, int records, const Journal *journal, gboolean *taken,
             GError **error)
{
  g_auto (LiveTake) take = { 0 };
  g_autoptr (GError) silent = NULL;
  if (!live_take_open (&take, places, records, journal, error))
    return FALSE;
  GArray *locked = g_array_new (FALSE, FALSE, sizeof (int));
  gboolean ended = keep_machines_out (&take, locked, NULL);
  gboolean done = ended && replay_without_machine (&take, taken, error);
  close_all (locked);
  if (ended)
    return done;
  g_autoptr (Qemu) machine = qemu_open (places, journal->socket, &silent);
  if (!machine)
    return fail (error, BACKEND_ERROR_BUSY,
                 "a snapshot was interrupted, and the machine cannot be asked how far it came: %s",
                 silent->message);
  take.machine = machine;
  return replay_with_machine (&take, taken, error);
}
