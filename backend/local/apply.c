/* Carrying out a journal: only links, renames and unlinks, each skipped when already done.
 *
 * Nothing here allocates space in an image, and nothing can be refused for a reason that a later
 * replay would not find gone, but one: a file that is not the one the journal means.  Then
 * somebody has put another in its place, and the journal stays until a person has looked. */
#include "fd.h"
#include "journal.h"
#include "records.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define WRITE_BITS 0222

/* -------------------------------------------------------------------- one disk */

static gboolean
exists (int directory, const char *name)
{
  struct stat status;
  return fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* TRUE: @name is the file that the journal means, or there is none (*@found FALSE). */
static gboolean
is_meant (int directory, const char *name, guint64 inode, gboolean *found, GError **error)
{
  struct stat status;
  *found = fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (!*found)
    return errno == ENOENT || fail_errno (error, "%s", name);
  if (status.st_ino == inode)
    return TRUE;
  return fail (error, BACKEND_ERROR_DAMAGED,
               "an interrupted operation cannot be completed: %s was replaced by another file",
               name);
}

/* The order matters when the power fails: the frozen name must be durable before the active
 * path, the only other one, is given to the overlay. */
static gboolean
freeze (int directory, const JournalDisk *disk, GError **error)
{
  g_autofree char *frozen = g_strdup_printf (".vmsnapfs-%s.qcow2", disk->freeze);
  gboolean found;
  if (!is_meant (directory, frozen, disk->inode, &found, error))
    return FALSE;
  if (!found && linkat (directory, disk->file, directory, frozen, 0) < 0)
    return fail_errno (error, "freezing %s", disk->file);
  struct stat status;
  if (fstatat (directory, frozen, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
      fchmodat (directory, frozen, status.st_mode & 07777 & ~(mode_t)WRITE_BITS, 0) < 0)
    return fail_errno (error, "freezing %s", disk->file);
  return journal_sync (directory, disk->file, error);
}

/* Nothing leads to the old disk by the active path any more; its bytes are frozen or given up. */
static gboolean
take_away (int directory, const JournalDisk *disk, GError **error)
{
  if (unlinkat (directory, disk->file, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "taking away %s", disk->file);
  return journal_sync (directory, disk->file, error);
}

static gboolean
make_room (int directory, const JournalDisk *disk, gboolean together, GError **error)
{
  gboolean found;
  if (!exists (directory, disk->prepared))
    return TRUE;
  if (!is_meant (directory, disk->file, disk->inode, &found, error))
    return FALSE;
  if (disk->freeze && !freeze (directory, disk, error))
    return FALSE;
  return !together || take_away (directory, disk, error);
}

static gboolean
put_in_place (int directory, const JournalDisk *disk, GError **error)
{
  if (!exists (directory, disk->prepared))
    return TRUE;
  if (renameat (directory, disk->prepared, directory, disk->file) < 0)
    return fail_errno (error, "putting %s in place", disk->file);
  return journal_sync (directory, disk->file, error);
}

static gboolean
apply_disks (const Places *places, const Journal *journal, gboolean second, GError **error)
{
  for (guint i = 0; i < journal->disks->len; i++) {
    const JournalDisk *disk = g_ptr_array_index (journal->disks, i);
    autofd directory = places_open_path (places, disk->directory, O_RDONLY | O_DIRECTORY, error);
    if (directory < 0)
      return FALSE;
    if (second ? !put_in_place (directory, disk, error)
               : !make_room (directory, disk, journal->together, error))
      return FALSE;
  }
  return TRUE;
}

/* -------------------------------------------------------------------- records */

static gboolean
move_record (int records, const char *file, GError **error)
{
  g_autofree char *prepared = g_strconcat (file, RECORDS_NEW, NULL);
  if (renameat (records, prepared, records, file) < 0 && errno != ENOENT)
    return fail_errno (error, "putting the record %s in place", file);
  return TRUE;
}

static gboolean
apply_records (int records, const Journal *journal, GError **error)
{
  for (guint i = 0; i < journal->put->len; i++) {
    g_autofree char *file = records_file (g_ptr_array_index (journal->put, i));
    if (!move_record (records, file, error))
      return FALSE;
  }
  for (guint i = 0; i < journal->remove->len; i++) {
    g_autofree char *file = records_file (g_ptr_array_index (journal->remove, i));
    if (unlinkat (records, file, 0) < 0 && errno != ENOENT)
      return fail_errno (error, "removing the record %s", file);
  }
  return move_record (records, RECORDS_HEAD, error) && journal_sync (records, "the records", error);
}

gboolean
journal_apply (int records, const Places *places, const Journal *journal, GError **error)
{
  if (!apply_disks (places, journal, FALSE, error) || !apply_disks (places, journal, TRUE, error) ||
      !apply_records (records, journal, error))
    return FALSE;
  if (unlinkat (records, JOURNAL_FILE, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "removing the journal");
  /* A journal that came back after a power cut would find the next operation's prepared records
   * (btrfs makes a synced new file durable without an unlink before it). */
  return journal_sync (records, "the records", error);
}
