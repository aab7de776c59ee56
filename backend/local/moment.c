/* The moment at which disks are taken in place. */
#include "moment.h"
#include "elsewhere.h"
#include "live-take.h"
#include "method.h"
#include "pause.h"
#include "rest.h"
#include "thaw.h"

#define STANDSTILL (3 * G_USEC_PER_SEC) /* that a guest is kept from running at most */

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

static gboolean
take (Change *change, ChangeDisk *disk, GError **error)
{
  return disk->method->storage ? elsewhere_make (change, disk, error)
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

/* What failed first is what is told. */
static gboolean
take_paused (Change *change, GError **error)
{
  Qemu *machine = change->machine;
  Pause pause;
  gboolean paused = pause_begin (&pause, machine, change->fd, change->socket, error);
  change->until = g_get_monotonic_time () + STANDSTILL;
  gboolean taken = paused && check_again (change, error) && take_all (change, error);
  gboolean went_on = paused && pause_end (&pause, machine, change->fd, taken ? error : NULL);
  if (!went_on)
    let_go_on_later (change);
  return taken && went_on;
}

static gboolean
take_of_machine (Change *change, GError **error)
{
  Quiet *quiet = NULL;
  if (!rest_begin (change, &quiet, error))
    return FALSE;
  gboolean taken = sync_all (change, error) && take_paused (change, error);
  rest_end (change, &quiet);
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
