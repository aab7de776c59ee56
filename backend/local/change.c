/* What every operation on a domain has in common: who may begin it, what it will write, and how it
 * ends.  The disks are prepare.c's matter, the commit is commit.c's. */
#include "change.h"
#include "backlog.h"
#include "fd.h"
#include "file-names.h"
#include "moved.h"
#include "replay.h"
#include "tidy.h"
#include <fcntl.h>

static void
change_disk_free (ChangeDisk *disk)
{
  g_clear_pointer (&disk->child, child_free); /* before its file goes */
  g_clear_pointer (&disk->copying, child_free);
  /* Uncommitted: nothing refers to it.  Committed: the name is gone already. */
  if (disk->overlay && disk->directory >= 0)
    unlinkat (disk->directory, disk->overlay, 0);
  if (disk->copy && disk->directory >= 0)
    unlinkat (disk->directory, disk->copy, 0);
  fd_close_pointer (&disk->copied);
  fd_close_pointer (&disk->prepared);
  fd_close_pointer (&disk->active);
  fd_close_pointer (&disk->directory);
  g_free (disk->overlay);
  g_free (disk->freeze);
  g_free (disk->copy);
  g_free (disk->backing);
  g_clear_pointer (&disk->brought_back, record_image_free);
  g_free (disk->second);
  g_free (disk);
}

/* -------------------------------------------------------------------- beginning */

/* Ends an operation that was interrupted before, if there was one. */
static gboolean
recover (Change *change, GError **error)
{
  const LocalDomain *found = change->found;
  if (!store_open_records (change->store, found->uuid, FALSE, &change->fd, error))
    return FALSE;
  if (change->fd < 0 || (!journal_exists (change->fd) && !change->records->problem))
    return TRUE;
  autolock applying = lock_hold (&change->state->applying);
  if (!replay_domain (change->store->places, change->fd, change->state->name, error))
    return FALSE;
  Records *records = moved_records_read (change->store->places, change->fd, found, error);
  if (!records)
    return FALSE;
  records_free (change->records);
  change->records = records_copy (records);
  state_publish (change->store, change->state, records);
  return TRUE;
}

static gboolean
records_are_in_order (const Records *records, GError **error)
{
  const Record *damaged = records_find_damaged (records);
  if (records->problem)
    return fail (error, BACKEND_ERROR_DAMAGED, "%s", records->problem);
  if (damaged)
    return fail (error, BACKEND_ERROR_DAMAGED, "%s: changes are off until that is repaired",
                 damaged->problem);
  return TRUE;
}

/* A tidying may begin again just after it gave way: it is asked as often as that. */
static gboolean
take_domain (Change *change, GError **error)
{
  for (int i = 0; i < 3; i++) {
    tidy_give_way (change->state);
    if (lock_try (&change->state->busy, &change->busy))
      return TRUE;
  }
  return fail (error, BACKEND_ERROR_BUSY, "another operation on %s is running",
               change->state->name);
}

/* A problem may be of a moment: the paths of several disks are taken away during a revert. */
static gboolean
find_description (Change *change, GError **error)
{
  change->found = state_found (change->state);
  if (!change->found->problem)
    return TRUE;
  store_rescan (change->store);
  local_domain_unref (change->found);
  change->found = state_found (change->state);
  return !change->found->problem ||
         fail (error, BACKEND_ERROR_UNSUPPORTED, "%s", change->found->problem);
}

Change *
change_begin (Store *store, const char *domain, Job *job, GError **error)
{
  DomainState *state = store_find (store, domain, error);
  if (!state)
    return NULL;
  g_autoptr (Change) change = g_new0 (Change, 1);
  change->store = store;
  change->state = state;
  change->job = job;
  change->fd = -1;
  change->disks = g_ptr_array_new_with_free_func ((GDestroyNotify)change_disk_free);
  change->put = g_ptr_array_new_with_free_func ((GDestroyNotify)record_unref);
  change->remove = g_ptr_array_new_with_free_func (g_free);
  if (!take_domain (change, error) || !find_description (change, error))
    return NULL;
  change->records = state_records (store, state, error);
  if (!change->records || !recover (change, error) ||
      !records_are_in_order (change->records, error))
    return NULL;
  return g_steal_pointer (&change);
}

static void
unlink_prepared_records (const Change *change)
{
  for (guint i = 0; i < change->put->len; i++) {
    const Record *record = g_ptr_array_index (change->put, i);
    g_autofree char *file = records_file (record->uuid);
    g_autofree char *prepared = g_strconcat (file, PREPARED_SUFFIX, NULL);
    unlinkat (change->fd, prepared, 0);
  }
  unlinkat (change->fd, RECORDS_HEAD PREPARED_SUFFIX, 0);
  journal_forget (change->fd);
}

void
change_end (Change *change)
{
  gboolean untidy = change->untidy > 0 || change->socket ||
                    (change->records && change->records->unnamed->len > 0);
  if (change->fd >= 0 && !journal_exists (change->fd))
    unlink_prepared_records (change);
  g_ptr_array_unref (change->disks);
  g_ptr_array_unref (change->put);
  g_ptr_array_unref (change->remove);
  g_clear_pointer (&change->records, records_free);
  g_clear_pointer (&change->found, local_domain_unref);
  g_clear_pointer (&change->journal, journal_free);
  g_clear_pointer (&change->machine, qemu_free);
  g_free (change->socket);
  g_free (change->restless);
  fd_close_pointer (&change->fd);
  held_release (&change->busy);
  if (untidy)
    tidy_later (change->store, change->state->name);
  g_free (change);
}

/* -------------------------------------------------------------------- records */

void
change_freeze (ChangeDisk *disk)
{
  disk->freeze = disk->second ? g_strdup (disk->second) : g_uuid_string_random ();
}

void
change_put (Change *change, Record *record)
{
  g_ptr_array_add (change->put, record_ref (record));
  records_put (change->records, record);
}

void
change_remove (Change *change, const char *uuid)
{
  g_ptr_array_add (change->remove, g_strdup (uuid));
  records_remove (change->records, uuid);
}

void
change_current (Change *change, const char *id)
{
  g_free (change->records->current);
  change->records->current = g_strdup (id);
  change->head = TRUE;
}

/* -------------------------------------------------------------------- after the commit */

gboolean
change_again (Change *change, GError **error)
{
  g_ptr_array_set_size (change->disks, 0);
  g_ptr_array_set_size (change->put, 0);
  g_ptr_array_set_size (change->remove, 0);
  g_clear_pointer (&change->journal, journal_free);
  g_clear_pointer (&change->machine, qemu_free); /* its disks are done with */
  change->head = change->together = FALSE;
  change->records = state_records (change->store, change->state, error);
  return change->records != NULL;
}

void
change_catch_up (Change *change)
{
  g_autoptr (Records) records = state_records (change->store, change->state, NULL);
  if (records &&
      backlog_is_due (change->store->places, change->found, records, &change->state->stuck))
    tidy_now (change->store, change->state, FALSE);
}
