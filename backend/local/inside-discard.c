/* Discarding a snapshot that is inside the active images.
 *
 * It is the one operation that writes into an image, and only into one through which nothing else
 * is read.  All disks are checked before any is touched; then it is written down what is to be
 * done, which is the commit point, and done (inside-pending.c). */
#include "inside-discard.h"
#include "fd.h"
#include "inside-pending.h"
#include "internal.h"

static gboolean
check_is_active (const GPtrArray *parts, GError **error)
{
  for (guint i = 0; i < parts->len; i++) {
    const InternalPart *part = g_ptr_array_index (parts, i);
    if (!part->active)
      return fail (error, BACKEND_ERROR_BUSY,
                   "%s, which holds this snapshot, is frozen: other snapshots are read through it",
                   part->path);
  }
  return TRUE;
}

static gboolean
has_part (const GPtrArray *parts, const char *target)
{
  for (guint i = 0; i < parts->len; i++)
    if (g_str_equal (((InternalPart *)g_ptr_array_index (parts, i))->target, target))
      return TRUE;
  return FALSE;
}

/* The disks that hold nothing of it may be of any format, and in use. */
static gboolean
open_disks (Change *change, const GPtrArray *parts, GError **error)
{
  g_autoptr (GPtrArray) others = g_ptr_array_new ();
  for (guint i = 0; i < change->found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (change->found->disks, i);
    if (!has_part (parts, disk->target))
      g_ptr_array_add (others, disk->target);
  }
  return change_open_disks (change, others, error) && change_check_references (change, error);
}

/* QEMU has locks of its own: who starts a machine now makes qemu-img fail. */
static void
let_qemu_in (const Change *change)
{
  for (guint i = 0; i < change->disks->len; i++)
    fd_close_pointer (&((ChangeDisk *)g_ptr_array_index (change->disks, i))->active);
}

static gboolean
committed_but_not_done (Change *change, GError **error)
{
  change->records->problem =
      g_strdup ("a snapshot is still to be taken out of a disk image: that is done before the next "
                "operation, or when the store is mounted again");
  state_publish (change->store, change->state, g_steal_pointer (&change->records));
  return fail_in (error, "committed, but still to be completed");
}

/* A machine that was started at the last moment is no reason to be in the middle of something. */
static gboolean
take_out (Change *change, GError **error)
{
  gboolean begun;
  let_qemu_in (change);
  if (inside_pending_finish (change->fd, change->store->places, FALSE, NULL, &begun, error))
    return TRUE;
  return !begun && inside_pending_forget (change->fd, NULL)
             ? FALSE
             : committed_but_not_done (change, error);
}

gboolean
internal_discard (Change *change, const char *id, GError **error)
{
  const Places *places = change->store->places;
  gboolean committed = FALSE;
  g_autoptr (GPtrArray) parts = internal_parts (places, change->found, change->records, id, error);
  if (!parts || !check_is_active (parts, error) || !open_disks (change, parts, error) ||
      !change_open_records (change, error) || !job_commit (change->job, error))
    return FALSE;
  if (!inside_pending_commit (change->fd, places, id, parts, &committed, error))
    return committed ? committed_but_not_done (change, error) : FALSE;
  if (!take_out (change, error))
    return FALSE;
  if (g_strcmp0 (change->records->current, id) == 0)
    g_clear_pointer (&change->records->current, g_free);
  state_publish (change->store, change->state, g_steal_pointer (&change->records));
  return TRUE;
}
