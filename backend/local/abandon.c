/* Giving up an operation that nobody was told of.
 *
 * The daemon died between the commit point and the first change of a disk, and before it came back
 * a machine was started and wrote to a disk that the operation would drop.  What it wrote exists
 * nowhere else, and the operation was never answered: so the operation goes. */
#include "applying.h"
#include "fd.h"
#include <fcntl.h>

/* *@written: at least one was; FALSE with DAMAGED when one has been replaced already. */
static gboolean
look_at_all (const GArray *disks, gboolean *written, GError **error)
{
  *written = FALSE;
  for (guint i = 0; i < disks->len; i++) {
    const Applying *disk = &g_array_index (disks, Applying, i);
    struct stat status;
    What what;
    if (!disk->journal->prepared && !disk->journal->back) /* it stays in any case */
      continue;
    if (!applying_look (disk, disk->journal->file, &what, &status, error))
      return FALSE;
    if (what != OLD || disk->begun)
      return fail (error, BACKEND_ERROR_DAMAGED, "%s was replaced already", disk->journal->file);
    *written |= applying_was_written (disk, &status);
  }
  return TRUE;
}

/* Being frozen took its right to be written; the overlay has what it had. */
static gboolean
restore_rights (const Applying *disk, GError **error)
{
  const char *file = disk->journal->file;
  struct stat status;
  if (disk->prepared < 0)
    return TRUE;
  autofd fd = openat (disk->directory, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat (disk->prepared, &status) < 0 || fchmod (fd, status.st_mode & 07777) < 0)
    return fail_errno (error, "giving back %s", file);
  return journal_sync (fd, file, error);
}

/* The active file keeps its path, and nothing but that. */
static gboolean
unfreeze (const Applying *disk, GError **error)
{
  struct stat status;
  What what;
  if (!disk->journal->freeze)
    return TRUE;
  g_autofree char *frozen = applying_frozen_name (disk);
  if (!applying_look (disk, frozen, &what, &status, error) || !restore_rights (disk, error))
    return FALSE;
  if ((what == OLD || what == COPY) && unlinkat (disk->directory, frozen, 0) < 0)
    return fail_errno (error, "giving back %s", disk->journal->file);
  return journal_sync (disk->directory, frozen, error);
}

gboolean
journal_abandon (int records, const Places *places, const Journal *journal, GError **error)
{
  gboolean written;
  g_autoptr (GArray) disks = applying_begin (records, places, journal, error);
  if (!disks || !look_at_all (disks, &written, error))
    return FALSE;
  if (!written)
    return fail (error, BACKEND_ERROR_DAMAGED, "no disk was written to since");
  for (guint i = 0; i < disks->len; i++)
    if (!unfreeze (&g_array_index (disks, Applying, i), error))
      return FALSE;
  return journal_give_up (records, error);
}
