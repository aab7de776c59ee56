/* Having disks brought back, one after the other. */
#include "bringing.h"
#include "device.h"
#include "elsewhere.h"
#include "fd.h"
#include "locks.h"
#include <fcntl.h>
#include <string.h>

static const char *const marks[] = { [BRINGING_BEGUN] = "begun", [BRINGING_DONE] = "done" };

static char *
file_name (const JournalDisk *disk, const char *mark)
{
  return g_strdup_printf ("back-%s.%s" UNFINISHED_SUFFIX, disk->attempt, mark);
}

static char *
mark_name (const JournalDisk *disk, Bringing bringing)
{
  return file_name (disk, marks[bringing]);
}

static gboolean
has_mark (int records, const JournalDisk *disk, Bringing bringing, gboolean *has, GError **error)
{
  g_autofree char *name = mark_name (disk, bringing);
  *has = faccessat (records, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  return *has || errno == ENOENT || fail_errno (error, "%s", name);
}

static gboolean
set_mark (int records, const JournalDisk *disk, Bringing bringing, GError **error)
{
  g_autofree char *name = mark_name (disk, bringing);
  autofd fd = openat (records, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  return (fd >= 0 || fail_errno (error, "%s", name)) && journal_sync (records, name, error);
}

static void
drop_mark (int records, const JournalDisk *disk, Bringing bringing)
{
  g_autofree char *name = mark_name (disk, bringing);
  unlinkat (records, name, 0); /* where that fails it says what is so */
}

/* -------------------------------------------------------------------- until the host goes down */

static void
drop_ended (int records, const JournalDisk *disk)
{
  g_autofree char *name = file_name (disk, "ended");
  unlinkat (records, name, 0);
}

/* Where that cannot be noted it is done again, as if it had not ended. */
static void
note_ended (int records, const JournalDisk *disk)
{
  g_autofree char *name = file_name (disk, "ended");
  g_autofree char *boot = device_boot ();
  autofd fd = openat (records, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || !boot || write (fd, boot, strlen (boot)) < 0)
    drop_ended (records, disk);
}

static gboolean
has_ended (int records, const JournalDisk *disk)
{
  char noted[64] = "";
  g_autofree char *name = file_name (disk, "ended");
  g_autofree char *boot = device_boot ();
  autofd fd = openat (records, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  return fd >= 0 && boot && read (fd, noted, sizeof noted - 1) > 0 && g_str_equal (noted, boot);
}

gboolean
bringing_look (int records, const JournalDisk *disk, Bringing *bringing, GError **error)
{
  gboolean begun, done;
  if (!has_mark (records, disk, BRINGING_BEGUN, &begun, error) ||
      !has_mark (records, disk, BRINGING_DONE, &done, error))
    return FALSE;
  *bringing = done ? BRINGING_DONE : begun ? BRINGING_BEGUN : BRINGING_NOT_BEGUN;
  return TRUE;
}

gboolean
bringing_any (const Journal *journal)
{
  for (guint i = 0; i < journal->disks->len; i++)
    if (((const JournalDisk *)g_ptr_array_index (journal->disks, i))->back)
      return TRUE;
  return FALSE;
}

static gboolean
any_was_begun (int records, const Journal *journal)
{
  for (guint i = 0; i < journal->disks->len; i++) {
    const JournalDisk *disk = g_ptr_array_index (journal->disks, i);
    Bringing bringing;
    if (disk->back && (!bringing_look (records, disk, &bringing, NULL) || bringing))
      return TRUE;
  }
  return FALSE;
}

/* -------------------------------------------------------------------- one disk */

gboolean
bringing_check_free (const Places *places, const Journal *journal, GError **error)
{
  for (guint i = 0; i < journal->disks->len; i++) {
    const JournalDisk *disk = g_ptr_array_index (journal->disks, i);
    g_autofree char *path = g_build_filename (disk->directory, disk->file, NULL);
    autofd fd = disk->back ? places_open_path (places, path, O_RDONLY | O_EXCL, NULL) : -1;
    if (disk->back && fd < 0 && errno == EBUSY)
      return fail (error, BACKEND_ERROR_BUSY, "%s is in use by the host", path);
    if (fd >= 0 && !device_check_writers (fd, 0, path, error))
      return FALSE;
  }
  return TRUE;
}

/* It may be another file now, which no machine is to have before all is done; and its bytes are to
 * be there before anything says so. */
static gboolean
open_again (Applying *disk, const Places *places, GError **error)
{
  const JournalDisk *journal = disk->journal;
  g_autoptr (GError) wrong = NULL;
  autofd fd = applying_open_active (journal, places, error);
  if (fd < 0)
    return FALSE;
  if (!elsewhere_check (places, journal->back, fd, &wrong))
    return fail (error, BACKEND_ERROR_FAILED, "%s is said to be brought back: %s", journal->file,
                 wrong->message);
  if (!journal_sync (fd, journal->file, error) ||
      !journal_sync (disk->directory, journal->directory, error) ||
      !locks_exclude_writers (fd, journal->file, error))
    return FALSE;
  fd_close_pointer (&disk->active);
  disk->active = fd_steal (&fd);
  return TRUE;
}

/* What has ended but is not as it must be is to be done again, unless a machine has it. */
static gboolean
take_over (int records, Applying *disk, const Places *places, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (open_again (disk, places, &wrong))
    return set_mark (records, disk->journal, BRINGING_DONE, error);
  if (!g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_BUSY))
    drop_ended (records, disk->journal);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* Who says that nothing was done may be mistaken. */
static gboolean
is_untouched (const Applying *disk)
{
  struct stat status;
  What what;
  return applying_look (disk, disk->journal->file, &what, &status, NULL) && what == OLD &&
         !applying_was_written (disk, &status);
}

static gboolean
bring_back (int records, const Places *places, Journal *journal, const Applying *disk,
            GError **error)
{
  const JournalDisk *entry = disk->journal;
  g_autofree char *path = g_build_filename (entry->directory, entry->file, NULL);
  gboolean first = !any_was_begun (records, journal), refused;
  if (!set_mark (records, entry, BRINGING_BEGUN, error))
    return FALSE;
  if (!elsewhere_bring_back (places, entry->back, path, disk->active, records, journal->job,
                             &refused, error)) {
    journal->refused = refused && first && is_untouched (disk);
    if (journal->refused)
      drop_mark (records, entry, BRINGING_BEGUN);
    return fail_in (error, "disk %s", entry->back->target);
  }
  note_ended (records, entry);
  return TRUE;
}

static gboolean
do_disk (int records, const Places *places, Journal *journal, Applying *disk, GError **error)
{
  return (has_ended (records, disk->journal) ||
          bring_back (records, places, journal, disk, error)) &&
         take_over (records, disk, places, error);
}

gboolean
bringing_do (int records, const Places *places, Journal *journal, const GArray *disks,
             GError **error)
{
  for (guint i = 0; i < disks->len; i++) {
    Applying *disk = &g_array_index (disks, Applying, i);
    Bringing bringing = BRINGING_DONE;
    if (disk->journal->back && !bringing_look (records, disk->journal, &bringing, error))
      return FALSE;
    if (bringing != BRINGING_DONE && !do_disk (records, places, journal, disk, error))
      return FALSE;
  }
  return TRUE;
}

void
bringing_forget (int records, const Journal *journal)
{
  for (guint i = 0; i < journal->disks->len; i++) {
    const JournalDisk *disk = g_ptr_array_index (journal->disks, i);
    if (!disk->back)
      continue;
    drop_mark (records, disk, BRINGING_BEGUN);
    drop_ended (records, disk);
    drop_mark (records, disk, BRINGING_DONE);
  }
}
