/* The commit of a change: everything durable under names that mean nothing, then one rename. */
#include "change.h"
#include "elsewhere.h"
#include "file-names.h"
#include "live-take.h"
#include "locks.h"
#include "moment.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static gboolean
write_records (Change *change, GError **error)
{
  if (!change_open_records (change, error))
    return FALSE;
  change->head |= !change->records->has_head;
  change->records->has_head = TRUE;
  records_check_unnamed (change->records);
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
  struct stat active, overlay = { 0 }, copied = { 0 };
  if (fstat (disk->active, &active) < 0 ||
      (disk->overlay && fstat (disk->prepared, &overlay) < 0) ||
      (disk->copy && fstat (disk->copied, &copied) < 0))
    return fail_errno (error, "%s", disk->disk->file);
  if (!disk->overlay && !disk->copy && !disk->brought_back) /* it is kept elsewhere, and stays */
    return TRUE;
  JournalDisk *entry = g_new0 (JournalDisk, 1);
  g_ptr_array_add (journal->disks, entry);
  if (!journal_mark (disk->active, &active, &entry->modified, error))
    return fail_in (error, "%s", disk->disk->file);
  entry->directory = g_strdup (disk->disk->directory);
  entry->file = g_strdup (disk->disk->file);
  entry->prepared = g_strdup (disk->overlay);
  entry->freeze = disk->elsewhere ? NULL : g_strdup (disk->freeze);
  entry->raw = local_disk_is_raw (disk->disk);
  entry->inode = disk->inode;
  entry->overlay = overlay.st_ino;
  entry->copy = g_strdup (disk->copy);
  entry->copied = copied.st_ino;
  entry->back = disk->brought_back ? record_image_copy (disk->brought_back) : NULL;
  entry->attempt = disk->brought_back ? g_uuid_string_random () : NULL;
  entry->named = disk->second != NULL;
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
  if (live_commits (change) && !live_note_machine (change, journal, error))
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

/* qemu-img did not look at the backing files, and this is the last moment to. */
static gboolean
check_backing (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    struct stat status;
    if (disk->behind == 0)
      continue;
    if (fstatat (disk->directory, disk->backing, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        status.st_ino != disk->behind)
      return fail (error, BACKEND_ERROR_DAMAGED, "%s was taken away meanwhile", disk->backing);
  }
  return TRUE;
}

static gboolean
sync_prepared (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if ((disk->overlay && !journal_sync (disk->prepared, disk->overlay, error)) ||
        (disk->copy && !journal_sync (disk->copied, disk->copy, error)))
      return FALSE;
  }
  return TRUE;
}

/* The last of all: it may take long, and is known to nobody but us. */
static gboolean
take_in_place (Change *change, GError **error)
{
  if (!elsewhere_has_any (change))
    return moment_take (change, error);
  return elsewhere_list (change, error) && moment_take (change, error) &&
         write_records (change, error);
}

/* While qemu-img makes its files, everything is done that does not need them. */
static gboolean
make_durable (Change *change, GError **error)
{
  return write_records (change, error) && sync_active (change, error) &&
         (is_single_record (change) || prepare_journal (change, error)) &&
         (change->disks->len == 0 || change_check_references (change, error)) &&
         change_finish_prepared (change, error) && check_backing (change, error) &&
         take_in_place (change, error) && sync_prepared (change, error);
}

gboolean
commit_head (int records, const Records *head, GError **error)
{
  if (!journal_settle (records, error) ||
      !records_write_head (records, head, PREPARED_SUFFIX, error))
    return FALSE;
  if (renameat (records, RECORDS_HEAD PREPARED_SUFFIX, records, RECORDS_HEAD) < 0)
    return fail_errno (error, "writing the head");
  return journal_sync (records, "the head", error);
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
  if (error && *error) /* whatever it was: not one that says that nothing has happened */
    (*error)->code = BACKEND_ERROR_DAMAGED;
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    g_clear_pointer (&disk->overlay, g_free);
    g_clear_pointer (&disk->copy, g_free);
  }
  state_publish (change->store, change->state, g_steal_pointer (&change->records));
  return FALSE;
}

/* Where it failed and nothing is left of it, it was not committed after all. */
static gboolean
carry_out (Change *change, GError **error)
{
  gboolean undone = FALSE;
  if (live_commits (change)
          ? live_carry_out (change, &undone, error)
          : journal_apply (change->fd, change->store->places, change->journal, error))
    return TRUE;
  undone = undone || (change->journal->refused && journal_give_up (change->fd, NULL));
  return undone ? FALSE : committed_but_not_done (change, error);
}

static gboolean
commit_by_journal (Change *change, GError **error)
{
  gboolean committed;
  if (!job_commit (change->job, error))
    return FALSE;
  if (!journal_commit (change->fd, &committed, error))
    return committed ? committed_but_not_done (change, error) : FALSE;
  change->journal->job = change->job;
  return carry_out (change, error);
}

/* Storage that writes over a disk does so under whoever reads it; others wait for `applying`. */
static gboolean
check_not_read (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (disk->brought_back && locks_is_in_use (disk->active))
      return fail (error, BACKEND_ERROR_BUSY, "%s is being read, and would be written over",
                   disk->disk->file);
  }
  return TRUE;
}

gboolean
change_commit (Change *change, GError **error)
{
  if (!make_durable (change, error))
    return FALSE;
  autolock applying = lock_hold (&change->state->applying);
  if (!check_not_read (change, error))
    return FALSE;
  if (is_single_record (change) ? !commit_single_record (change, error)
                                : !commit_by_journal (change, error))
    return FALSE;
  change->untidy = change->records->unnamed->len;
  state_publish (change->store, change->state, g_steal_pointer (&change->records));
  return TRUE;
}
