/* Opening the disks of a journal, and seeing how far it came with each. */
#include "applying.h"
#include "bringing.h"
#include "fd.h"
#include "locks.h"
#include <fcntl.h>

#define TRIES 20
#define PAUSE 10000 /* microseconds */

static void
applying_clear (gpointer data)
{
  Applying *disk = data;
  fd_close_pointer (&disk->prepared);
  fd_close_pointer (&disk->active);
  fd_close_pointer (&disk->directory);
}

/* A QEMU that may not open the file looks like one that has it open for a moment: what is committed
 * does not end because of that. */
static gboolean
exclude_writers (int fd, const char *name, GError **error)
{
  for (int i = 0; i < TRIES; i++) {
    if (locks_exclude_writers (fd, name, NULL))
      return TRUE;
    g_usleep (PAUSE);
  }
  return locks_exclude_writers (fd, name, error);
}

/* It may be a device, whose name is a link. */
int
applying_open_active (const JournalDisk *journal, const Places *places, GError **error)
{
  g_autofree char *path = g_build_filename (journal->directory, journal->file, NULL);
  return places_open_path (places, path, O_RDONLY | O_NOFOLLOW, error);
}

/* A name that is absent needs no lock. */
static gboolean
keep_from_active (Applying *disk, const Places *places, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  disk->active = applying_open_active (disk->journal, places, &wrong);
  if (disk->active >= 0)
    return exclude_writers (disk->active, disk->journal->file, error);
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static gboolean
keep_from_prepared (Applying *disk, GError **error)
{
  const char *name = disk->journal->prepared;
  disk->prepared = openat (disk->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (disk->prepared < 0)
    return errno == ENOENT || fail_errno (error, "%s", name);
  return exclude_writers (disk->prepared, name, error);
}

static gboolean
look_how_far (int records, Applying *disk, GError **error)
{
  Bringing bringing = BRINGING_NOT_BEGUN;
  if (disk->journal->back && !bringing_look (records, disk->journal, &bringing, error))
    return FALSE;
  disk->begun = bringing != BRINGING_NOT_BEGUN;
  return TRUE;
}

static gboolean
begin_disk (int records, const Places *places, const JournalDisk *journal, GArray *disks,
            GError **error)
{
  const Applying nothing = { journal, -1, -1, -1, FALSE };
  g_array_append_val (disks, nothing);
  Applying *disk = &g_array_index (disks, Applying, disks->len - 1);
  disk->directory = places_open_path (places, journal->directory, O_RDONLY | O_DIRECTORY, error);
  if (disk->directory < 0 || (!journal->prepared && !journal->back))
    return disk->directory >= 0;
  return look_how_far (records, disk, error) && keep_from_active (disk, places, error) &&
         (journal->back || keep_from_prepared (disk, error));
}

GArray *
applying_begin (int records, const Places *places, const Journal *journal, GError **error)
{
  g_autoptr (GArray) disks = g_array_new (FALSE, FALSE, sizeof (Applying));
  g_array_set_clear_func (disks, applying_clear);
  for (guint i = 0; i < journal->disks->len; i++)
    if (!begin_disk (records, places, g_ptr_array_index (journal->disks, i), disks, error))
      return NULL;
  return g_steal_pointer (&disks);
}

/* A device is not replaced: its name is a link that was followed when it was opened. */
static gboolean
look_at_device (const Applying *disk, What *what, struct stat *status, GError **error)
{
  *what = OLD;
  return fstat (disk->active, status) == 0 || fail_errno (error, "%s", disk->journal->file);
}

gboolean
applying_look (const Applying *disk, const char *name, What *what, struct stat *status,
               GError **error)
{
  const JournalDisk *journal = disk->journal;
  *what = FOREIGN;
  int found = fstatat (disk->directory, name, status, AT_SYMLINK_NOFOLLOW);
  if (found == 0 && journal->back && disk->active >= 0 && S_ISLNK (status->st_mode))
    return look_at_device (disk, what, status, error);
  if (found == 0)
    *what = status->st_ino == journal->inode                     ? OLD
            : status->st_ino == journal->overlay                 ? OVERLAY
            : journal->copy && status->st_ino == journal->copied ? COPY
                                                                 : FOREIGN;
  else if (errno == ENOENT)
    *what = ABSENT;
  else
    return fail_errno (error, "%s", name);
  return TRUE;
}

const char *
applying_suffix (const Applying *disk)
{
  return disk->journal->raw ? RAW_IMAGE_SUFFIX : IMAGE_SUFFIX;
}

char *
applying_frozen_name (const Applying *disk)
{
  return g_strconcat (IMAGE_PREFIX, disk->journal->freeze, applying_suffix (disk), NULL);
}

gboolean
applying_was_written (const Applying *disk, const struct stat *status)
{
  const JournalDisk *journal = disk->journal;
  gboolean dropped = journal->back || (journal->prepared && (!journal->freeze || journal->copy));
  gint64 now;
  return dropped && (!journal_mark (disk->active, status, &now, NULL) || now != journal->modified);
}
