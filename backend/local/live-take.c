/* Taking a snapshot of a running machine. */
#include "live-take.h"
#include "fd.h"
#include "live-replay.h"
#include "live-steps.h"
#include "locks.h"
#include "method.h"
#include "picture.h"
#include "quiet.h"
#include <fcntl.h>
#include <string.h>

/* ---- the machine ---- */

static gboolean
has_disk (const Places *places, const Qemu *machine, const LocalDisk *disk)
{
  struct stat status;
  g_autofree char *path = local_disk_path (disk);
  autofd fd = places_open_path (places, path, O_PATH | O_NOFOLLOW, NULL);
  return fd >= 0 && fstat (fd, &status) == 0 &&
         qemu_top (machine, status.st_dev, status.st_ino) != NULL &&
         qemu_has_open (machine, &status);
}

/* A machine that waits for what it was elsewhere (-incoming) has its disks open without a lock, and
 * would write to what is frozen or dropped as soon as it has come. */
gboolean
live_check_is_off (const Change *change, GError **error)
{
  const Places *places = change->store->places;
  g_autofree char *socket = NULL;
  g_autoptr (Qemu) machine =
      qemu_find_socket (places, change->found, "qmp", &socket, NULL) && socket
          ? qemu_open (places, socket, NULL)
          : NULL;
  for (guint i = 0; machine && i < change->found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (change->found->disks, i);
    if (has_disk (places, machine, disk))
      return fail (error, BACKEND_ERROR_BUSY,
                   "the machine has %s open and holds no lock of it (it is in the state %.40s)",
                   disk->file, machine->status);
  }
  return TRUE;
}

gboolean
live_meet (Change *change, GError **error)
{
  const Places *places = change->store->places;
  g_autofree char *state = picture_run_state (places, change->found, error);
  if (!state)
    return FALSE;
  if (g_str_equal (state, "shutoff"))
    return live_check_is_off (change, error);
  if (!qemu_find_socket (places, change->found, "qmp", &change->socket, error))
    return FALSE;
  if (!change->socket) /* the locks will say that it is in use */
    return TRUE;
  change->machine = qemu_open (places, change->socket, error);
  return change->machine != NULL;
}

static gboolean
check_status (const Qemu *machine, GError **error)
{
  static const char *const takes[] = { "running", "paused", "prelaunch", "io-error", NULL };
  return g_strv_contains (takes, machine->status) ||
         fail (error, BACKEND_ERROR_BUSY, "the machine is in the state %.40s", machine->status);
}

gboolean
live_check_options (const Change *change, const CreateOptions *options, GError **error)
{
  if (options->compression)
    return fail (error, BACKEND_ERROR_BUSY,
                 "a running machine's disk cannot be compressed: switch the machine off");
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (disk->method != &method_qemu)
      return fail (error, BACKEND_ERROR_BUSY,
                   "disk %s is snapshotted by the method %s, which a running machine's disk cannot "
                   "be: switch the machine off, or let it be qemu",
                   disk->disk->target, disk->method->name);
  }
  return check_status (change->machine, error);
}

/* ---- the disks ---- */

gboolean
live_check_disk (const Change *change, const ChangeDisk *disk, GError **error)
{
  const char *file = disk->disk->file;
  struct stat status;
  if (fstat (disk->active, &status) < 0)
    return fail_errno (error, "%s", file);
  const QemuLayer *layer = qemu_find_disk (change->machine, &status, file, error);
  if (!layer)
    return FALSE;
  if (!locks_writer_lives (disk->active) || !qemu_has_open (change->machine, &status))
    return fail (error, BACKEND_ERROR_BUSY, "the machine behind %s has another file open than %s",
                 change->socket, file);
  if (layer->read_only)
    return fail (error, BACKEND_ERROR_BUSY, "the machine has %s open for reading only", file);
  return g_strcmp0 (layer->driver, "qcow2") == 0 ||
         fail (error, BACKEND_ERROR_BUSY, "the machine has %s open as %s, not as qcow2", file,
               layer->driver ? layer->driver : "something unknown");
}

static gboolean
note_node (const Change *change, const ChangeDisk *disk, JournalDisk *entry, GError **error)
{
  struct stat status;
  if (fstat (disk->active, &status) < 0)
    return fail_errno (error, "%s", disk->disk->file);
  const QemuLayer *layer = qemu_find_disk (change->machine, &status, disk->disk->file, error);
  entry->node = layer ? g_strdup (layer->node) : NULL;
  return layer != NULL;
}

gboolean
live_note_machine (const Change *change, Journal *journal, GError **error)
{
  journal->socket = g_strdup (change->socket);
  journal->resume = change->machine->running;
  journal->process = qmp_peer (change->machine->qmp);
  for (guint i = 0; i < change->disks->len; i++)
    if (!note_node (change, g_ptr_array_index (change->disks, i),
                    g_ptr_array_index (journal->disks, i), error))
      return FALSE;
  return TRUE;
}

/* ---- carrying it out ---- */

/* Ours keep QEMU from writing to what it is given. */
static void
release_locks (Change *change)
{
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    close (disk->prepared);
    disk->prepared = -1;
  }
}

static Quiet *
begin_rest (const Change *change, GError **error)
{
  g_autofree char *socket = NULL;
  if (!qemu_find_socket (change->store->places, change->found, "qga", &socket, error))
    return NULL;
  if (socket)
    return quiet_begin (change->store, change->state, change->fd, socket, QUIET_LIMIT, error);
  fail (error, BACKEND_ERROR_NOT_FOUND, "there is no socket of a guest agent");
  return NULL;
}

/* *@quiet NULL: the guest is not at rest, nor has it to be. */
static gboolean
try_to_rest (Change *change, Quiet **quiet, GError **error)
{
  g_autoptr (GError) why = NULL;
  *quiet = change->quiesce ? begin_rest (change, &why) : NULL;
  if (!why)
    return TRUE;
  change->restless = g_strdup (why->message);
  return !change->must_rest ||
         fail (error, BACKEND_ERROR_BUSY, "the guest is not at rest: %s", change->restless);
}

/* Not before the guest runs: who is paused cannot thaw. */
static void
end_rest (Change *change, Quiet **quiet)
{
  g_autoptr (GError) why = NULL;
  if (*quiet && !quiet_end (g_steal_pointer (quiet), &why) && !change->restless)
    change->restless = g_strdup (why->message);
}

/* From the pause to the resumption nothing is done but what must be. */
static gboolean
replace_disks (const Change *change, const LiveTake *take, Quiet *quiet, GError **error)
{
  return live_pause (take, error) &&
         (!quiet || !change->must_rest || quiet_is_kept (quiet, error)) &&
         live_attach (take, error) && live_paths (take, error) && live_resume (take, error);
}

static gboolean
take_steps (Change *change, const LiveTake *take, Quiet **quiet, GError **error)
{
  if (!live_names (take, error) || !live_nodes (take, error) ||
      !try_to_rest (change, quiet, error) || !replace_disks (change, take, *quiet, error))
    return FALSE;
  end_rest (change, quiet);
  return live_settle (take, error) && live_records (take, error);
}

static gboolean
try_steps (Change *change, Quiet **quiet, GError **error)
{
  g_auto (LiveTake) take = { 0 };
  if (!live_take_open (&take, change->store->places, change->fd, change->journal, error))
    return FALSE;
  take.machine = change->machine;
  return take_steps (change, &take, quiet, error);
}

/* What a replay would do.  FALSE: it could not be ended, or, *@undone, nothing was done. */
static gboolean
try_replay (Change *change, gboolean *undone)
{
  gboolean taken = FALSE;
  g_clear_pointer (&change->machine, qemu_free); /* it serves one of us at a time */
  gboolean ended = live_replay (change->store->places, change->fd, change->journal, &taken, NULL);
  *undone = ended && !taken;
  return ended && taken;
}

gboolean
live_carry_out (Change *change, gboolean *undone, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  Quiet *quiet = NULL;
  release_locks (change);
  gboolean taken = try_steps (change, &quiet, &wrong) || try_replay (change, undone);
  end_rest (change, &quiet);
  if (!taken)
    g_propagate_error (error, g_steal_pointer (&wrong));
  return taken;
}
