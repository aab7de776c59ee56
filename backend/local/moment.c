/* The moment at which disks are taken in place. */
#include "moment.h"
#include "../qcow2/header.h"
#include "elsewhere.h"
#include "live-take.h"
#include "method.h"
#include "pause.h"
#include "rest.h"
#include "thaw.h"

#define STANDSTILL 3 /* seconds that a guest is kept from running at most */

static gboolean
is_taken_in_place (const ChangeDisk *disk)
{
  return disk->freeze && disk->method && method_is_in_place (disk->method);
}

static gboolean
has_any (const Change *change)
{
  for (guint i = 0; i < change->disks->len; i++)
    if (is_taken_in_place (g_ptr_array_index (change->disks, i)))
      return TRUE;
  return FALSE;
}

gboolean
moment_check_header (const Change *change, const ChangeDisk *disk, int fd, GError **error)
{
  const char *file = disk->disk->file;
  if (change->until == 0 || local_disk_is_raw (disk->disk))
    return TRUE;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header)
    return fail_in (error, "%s", file);
  if (header->dirty)
    return fail (
        error, BACKEND_ERROR_UNSUPPORTED,
        "%s has lazy reference counts, which are wrong in a copy of a running machine's "
        "disk: qemu-img amend -o lazy_refcounts=off, when it is off, makes it one that can",
        file);
  return header->snapshots == 0 ||
         fail (error, BACKEND_ERROR_BUSY, "%s was given a snapshot inside meanwhile", file);
}

/* Storage takes what it has: a machine that was told not to flush leaves its last writes to us. */
static gboolean
take_elsewhere (Change *change, ChangeDisk *disk, GError **error)
{
  return journal_sync (disk->active, disk->disk->file, error) &&
         moment_check_header (change, disk, disk->active, error) &&
         elsewhere_make (change, disk, error);
}

static gboolean
fail_late (GError **error)
{
  return fail (error, BACKEND_ERROR_BUSY,
               "taking the disks takes longer than the %d seconds that a guest can stand still: "
               "switch the machine off",
               STANDSTILL);
}

static gboolean
take (Change *change, ChangeDisk *disk, GError **error)
{
  if (change->until > 0 && g_get_monotonic_time () >= change->until)
    return fail_late (error);
  return disk->method->storage ? take_elsewhere (change, disk, error)
                               : disk->method->take (change, disk, error);
}

static gboolean
take_all (Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (is_taken_in_place (disk) && !take (change, disk, error))
      return fail_in (error, "disk %s", disk->disk->target);
  }
  return TRUE;
}

/* -------------------------------------------------------------------- of a machine that runs */

/* What is written out now has not to be while it is paused. */
static gboolean
sync_all (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (!journal_sync (disk->active, disk->disk->file, error))
      return FALSE;
  }
  return TRUE;
}

/* Its owner may have given a device another file since it was looked at. */
static gboolean
check_again (const Change *change, GError **error)
{
  if (!qemu_look (change->machine, error))
    return FALSE;
  for (guint i = 0; i < change->disks->len; i++)
    if (!live_check_disk (change, g_ptr_array_index (change->disks, i), error))
      return FALSE;
  return TRUE;
}

/* At once, so that its file systems can be thawed; by another connection, for its socket serves one
 * of us at a time. */
static void
let_go_on_later (Change *change)
{
  g_clear_pointer (&change->machine, qemu_free);
  if (!pause_left_over (change->store->places, change->fd, change->found, NULL))
    thaw_later (change->store, change->found->uuid);
}

/* Taking them for as long as a machine can be paused, by a thread that it does not wait for. */
typedef struct {
  Change *change;
  pthread_t thread;
  gboolean begun; /* there is the thread, of which is, until it has ended: */
  gboolean taken;
  GError *error;
  Queue *end; /* is closed by it */
  gboolean late;
} Taking;

static void *
run_taking (void *data)
{
  Taking *taking = data;
  taking->taken = take_all (taking->change, &taking->error);
  queue_close (taking->end);
  return NULL;
}

/* FALSE: not all are taken, or not yet. */
static gboolean
take_in_time (Taking *taking)
{
  gboolean ended;
  taking->change->until = g_get_monotonic_time () + STANDSTILL * G_USEC_PER_SEC;
  taking->thread = thread_start ("taking", run_taking, taking);
  taking->begun = TRUE;
  queue_pop_for (taking->end, STANDSTILL * 1000, &ended);
  taking->late = !ended;
  return ended && taking->taken;
}

/* What failed first is what is told. */
static gboolean
take_paused (Taking *taking, GError **error)
{
  Change *change = taking->change;
  Qemu *machine = change->machine;
  Pause pause;
  gboolean paused = pause_begin (&pause, machine, change->fd, change->socket, error);
  gboolean taken = paused && check_again (change, error) && take_in_time (taking);
  gboolean went_on = paused && pause_end (&pause, machine, change->fd, taken ? error : NULL);
  if (!went_on)
    let_go_on_later (change);
  return taken && went_on;
}

/* What comes late is waited for, to be given up with the rest. */
static void
end_taking (Taking *taking, GError **error)
{
  if (taking->begun)
    thread_join (taking->thread);
  queue_free (taking->end);
  if (taking->error)
    g_propagate_error (error, taking->error);
  else if (taking->late)
    fail_late (error);
}

static gboolean
take_of_machine (Change *change, GError **error)
{
  Quiet *quiet = NULL;
  if (!rest_begin (change, &quiet, error))
    return FALSE;
  Taking taking = { .change = change, .end = queue_new () };
  gboolean taken = sync_all (change, error) && take_paused (&taking, error);
  rest_end (change, &quiet);
  end_taking (&taking, error);
  if (!taken || !change->must_rest || !change->restless)
    return taken;
  return fail (error, BACKEND_ERROR_BUSY, "the guest was not at rest: %s", change->restless);
}

gboolean
moment_take (Change *change, GError **error)
{
  if (!has_any (change))
    return TRUE;
  return change->machine ? take_of_machine (change, error) : take_all (change, error);
}
