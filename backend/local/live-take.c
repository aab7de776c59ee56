/* Taking a snapshot of a running machine. */
#include "live-take.h"
#include "fd.h"
#include "live-clean.h"
#include "live-replay.h"
#include "live-steps.h"
#include "locks.h"
#include "method.h"
#include "pause.h"
#include "picture.h"
#include "rest.h"
#include <fcntl.h>
#include <string.h>

/* ---- the machine ---- */

static gboolean
has_disk (const Places *places, const Qemu *machine, const LocalDisk *disk)
{
  struct stat status;
  g_autofree char *path = local_disk_path (disk);
  autofd fd = places_open_path (places, path, O_PATH | O_NOFOLLOW, NULL);
  return fd >= 0 && fstat (fd, &status) == 0 && qemu_top (machine, &status) != NULL &&
         qemu_has_open (machine, &status);
}

/* A machine that waits for what it was elsewhere (-incoming) has its disks open without a lock, and
 * would write to what is frozen or dropped as soon as it has come. */
gboolean
live_check_is_off (const Places *places, const LocalDomain *found, GError **error)
{
  g_autoptr (Qemu) machine = qemu_open_of (places, found);
  for (guint i = 0; machine && i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    if (has_disk (places, machine, disk))
      return fail (error, BACKEND_ERROR_BUSY,
                   "the machine has %s open and holds no lock of it (it is in the state %.40s)",
                   disk->file, machine->status);
  }
  return TRUE;
}

/* Whom an interrupted snapshot has left paused; its socket serves one of us at a time. */
static gboolean
let_go_on (const Change *change, GError **error)
{
  autofd records = -1;
  if (!store_open_records (change->store, change->found->uuid, FALSE, &records, error))
    return FALSE;
  return records < 0 || pause_left_over (change->store->places, records, change->found, error);
}

gboolean
live_meet (Change *change, GError **error)
{
  const Places *places = change->store->places;
  g_autofree char *state = picture_run_state (places, change->found, error);
  if (!state)
    return FALSE;
  if (g_str_equal (state, "shutoff"))
    return live_check_is_off (places, change->found, error);
  if (!qemu_find_socket (places, change->found, "qmp", &change->socket, error))
    return FALSE;
  if (!change->socket) /* the locks will say that it is in use */
    return TRUE;
  if (!let_go_on (change, error))
    return FALSE;
  change->machine = qemu_open (places, change->socket, error);
  return change->machine && live_clean (change->machine, error);
}

/* Pausing it would have it arrive paused, and soon its disks are another machine's. */
static gboolean
check_stays (const Qemu *machine, GError **error)
{
  static const char *const ends[] = { "none", "completed", "failed", "cancelled", NULL };
  g_autoptr (JsonNode) answer = qmp_execute (machine->qmp, "query-migrate", NULL, QEMU_ASK, error);
  if (!answer)
    return FALSE;
  const char *status =
      JSON_NODE_HOLDS_OBJECT (answer) ? qmp_string (json_node_get_object (answer), "status") : NULL;
  return !status || g_strv_contains (ends, status) ||
         fail (error, BACKEND_ERROR_BUSY, "the machine is being migrated (%.40s)", status);
}

gboolean
live_check_status (const Qemu *machine, GError **error)
{
  static const char *const takes[] = { "running", "paused", "prelaunch", "io-error", NULL };
  if (!g_strv_contains (takes, machine->status))
    return fail (error, BACKEND_ERROR_BUSY, "the machine is in the state %.40s", machine->status);
  return check_stays (machine, error);
}

/* What is attached commits in the machine, what is taken in place commits here: never both. */
static gboolean
check_method (const Change *change, const ChangeDisk *disk, GError **error)
{
  const ChangeDisk *first = g_ptr_array_index (change->disks, 0);
  const char *target = disk->disk->target, *method = disk->method->name;
  return method_is_in_place (disk->method) == method_is_in_place (first->method) ||
         fail (error, BACKEND_ERROR_BUSY,
               "disk %s is snapshotted by the method %s and disk %s by %s, which cannot be done at "
               "one moment while the machine runs: switch it off, or let them have one method",
               first->disk->target, first->method->name, target, method);
}

gboolean
live_check_options (const Change *change, const CreateOptions *options, GError **error)
{
  if (options->compression)
    return fail (error, BACKEND_ERROR_BUSY,
                 "a running machine's disk cannot be compressed: switch the machine off");
  for (guint i = 0; i < change->disks->len; i++)
    if (!check_method (change, g_ptr_array_index (change->disks, i), error))
      return FALSE;
  return live_check_status (change->machine, error);
}

gboolean
live_commits (const Change *change)
{
  const ChangeDisk *first = change->disks->len > 0 ? g_ptr_array_index (change->disks, 0) : NULL;
  return change->machine && first && !method_is_in_place (first->method);
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
  gboolean writes = disk->disk->device || locks_writer_lives (disk->active); /* by whatever node */
  if (!writes || !qemu_has_open (change->machine, &status))
    return fail (error, BACKEND_ERROR_BUSY, "the machine behind %s has another file open than %s",
                 change->socket, file);
  if (layer->read_only)
    return fail (error, BACKEND_ERROR_BUSY, "the machine has %s open for reading only", file);
  return g_strcmp0 (layer->driver, disk->disk->format) == 0 ||
         fail (error, BACKEND_ERROR_BUSY, "the machine has %s open as %s, not as %s", file,
               layer->driver ? layer->driver : "something unknown", disk->disk->format);
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
    fd_close_pointer (&disk->prepared);
  }
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
      !rest_begin (change, quiet, error) || !replace_disks (change, take, *quiet, error))
    return FALSE;
  rest_end (change, quiet);
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
  rest_end (change, &quiet);
  if (!taken)
    g_propagate_error (error, g_steal_pointer (&wrong));
  return taken;
}
