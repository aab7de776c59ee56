/* Carrying out a journal: only links, renames and unlinks, each skipped when already done.
 *
 * Nothing here allocates space in an image, and nothing can be refused for a reason that a later
 * replay would not find gone, but one: a file that is not the one the journal means.  Then
 * somebody has put another in its place, and the journal stays until a person has looked. */
#include "fd.h"
#include "file-names.h"
#include "journal.h"
#include "locks.h"
#include "records.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define WRITE_BITS 0222

/* -------------------------------------------------------------------- one disk */

/* A disk with what keeps machines from it until all is applied. */
typedef struct {
  const JournalDisk *journal;
  int directory;
  int active;   /* -1: it is not at the active path any more */
  int prepared; /* the same for its path */
} Applying;

static void
applying_clear (gpointer data)
{
  Applying *disk = data;
  fd_close_pointer (&disk->prepared);
  fd_close_pointer (&disk->active);
  fd_close_pointer (&disk->directory);
}

typedef enum { ABSENT, OLD, OVERLAY, FOREIGN } What;

/* What is at @name.  Absent is only what the file system says is: any other answer is an error,
 * because "not there" means "already done". */
static gboolean
look (const Applying *disk, const char *name, What *what, struct stat *status, GError **error)
{
  *what = FOREIGN;
  if (fstatat (disk->directory, name, status, AT_SYMLINK_NOFOLLOW) == 0)
    *what = status->st_ino == disk->journal->inode     ? OLD
            : status->st_ino == disk->journal->overlay ? OVERLAY
                                                       : FOREIGN;
  else if (errno == ENOENT)
    *what = ABSENT;
  else
    return fail_errno (error, "%s", name);
  return TRUE;
}

static gboolean
cannot_complete (const char *name, const char *why, GError **error)
{
  return fail (error, BACKEND_ERROR_DAMAGED, "an interrupted operation cannot be completed: %s %s",
               name, why);
}

static char *
frozen_name (const JournalDisk *disk)
{
  return g_strconcat (IMAGE_PREFIX, disk->freeze, IMAGE_SUFFIX, NULL);
}

/* Whether the old disk's bytes are safe under their frozen name, if they are to be. */
static gboolean
check_is_frozen (const Applying *disk, GError **error)
{
  struct stat status;
  What what;
  if (!disk->journal->freeze)
    return TRUE;
  g_autofree char *frozen = frozen_name (disk->journal);
  if (!look (disk, frozen, &what, &status, error))
    return FALSE;
  return what == OLD || cannot_complete (frozen, "is missing", error);
}

static gboolean
check_is_prepared (const Applying *disk, GError **error)
{
  struct stat status;
  What what;
  if (!look (disk, disk->journal->prepared, &what, &status, error))
    return FALSE;
  return what == OVERLAY || cannot_complete (disk->journal->prepared, "is missing", error);
}

/* The order matters when the power fails: the frozen name must be durable before the active
 * path, the only other one, is given to the overlay. */
static gboolean
freeze (const Applying *disk, GError **error)
{
  const char *file = disk->journal->file;
  g_autofree char *frozen = frozen_name (disk->journal);
  struct stat status;
  What what;
  if (!look (disk, frozen, &what, &status, error))
    return FALSE;
  if (what == OVERLAY || what == FOREIGN)
    return cannot_complete (frozen, "is another file", error);
  if (what == ABSENT && linkat (disk->directory, file, disk->directory, frozen, 0) < 0)
    return fail_errno (error, "freezing %s", file);
  if (fstatat (disk->directory, frozen, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
      fchmodat (disk->directory, frozen, status.st_mode & 07777 & ~(mode_t)WRITE_BITS, 0) < 0)
    return fail_errno (error, "freezing %s", file);
  return journal_sync (disk->directory, file, error);
}

/* Nothing leads to the old disk by the active path any more; its bytes are frozen or given up. */
static gboolean
take_away (const Applying *disk, GError **error)
{
  if (unlinkat (disk->directory, disk->journal->file, 0) < 0)
    return fail_errno (error, "taking away %s", disk->journal->file);
  return journal_sync (disk->directory, disk->journal->file, error);
}

/* From the old disk at its path to one that may be replaced. */
static gboolean
give_up_old (const Applying *disk, const struct stat *status, gboolean together, GError **error)
{
  const JournalDisk *journal = disk->journal;
  if (!check_is_prepared (disk, error))
    return FALSE;
  if (!journal->freeze && journal_modified (status) != journal->modified)
    return cannot_complete (journal->file, "was written to since, and would be dropped", error);
  if (journal->freeze && !freeze (disk, error))
    return FALSE;
  return !together || take_away (disk, error);
}

static gboolean
make_room (const Applying *disk, gboolean together, GError **error)
{
  struct stat status;
  What what;
  if (!look (disk, disk->journal->file, &what, &status, error))
    return FALSE;
  switch (what) {
  case OVERLAY:
    return check_is_frozen (disk, error);
  case ABSENT:
    return check_is_prepared (disk, error) && check_is_frozen (disk, error);
  case OLD:
    return give_up_old (disk, &status, together, error);
  case FOREIGN:
  default:
    return cannot_complete (disk->journal->file, "was replaced by another file", error);
  }
}

static gboolean
put_in_place (const Applying *disk, gboolean together, GError **error)
{
  const char *file = disk->journal->file;
  struct stat status;
  What what;
  if (!look (disk, file, &what, &status, error))
    return FALSE;
  if (what == OVERLAY)
    return TRUE;
  if (!check_is_frozen (disk, error) || !check_is_prepared (disk, error))
    return FALSE;
  if (renameat (disk->directory, disk->journal->prepared, disk->directory, file) < 0)
    return fail_errno (error, "putting %s in place", file);
  return journal_sync (disk->directory, file, error);
}

/* -------------------------------------------------------------------- all disks */

/* A name that is absent needs no lock. */
static gboolean
keep_machines_out (const Applying *disk, const char *name, int *fd, GError **error)
{
  *fd = openat (disk->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (*fd < 0)
    return errno == ENOENT || fail_errno (error, "%s", name);
  return locks_exclude_writers (*fd, name, error);
}

static gboolean
begin_disk (const Places *places, const JournalDisk *journal, GArray *disks, GError **error)
{
  const Applying nothing = { journal, -1, -1, -1 };
  g_array_append_val (disks, nothing);
  Applying *disk = &g_array_index (disks, Applying, disks->len - 1);
  disk->directory = places_open_path (places, journal->directory, O_RDONLY | O_DIRECTORY, error);
  return disk->directory >= 0 && keep_machines_out (disk, journal->file, &disk->active, error) &&
         keep_machines_out (disk, journal->prepared, &disk->prepared, error);
}

static gboolean
apply_each (const GArray *disks, gboolean together,
            gboolean (*step) (const Applying *disk, gboolean together, GError **error),
            GError **error)
{
  for (guint i = 0; i < disks->len; i++)
    if (!step (&g_array_index (disks, Applying, i), together, error))
      return FALSE;
  return TRUE;
}

static gboolean
apply_disks (const Places *places, const Journal *journal, GError **error)
{
  g_autoptr (GArray) disks = g_array_new (FALSE, FALSE, sizeof (Applying));
  g_array_set_clear_func (disks, applying_clear);
  for (guint i = 0; i < journal->disks->len; i++)
    if (!begin_disk (places, g_ptr_array_index (journal->disks, i), disks, error))
      return FALSE;
  return apply_each (disks, journal->together, make_room, error) &&
         apply_each (disks, journal->together, put_in_place, error);
}

/* -------------------------------------------------------------------- records */

static gboolean
move_record (int records, const char *file, GError **error)
{
  g_autofree char *prepared = g_strconcat (file, PREPARED_SUFFIX, NULL);
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
  if (!apply_disks (places, journal, error) || !apply_records (records, journal, error))
    return FALSE;
  /* Made durable before anything else is prepared here (journal_settle), not now: a journal that
   * comes back after a power cut finds all done. */
  if (unlinkat (records, JOURNAL_FILE, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "removing the journal");
  return TRUE;
}
