/* What every operation on a domain has in common: its checks, its preparation, its commit.
 *
 * Everything is checked again on the disk and not in what is remembered, and from the moment that
 * the locks are held until the change ends no machine can start. */
#include "change.h"
#include "../qcow2/header.h"
#include "chain.h"
#include "child.h"
#include "fd.h"
#include "file-names.h"
#include "locks.h"
#include "references.h"
#include "replay.h"
#include "tidy.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CREATE_DEADLINE 60           /* seconds for an empty overlay */
#define COPY_DEADLINE (24 * 60 * 60) /* seconds for a whole disk */

static void
change_disk_free (ChangeDisk *disk)
{
  g_clear_pointer (&disk->child, child_free); /* before its file goes */
  /* Uncommitted: nothing refers to it.  Committed: the name is gone already. */
  if (disk->overlay && disk->directory >= 0)
    unlinkat (disk->directory, disk->overlay, 0);
  fd_close_pointer (&disk->prepared);
  fd_close_pointer (&disk->active);
  fd_close_pointer (&disk->directory);
  g_free (disk->overlay);
  g_free (disk->freeze);
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
  if (!replay_domain (change->store->places, change->fd, error))
    return FALSE;
  Records *records = records_read (change->fd, found->uuid, found->name, error);
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
  GHashTableIter iter;
  gpointer value;
  if (records->problem)
    return fail (error, BACKEND_ERROR_DAMAGED, "%s", records->problem);
  g_hash_table_iter_init (&iter, records->records);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Record *record = value;
    if (record->problem)
      return fail (error, BACKEND_ERROR_DAMAGED, "%s: changes are off until that is repaired",
                   record->problem);
  }
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
}

void
change_end (Change *change)
{
  gboolean untidy = change->records && change->records->unnamed->len > 0;
  if (change->fd >= 0 && !journal_exists (change->fd))
    unlink_prepared_records (change);
  g_ptr_array_unref (change->disks);
  g_ptr_array_unref (change->put);
  g_ptr_array_unref (change->remove);
  g_clear_pointer (&change->records, records_free);
  g_clear_pointer (&change->found, local_domain_unref);
  fd_close_pointer (&change->fd);
  held_release (&change->busy);
  if (untidy)
    tidy_later (change->store, change->state->name);
  g_free (change);
}

/* -------------------------------------------------------------------- disks */

static gboolean
check_format (const LocalDisk *disk, GError **error)
{
  if (g_str_equal (disk->format, "qcow2"))
    return TRUE;
  return fail (error, BACKEND_ERROR_UNSUPPORTED,
               "%s (%s) is a %s disk, which cannot have overlays: "
               "it would have to be qcow2 (qemu-img convert -O qcow2)",
               disk->target, disk->file, disk->format);
}

/* What would make a step fail that comes after the commit point. */
static gboolean
check_may_be_renamed (int fd, const char *name, GError **error)
{
  struct statx status;
  if (statx (fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) < 0)
    return fail_errno (error, "%s", name);
  if (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is immutable (chattr -i -a makes it not so)",
                 name);
  return TRUE;
}

static gboolean
check_file (ChangeDisk *disk, GError **error)
{
  struct stat file, directory;
  const char *name = disk->disk->file;
  if (fstat (disk->active, &file) < 0 || fstat (disk->directory, &directory) < 0)
    return fail_errno (error, "%s", name);
  if (!S_ISREG (file.st_mode))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is no regular file", name);
  if (file.st_nlink != 1)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s has %u names (hard links): a snapshot would change the disk under the others",
                 name, (guint)file.st_nlink);
  if (file.st_dev != directory.st_dev)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is a mount point", name);
  disk->inode = file.st_ino;
  return check_may_be_renamed (disk->active, name, error) &&
         check_may_be_renamed (disk->directory, disk->disk->directory, error);
}

static gboolean
check_header (ChangeDisk *disk, GError **error)
{
  const char *name = disk->disk->file;
  g_autoptr (Qcow2Header) header = qcow2_header_read (disk->active, error);
  if (!header) {
    g_prefix_error (error, "%s: ", name);
    return FALSE;
  }
  if (header->encrypted || header->data_file || header->unknown_features)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s is encrypted, has an external data file or features that are not known here",
                 name);
  disk->size = header->size;
  disk->has_snapshots = header->snapshots > 0;
  return TRUE;
}

/* Asked of the descriptions as they are now: one that came since the last scan counts. */
static gboolean
check_references (const Change *change, const ChangeDisk *disk, GError **error)
{
  const Places *places = change->store->places;
  const char *directory = disk->disk->directory, *file = disk->disk->file;
  g_autoptr (GPtrArray) domains = scan_store (places, error);
  g_autoptr (GPtrArray) users =
      domains ? references_as_disk (places, domains, directory, file, error) : NULL;
  g_autoptr (GPtrArray) readers =
      users ? references_to (places, domains, directory, file, error) : NULL;
  if (!readers)
    return FALSE;
  if (users->len > 1)
    return fail (error, BACKEND_ERROR_BUSY, "%s is a disk of %s as well as of %s", file,
                 (const char *)g_ptr_array_index (users, 0),
                 (const char *)g_ptr_array_index (users, 1));
  if (readers->len > 0)
    return fail (error, BACKEND_ERROR_BUSY, "%s is the backing file of %s: it must not change",
                 file, (const char *)g_ptr_array_index (readers, 0));
  return TRUE;
}

static gboolean
open_disk (Change *change, const LocalDisk *local, GError **error)
{
  const Places *places = change->store->places;
  g_autofree char *path = local_disk_path (local);
  ChangeDisk *disk = g_new0 (ChangeDisk, 1);
  g_ptr_array_add (change->disks, disk);
  disk->disk = local;
  disk->active = disk->prepared = -1;
  disk->directory = places_open_path (places, local->directory, O_RDONLY | O_DIRECTORY, error);
  if (disk->directory < 0)
    return FALSE;
  disk->active = places_open_path (places, path, O_RDONLY, error);
  return disk->active >= 0 && check_format (local, error) &&
         locks_exclude_writers (disk->active, local->file, error) && check_file (disk, error) &&
         check_header (disk, error) && check_references (change, disk, error);
}

/* A missing image is no missing snapshot: ENOENT would be taken for that. */
static gboolean
not_found_is_failure (GError **error)
{
  if (error && g_error_matches (*error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    (*error)->code = BACKEND_ERROR_FAILED;
  return FALSE;
}

/* Before anything is prepared: only a store with records is cleaned after a crash. */
static gboolean
open_records (Change *change, GError **error)
{
  return change->fd >= 0 ||
         store_open_records (change->store, change->found->uuid, TRUE, &change->fd, error);
}

gboolean
change_open_disks (Change *change, GError **error)
{
  const LocalDomain *found = change->found;
  if (found->disks->len == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s has no disk image", found->name);
  for (guint i = 0; i < found->disks->len; i++)
    if (!open_disk (change, g_ptr_array_index (found->disks, i), error))
      return not_found_is_failure (error);
  return open_records (change, error);
}

/* -------------------------------------------------------------------- preparing */

static gboolean
copy_attribute (const ChangeDisk *disk, const char *attribute, GError **error)
{
  char value[4096];
  ssize_t length = fgetxattr (disk->active, attribute, value, sizeof value);
  if (length < 0)
    return errno == ENODATA || errno == EOPNOTSUPP ||
           fail_errno (error, "%s of %s", attribute, disk->disk->file);
  return fsetxattr (disk->prepared, attribute, value, (gsize)length, 0) == 0 ||
         fail_errno (error, "%s of %s", attribute, disk->disk->file);
}

/* Whoever may run the machine now may run it afterwards. */
static gboolean
copy_rights (const ChangeDisk *disk, GError **error)
{
  struct stat status;
  if (fstat (disk->active, &status) < 0 ||
      fchown (disk->prepared, status.st_uid, status.st_gid) < 0 ||
      fchmod (disk->prepared, status.st_mode & 07777) < 0)
    return fail_errno (error, "giving the overlay the owner of %s", disk->disk->file);
  return copy_attribute (disk, "system.posix_acl_access", error) &&
         copy_attribute (disk, "security.selinux", error);
}

/* It runs while the records are written; change_finish_overlays waits for it. */
static gboolean
start_overlay (ChangeDisk *disk, const char *const *arguments, guint deadline, GError **error)
{
  disk->deadline = deadline;
  disk->child = child_start (disk->directory, arguments, error);
  return disk->child != NULL;
}

/* A copy has the size that the image has now; the snapshot's may be another. */
static gboolean
set_size (const Change *change, const ChangeDisk *disk, GError **error)
{
  g_autoptr (Qcow2Header) header = qcow2_header_read (disk->prepared, error);
  if (!header || header->size == disk->prepared_size)
    return header != NULL;
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, disk->prepared_size);
  const char *const arguments[] = { "resize",   "-q",          "-f",  "qcow2",
                                    "--shrink", disk->overlay, bytes, NULL };
  return child_qemu_img (disk->directory, arguments, change->job, CREATE_DEADLINE, NULL, error);
}

static gboolean
finish_overlay (const Change *change, ChangeDisk *disk, GError **error)
{
  if (!child_finish (disk->child, change->job, disk->deadline, NULL, error))
    return FALSE;
  disk->prepared = openat (disk->directory, disk->overlay, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (disk->prepared < 0)
    return fail_errno (error, "%s", disk->overlay);
  return set_size (change, disk, error) && copy_rights (disk, error) &&
         locks_exclude_writers (disk->prepared, disk->overlay, error);
}

gboolean
change_finish_overlays (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++)
    if (!finish_overlay (change, g_ptr_array_index (change->disks, i), error))
      return FALSE;
  return TRUE;
}

gboolean
change_overlay (Change *change, ChangeDisk *disk, const char *backing, guint64 size, GError **error)
{
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  disk->overlay = journal_prepared_name ();
  disk->prepared_size = size;
  /* -u: the backing file need not exist yet. */
  const char *const arguments[] = { "create", "-q", "-f",    "qcow2",       "-u",  "-b",
                                    backing,  "-F", "qcow2", disk->overlay, bytes, NULL };
  return start_overlay (disk, arguments, CREATE_DEADLINE, error);
}

gboolean
change_copy_internal (Change *change, ChangeDisk *disk, const char *file, const char *id,
                      guint64 size, GError **error)
{
  g_autofree char *which = g_strconcat ("snapshot.id=", id, NULL);
  g_autofree char *source = g_strconcat ("./", file, NULL);
  if (!chain_check (change->store->places, disk->disk->directory, file, error))
    return FALSE;
  disk->overlay = journal_prepared_name ();
  disk->prepared_size = size;
  const char *const arguments[] = { "convert",   "-q", "-f",  "qcow2", "-O",          "qcow2", "-t",
                                    "writeback", "-l", which, source,  disk->overlay, NULL };
  return start_overlay (disk, arguments, COPY_DEADLINE, error);
}

void
change_freeze (ChangeDisk *disk)
{
  disk->freeze = g_uuid_string_random ();
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
  g_hash_table_remove (change->records->records, uuid);
}

void
change_current (Change *change, const char *id)
{
  g_free (change->records->current);
  change->records->current = g_strdup (id);
  change->head = TRUE;
}
