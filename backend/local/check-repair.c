/* Repairing without guessing: only what follows from what is there.
 *
 *   a journal            is carried out; what was only prepared is removed
 *   a guest              that may be frozen is thawed
 *   a marked image       is repaired by qemu-img check -r all, a noted disk by -r leaks
 *   a damaged record     is put aside, as a whole: nothing of it can be believed.  Its image stays,
 *                        what descends from it becomes a root, and changes are possible again
 *   a damaged head       is put aside; which snapshot was current is not known, so none is, nor
 *                        which methods were chosen, so none are, and images that no record names
 *                        are kept, for only the head knew why
 *   a missing parent     becomes none, as it is shown already; so does one that leads in a circle
 *   a missing current    becomes none
 *   a writable image     loses its write bits
 *
 * Images are never removed here: what nobody names may be the only copy of what somebody misses.
 * A repair may be killed anywhere and begun again: no step leaves anything worse. */
#include "change.h"
#include "check-findings.h"
#include "device.h"
#include "fd.h"
#include "file-names.h"
#include "fold.h"
#include "frozen.h"
#include "guest-note.h"
#include "journal.h"
#include "locks.h"
#include "replay.h"
#include "stream-note.h"
#include "thaw.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define THAW (10 * G_USEC_PER_SEC)

/* -------------------------------------------------------------------- what was interrupted */

static void
finish_operation (Check *check, const CheckDomain *domain)
{
  g_autoptr (GError) error = NULL;
  gboolean journal = journal_exists (domain->fd);
  if (!replay_domain (check->places, domain->fd, domain->uuid, &error)) {
    check_say (check, CHECK_NOTE, domain->path, "what was interrupted cannot be completed: %s",
               error->message);
    return;
  }
  if (journal)
    check_say (check, CHECK_REPAIRED, domain->path, "the interrupted operation is completed");
  for (guint i = 0; i < domain->files->len && !journal; i++) {
    const char *file = g_ptr_array_index (domain->files, i);
    g_autofree char *left = g_build_filename (domain->path, file, NULL);
    if (records_is_left_over (file))
      check_say (check, CHECK_REPAIRED, left, "removed: it was prepared and never used");
  }
}

static void
thaw_guest (Check *check, const CheckDomain *domain)
{
  g_autoptr (GError) error = NULL;
  gint64 deadline = g_get_monotonic_time () + THAW;
  if (!guest_notes_exist (domain->fd))
    return;
  if (thaw_left_over (check->places, domain->fd, domain->found, deadline, &error))
    check_say (check, CHECK_REPAIRED, domain->path,
               "the guest goes on, thawed, or its machine is off");
  else
    check_say (check, CHECK_NOTE, domain->path, "%s", error->message);
}

static void
finish_folding (Check *check, const CheckDomain *domain)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  gboolean repaired;
  if (!fold_is_interrupted (domain->fd))
    return;
  fold_read_mark (check->places, domain->fd, &path, NULL);
  if (fold_repair (check->places, domain->fd, NULL, &repaired, &error))
    check_say (check, CHECK_REPAIRED, path ? path : domain->path,
               "what an interrupted folding left in it is repaired");
  else
    check_say (check, CHECK_NOTE, domain->path, "%s", error->message);
}

static void
finish_streaming (Check *check, const CheckDomain *domain)
{
  g_autofree char *disk = stream_note_read (domain->fd, check->places);
  g_autoptr (GError) error = NULL;
  if (!stream_note_exists (domain->fd))
    return;
  if (stream_note_repair (domain->fd, check->places, &error))
    check_say (check, CHECK_REPAIRED, disk ? disk : domain->path,
               "what an interrupted folding into it may have taken is freed");
  else
    check_say (check, CHECK_NOTE, domain->path, "%s", error->message);
}

/* -------------------------------------------------------------------- records */

static gboolean
put_in_place (const CheckDomain *domain, const char *file, GError **error)
{
  g_autofree char *prepared = g_strconcat (file, PREPARED_SUFFIX, NULL);
  if (renameat (domain->fd, prepared, domain->fd, file) < 0)
    return fail_errno (error, "writing %s/%s", domain->path, file);
  return journal_sync (domain->fd, domain->path, error);
}

static gboolean
write_record (const CheckDomain *domain, const Record *record, GError **error)
{
  g_autofree char *file = records_file (record->uuid);
  return records_write_snapshot (domain->fd, record, PREPARED_SUFFIX, error) &&
         put_in_place (domain, file, error);
}

/* Keeps the damaged file beside what takes its place; an older one of the name is as damaged. */
static gboolean
put_aside (const CheckDomain *domain, const char *file, GError **error)
{
  g_autofree char *aside = g_strconcat (file, DAMAGED_SUFFIX, NULL);
  if (linkat (domain->fd, file, domain->fd, aside, 0) < 0 && errno != EEXIST && errno != ENOENT)
    return fail_errno (error, "putting %s/%s aside", domain->path, file);
  return journal_sync (domain->fd, domain->path, error);
}

static gboolean
repair_head (Check *check, CheckDomain *domain, GError **error)
{
  g_autofree char *path = g_build_filename (domain->path, RECORDS_HEAD, NULL);
  Records *records = domain->records;
  gboolean damaged = records->problem != NULL;
  if (!damaged && check_has_snapshot (domain, records->current))
    return TRUE;
  if (damaged && !put_aside (domain, RECORDS_HEAD, error))
    return FALSE;
  g_clear_pointer (&records->current, g_free);
  if (damaged)
    check_keep_unlisted (check, domain);
  if (!commit_head (domain->fd, domain->records, error))
    return FALSE;
  check_say (check, CHECK_REPAIRED, path,
             damaged ? "written anew: which snapshot was current is not known, so none is"
                     : "the current snapshot is not there, so none is current");
  return TRUE;
}

static gboolean
make_root (Check *check, CheckDomain *domain, const Record *record, GError **error)
{
  g_autofree char *path = check_record_path (domain, record);
  g_autoptr (Record) root = record_copy (record);
  g_clear_pointer (&root->parent, g_free);
  if (!write_record (domain, root, error))
    return FALSE;
  check_say (check, CHECK_REPAIRED, path, "%s has no parent any more: %s", root->name,
             "it was missing, damaged or led in a circle");
  return TRUE;
}

static gboolean
has_sound_parent (const CheckDomain *domain, const Record *record)
{
  const Record *parent = record->parent ? records_find (domain->records, record->parent) : NULL;
  return check_has_snapshot (domain, record->parent) && !(parent && parent->problem) &&
         !check_descends_from_itself (domain, record);
}

/* Decided for all before the first is changed: each of a circle becomes a root, as it is shown. */
static gboolean
repair_parents (Check *check, CheckDomain *domain, GError **error)
{
  g_autoptr (GPtrArray) sorted = frozen_by_age (domain->records);
  for (guint i = 0; i < sorted->len; i++) {
    const Record *record = g_ptr_array_index (sorted, i);
    if (!record->problem && !has_sound_parent (domain, record) &&
        !make_root (check, domain, record, error))
      return FALSE;
  }
  return TRUE;
}

/* After its children have let go of it. */
static gboolean
put_damaged_aside (Check *check, CheckDomain *domain, const Record *record, GError **error)
{
  g_autofree char *path = check_record_path (domain, record);
  g_autofree char *file = records_file (record->uuid);
  if (!put_aside (domain, file, error))
    return FALSE;
  if (unlinkat (domain->fd, file, 0) < 0)
    return fail_errno (error, "%s", path);
  check_say (check, CHECK_REPAIRED, path,
             "put aside as s-%s" DAMAGED_SUFFIX ": nothing of it can be believed; its image stays "
             "where it is",
             record->uuid);
  return journal_sync (domain->fd, domain->path, error);
}

static gboolean
repair_damaged (Check *check, CheckDomain *domain, GError **error)
{
  const Record *damaged;
  while ((damaged = records_find_damaged (domain->records))) {
    if (g_strcmp0 (domain->records->current, damaged->uuid) == 0) {
      g_clear_pointer (&domain->records->current, g_free);
      if (!commit_head (domain->fd, domain->records, error))
        return FALSE;
    }
    if (!put_damaged_aside (check, domain, damaged, error))
      return FALSE;
    records_remove (domain->records, damaged->uuid);
  }
  return TRUE;
}

/* -------------------------------------------------------------------- images */

static gboolean
leads_to (const char *path, const struct stat *file)
{
  struct stat status;
  return lstat (path, &status) == 0 && device_same (&status, file);
}

static gboolean
is_named (const Check *check, const char *name)
{
  for (guint i = 0; i < check->domains->len; i++)
    if (records_know_image (((CheckDomain *)g_ptr_array_index (check->domains, i))->records, name))
      return TRUE;
  return FALSE;
}

/* By its path, or by the second name that it has until its machine has been off (second-name.h). */
static gboolean
is_disk (const Check *check, const char *path, const WalkFile *file)
{
  gboolean second = !is_named (check, file->name);
  for (guint i = 0; i < check->found->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (check->found, i);
    for (guint j = 0; j < domain->files->len; j++) {
      const char *disk = g_ptr_array_index (domain->files, j);
      if (strcmp (disk, path) == 0 || (second && leads_to (disk, &file->status)))
        return TRUE;
    }
  }
  return FALSE;
}

/* Whoever names it, or could have before the record was damaged. */
static void
repair_mode (Check *check, const char *path, int fd, const WalkFile *file)
{
  mode_t mode = file->status.st_mode;
  if ((mode & WRITE_BITS) == 0 || is_disk (check, path, file) || locks_writer_lives (fd))
    return;
  if (fchmod (fd, mode & 07777 & ~(mode_t)WRITE_BITS) == 0)
    check_say (check, CHECK_REPAIRED, path,
               fsync (fd) == 0 ? "is read-only again"
                               : "is read-only again, until the power fails");
}

static gboolean
remove_prepared (Check *check, const char *path, int directory, const char *file, GError **error)
{
  if (unlinkat (directory, file, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "removing %s", path);
  check_say (check, CHECK_REPAIRED, path, "removed: it was prepared and never used");
  return TRUE;
}

static gboolean
repair_file (Check *check, const WalkDirectory *directory, const WalkFile *file, GError **error)
{
  const char *name = file->name;
  gboolean raw;
  if (!g_str_has_prefix (name, IMAGE_PREFIX))
    return TRUE;
  g_autofree char *path = g_build_filename (directory->path, name, NULL);
  autofd fd = openat (directory->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (frozen_is_name (name, &raw) && fd >= 0)
    repair_mode (check, path, fd, file);
  /* What another store prepares in the same directory is locked. */
  if (!journal_is_prepared_name (name) || (fd >= 0 && locks_is_in_use (fd)))
    return TRUE;
  return remove_prepared (check, path, directory->fd, name, error);
}

static gboolean
repair_directory (const WalkDirectory *directory, gpointer data, GError **error)
{
  for (guint i = 0; i < directory->files->len; i++)
    if (!repair_file (data, directory, g_ptr_array_index (directory->files, i), error))
      return FALSE;
  return TRUE;
}

/* Only what no journal needs any more. */
static gboolean
repair_files (Check *check, GError **error)
{
  g_autoptr (GPtrArray) directories = check_disk_directories (check);
  for (guint i = 0; i < check->domains->len; i++)
    if (journal_exists (((CheckDomain *)g_ptr_array_index (check->domains, i))->fd))
      return TRUE;
  const WalkOrder order = { .places = check->places, .more = directories };
  return walk_places (&order, repair_directory, check, error);
}

/* -------------------------------------------------------------------- the whole */

static gboolean
repair_domain (Check *check, CheckDomain *domain, GError **error)
{
  if (journal_exists (domain->fd))
    return TRUE; /* what it would change is not to be changed before */
  return repair_head (check, domain, error) && repair_parents (check, domain, error) &&
         repair_damaged (check, domain, error);
}

gboolean
check_repair (Check *check, GError **error)
{
  for (guint i = 0; i < check->domains->len; i++) {
    finish_operation (check, g_ptr_array_index (check->domains, i));
    thaw_guest (check, g_ptr_array_index (check->domains, i)); /* who is paused cannot */
    finish_folding (check, g_ptr_array_index (check->domains, i));
    finish_streaming (check, g_ptr_array_index (check->domains, i));
  }
  if (!check_read_domains (check, error) || !repair_files (check, error))
    return FALSE;
  for (guint i = 0; i < check->domains->len; i++)
    if (!repair_domain (check, g_ptr_array_index (check->domains, i), error))
      return FALSE;
  return TRUE;
}
