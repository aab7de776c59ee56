/* The commit of a change: everything durable under names that mean nothing, then one rename. */
#include "change.h"
#include "file-names.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static gboolean
write_records (const Change *change, GError **error)
{
  if (!journal_settle (change->fd, error))
    return FALSE;
  for (guint i = 0; i < change->put->len; i++)
    if (!records_write_snapshot (change->fd, g_ptr_array_index (change->put, i), PREPARED_SUFFIX,
                                 error))
      return FALSE;
  return !change->head || records_write_head (change->fd, change->records, PREPARED_SUFFIX, error);
}

/* The bytes that become the snapshot's, and the names under which the overlays are made. */
static gboolean
sync_active (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (!journal_sync (disk->active, disk->disk->file, error) ||
        !journal_sync (disk->directory, disk->disk->directory, error))
      return FALSE;
  }
  return TRUE;
}

/* A single record needs no journal: its rename is the commit point. */
static gboolean
is_single_record (const Change *change)
{
  return change->disks->len == 0 && change->put->len == 1 && change->remove->len == 0 &&
         !change->head;
}

static gboolean
add_disk (Journal *journal, const ChangeDisk *disk, GError **error)
{
  struct stat active, overlay;
  if (fstat (disk->active, &active) < 0 || fstat (disk->prepared, &overlay) < 0)
    return fail_errno (error, "%s", disk->disk->file);
  JournalDisk *entry = g_new0 (JournalDisk, 1);
  entry->directory = g_strdup (disk->disk->directory);
  entry->file = g_strdup (disk->disk->file);
  entry->prepared = g_strdup (disk->overlay);
  entry->freeze = g_strdup (disk->freeze);
  entry->inode = disk->inode;
  entry->modified = journal_modified (&active);
  entry->overlay = overlay.st_ino;
  g_ptr_array_add (journal->disks, entry);
  return TRUE;
}

static Journal *
make_journal (const Change *change, GError **error)
{
  g_autoptr (Journal) journal = journal_new ();
  journal->together = change->together;
  for (guint i = 0; i < change->disks->len; i++)
    if (!add_disk (journal, g_ptr_array_index (change->disks, i), error))
      return NULL;
  for (guint i = 0; i < change->put->len; i++) {
    const Record *record = g_ptr_array_index (change->put, i);
    g_ptr_array_add (journal->put, g_strdup (record->uuid));
  }
  for (guint i = 0; i < change->remove->len; i++)
    g_ptr_array_add (journal->remove, g_strdup (g_ptr_array_index (change->remove, i)));
  return g_steal_pointer (&journal);
}

static gboolean
prepare_journal (Change *change, GError **error)
{
  change->journal = make_journal (change, error);
  return change->journal &&
         journal_prepare (change->fd, change->store->places, change->journal, error);
}

static gboolean
sync_prepared (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (!journal_sync (disk->prepared, disk->overlay, error))
      return FALSE;
  }
  return TRUE;
}

/* While qemu-img makes the overlays, everything is done that does not need them. */
static gboolean
prepare (Change *change, GError **error)
{
  return write_records (change, error) && sync_active (change, error) &&
         (is_single_record (change) || prepare_journal (change, error)) &&
         (change->disks->len == 0 || change_check_references (change, error)) &&
         change_finish_overlays (change, error) && sync_prepared (change, error);
}

static gboolean
commit_single_record (const Change *change, GError **error)
{
  const Record *record = g_ptr_array_index (change->put, 0);
  g_autofree char *file = records_file (record->uuid);
  g_autofree char *prepared = g_strconcat (file, PREPARED_SUFFIX, NULL);
  if (!job_commit (change->job, error))
    return FALSE;
  if (renameat (change->fd, prepared, change->fd, file) < 0)
    return fail_errno (error, "writing the record of %s", record->name);
  if (journal_sync (change->fd, file, error))
    return TRUE;
  state_reread (change->store, change->state); /* it may be there or not: the disk knows */
  return FALSE;
}

/* Past the commit point there is no way back: what could not be carried out now is carried out
 * before the next operation or when the store is opened again. */
static gboolean
committed_but_not_done (Change *change, GError **error)
{
  change->records->problem =
      g_strdup ("an operation was committed and could not be completed: it is completed "
                "before the next one, or when the store is mounted again");
  fail_in (error, "committed, but still to be completed");
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    g_clear_pointer (&disk->overlay, g_free);
  }
  state_publish (change->store, change->state, g_steal_pointer (&change->records));
  return FALSE;
}

static gboolean
commit_by_journal (Change *change, GError **error)
{
  gboolean committed;
  if (!job_commit (change->job, error))
    return FALSE;
  if (!journal_commit (change->fd, &committed, error))
    return committed ? committed_but_not_done (change, error) : FALSE;
  if (!journal_apply (change->fd, change->store->places, change->journal, error))
    return committed_but_not_done (change, error);
  return TRUE;
}

gboolean
change_commit (Change *change, GError **error)
{
  if (!prepare (change, error))
    return FALSE;
  if (is_single_record (change) ? !commit_single_record (change, error)
                                : !commit_by_journal (change, error))
    return FALSE;
  state_publish (change->store, change->state, records_copy (change->records));
  return TRUE;
}
