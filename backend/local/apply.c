/* Carrying out a journal: only links, renames and unlinks, each skipped when already done.
 *
 * Nothing here allocates space in an image, but what other storage brings back (bringing.c), which
 * comes first; and nothing can be refused for a reason that a later
 * replay would not find gone, but one: a file that is not the one the journal means.  Then
 * somebody has put another in its place, and the journal stays until a person has looked. */
#include "applying.h"
#include "bringing.h"
#include "frozen.h"
#include "moving.h"
#include "records.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static gboolean
cannot_complete (const char *name, const char *why, GError **error)
{
  return fail (error, BACKEND_ERROR_DAMAGED, "an interrupted operation cannot be completed: %s %s",
               name, why);
}

/* The old disk itself is frozen, or its copy. */
static What
frozen_as (const Applying *disk)
{
  return disk->journal->copy ? COPY : OLD;
}

/* Whether the old disk's bytes are safe under their frozen name, if they are to be. */
static gboolean
check_is_frozen (const Applying *disk, GError **error)
{
  struct stat status;
  What what;
  if (!disk->journal->freeze)
    return TRUE;
  g_autofree char *frozen = applying_frozen_name (disk);
  if (!applying_look (disk, frozen, &what, &status, error))
    return FALSE;
  return what == frozen_as (disk) || cannot_complete (frozen, "is missing", error);
}

static gboolean
check_is_prepared (const Applying *disk, GError **error)
{
  struct stat status;
  What what;
  if (!applying_look (disk, disk->journal->prepared, &what, &status, error))
    return FALSE;
  return what == OVERLAY || cannot_complete (disk->journal->prepared, "is missing", error);
}

static gboolean
name_frozen (const Applying *disk, const char *frozen, GError **error)
{
  const JournalDisk *journal = disk->journal;
  int done = journal->copy ? renameat (disk->directory, journal->copy, disk->directory, frozen)
                           : linkat (disk->directory, journal->file, disk->directory, frozen, 0);
  return done == 0 || fail_errno (error, "freezing %s", journal->file);
}

/* The order matters when the power fails: the frozen name must be durable before the active
 * path, the only other one, is given to the overlay. */
static gboolean
freeze (const Applying *disk, GError **error)
{
  const char *file = disk->journal->file;
  g_autofree char *frozen = applying_frozen_name (disk);
  struct stat status;
  What what;
  if (!applying_look (disk, frozen, &what, &status, error))
    return FALSE;
  if (what != ABSENT && what != frozen_as (disk))
    return cannot_complete (frozen, "is another file", error);
  if (what == ABSENT && !name_frozen (disk, frozen, error))
    return FALSE;
  return frozen_protect (disk->directory, frozen, error) &&
         journal_sync (disk->directory, file, error);
}

/* Nothing leads to the old disk by the active path any more; its bytes are frozen or given up. */
static gboolean
take_away (const Applying *disk, GError **error)
{
  if (unlinkat (disk->directory, disk->journal->file, 0) < 0)
    return fail_errno (error, "taking away %s", disk->journal->file);
  return journal_sync (disk->directory, disk->journal->file, error);
}

/* A disk that was written to after another one had been replaced: neither can be taken back, so
 * what was written is kept, under a name that tidying does not know. */
static gboolean
keep_aside (const Applying *disk, GError **error)
{
  const char *file = disk->journal->file, *prepared = disk->journal->prepared;
  g_autofree char *stem = g_strndup (prepared, strlen (prepared) - strlen (PREPARED_SUFFIX));
  g_autofree char *aside = g_strconcat (stem, applying_suffix (disk), NULL);
  if (linkat (disk->directory, file, disk->directory, aside, 0) < 0 && errno != EEXIST)
    return fail_errno (error, "keeping %s", file);
  g_warning ("%s was written to while it was being replaced: that is kept as %s", file, aside);
  return journal_sync (disk->directory, aside, error);
}

/* From the old disk, of which @status is, at its path to one that may be replaced. */
static gboolean
give_up_old (const Applying *disk, const Journal *journal, const struct stat *status,
             GError **error)
{
  if (!check_is_prepared (disk, error))
    return FALSE;
  if (disk->journal->freeze && !freeze (disk, error))
    return FALSE;
  if (applying_was_written (disk, status) && !keep_aside (disk, error))
    return FALSE;
  return !journal->together || take_away (disk, error);
}

static gboolean
make_room (const Applying *disk, const Journal *journal, GError **error)
{
  struct stat status;
  What what;
  if (!disk->journal->prepared) /* it stays, whatever became of it: its copy is what counts */
    return !disk->journal->freeze || freeze (disk, error);
  if (!applying_look (disk, disk->journal->file, &what, &status, error))
    return FALSE;
  switch (what) {
  case OVERLAY:
    return check_is_frozen (disk, error);
  case ABSENT:
    return check_is_prepared (disk, error) && check_is_frozen (disk, error);
  case OLD:
    return give_up_old (disk, journal, &status, error);
  case COPY:
  case FOREIGN:
  default:
    return cannot_complete (disk->journal->file, "was replaced by another file", error);
  }
}

static gboolean
put_in_place (const Applying *disk, const Journal *journal, GError **error)
{
  const char *file = disk->journal->file;
  struct stat status;
  What what;
  if (!disk->journal->prepared)
    return TRUE;
  if (!applying_look (disk, file, &what, &status, error))
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

static gboolean
apply_each (const GArray *disks, const Journal *journal,
            gboolean (*step) (const Applying *disk, const Journal *journal, GError **error),
            GError **error)
{
  for (guint i = 0; i < disks->len; i++)
    if (!step (&g_array_index (disks, Applying, i), journal, error))
      return FALSE;
  return TRUE;
}

/* What is written over cannot be kept aside. */
static gboolean
check_may_be_brought_back (const Applying *disk, What what, const struct stat *status,
                           GError **error)
{
  if (disk->begun)
    return TRUE;
  if (what != OLD)
    return cannot_complete (disk->journal->file, "was replaced by another file", error);
  return !applying_was_written (disk, status) ||
         cannot_complete (disk->journal->file,
                          "was written to since, or its host was started anew, and would be lost",
                          error);
}

/* Asked of all disks before the first is touched. */
static gboolean
check_unwritten (const Applying *disk, const Journal *journal, GError **error)
{
  struct stat status;
  What what;
  if (!applying_look (disk, disk->journal->file, &what, &status, error))
    return FALSE;
  if (disk->journal->back)
    return check_may_be_brought_back (disk, what, &status, error);
  return what != OLD || journal->keep_written || !applying_was_written (disk, &status) ||
         cannot_complete (disk->journal->file, "was written to since, and would be dropped", error);
}

/* The disks, so that they stay locked; NULL with an error. */
static GArray *
bring_back (int records, const Places *places, Journal *journal, GError **error)
{
  g_autoptr (GArray) disks = applying_begin (records, places, journal, error);
  if (!disks || !apply_each (disks, journal, check_unwritten, error) ||
      !bringing_do (records, places, journal, disks, error))
    return NULL;
  return g_steal_pointer (&disks);
}

static gboolean
apply_disks (int records, const Places *places, const Journal *journal, GError **error)
{
  autolock held = moving_hold ();
  g_autoptr (GArray) disks = applying_begin (records, places, journal, error);
  return disks && apply_each (disks, journal, check_unwritten, error) &&
         apply_each (disks, journal, make_room, error) &&
         apply_each (disks, journal, put_in_place, error);
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

gboolean
journal_apply_records (int records, const Journal *journal, GError **error)
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
journal_remove (int records, GError **error)
{
  /* Made durable before anything else is prepared here (journal_settle), not now: a journal that
   * comes back after a power cut finds all done. */
  return unlinkat (records, JOURNAL_FILE, 0) == 0 || errno == ENOENT ||
         fail_errno (error, "removing the journal");
}

gboolean
journal_apply (int records, const Places *places, Journal *journal, GError **error)
{
  gboolean any = bringing_any (journal);
  g_autoptr (GArray) brought = any ? bring_back (records, places, journal, error) : NULL;
  if ((any && !brought) || !apply_disks (records, places, journal, error) ||
      !journal_apply_records (records, journal, error) || !journal_remove (records, error))
    return FALSE;
  if (any && journal_sync (records, "the records", NULL)) /* it must not come back without them */
    bringing_forget (records, journal);
  return TRUE;
}
