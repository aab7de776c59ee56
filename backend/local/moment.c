/* The moment at which disks are taken in place. */
#include "moment.h"
#include "elsewhere.h"
#include "method.h"
#include "pause.h"
#include "rest.h"
#include "thaw.h"

static gboolean
is_taken_in_place (const ChangeDisk *disk)
{
  return disk->freeze && disk->method && method_is_in_place (disk->method);
}

static gboolean
take (Change *change, ChangeDisk *disk, GError **error)
{
  return disk->method->storage ? elsewhere_make (change, disk, error)
                               : disk->method->take (change, disk, error);
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
take_all (Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (is_taken_in_place (disk) && !take (change, disk, error))
      return fail_in (error, "disk %s", disk->disk->target);
  }
  return TRUE;
}

/* What failed first is what is told.  A note that stays is looked after. */
static gboolean
take_paused (Change *change, GError **error)
{
  Qemu *machine = change->machine;
  gboolean paused = pause_begin (machine, change->fd, change->socket, error);
  gboolean taken = paused && take_all (change, error);
  gboolean went_on = paused && pause_end (machine, change->fd, taken ? error : NULL);
  if (!went_on)
    thaw_later (change->store, change->found->uuid);
  return taken && went_on;
}

static gboolean
take_of_machine (Change *change, GError **error)
{
  Quiet *quiet = NULL;
  if (!rest_begin (change, &quiet, error))
    return FALSE;
  gboolean taken = take_paused (change, error);
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
