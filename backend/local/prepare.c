/* The disks of a change: what must be true of them, and what will take their places.
 *
 * Everything is checked again on the disk and not in what is remembered, and from the moment that
 * the locks are held until the change ends no machine can start. */
#include "../qcow2/header.h"
#include "chain.h"
#include "change.h"
#include "child.h"
#include "fd.h"
#include "locks.h"
#include "references.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CREATE_DEADLINE 60           /* seconds for an empty overlay */
#define COPY_DEADLINE (24 * 60 * 60) /* seconds for a whole disk */

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
  if (!header)
    return fail_in (error, "%s", name);
  if (!qcow2_header_is_plain (header))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s is encrypted, has an external data file or features that are not known here",
                 name);
  disk->size = header->size;
  disk->has_snapshots = header->snapshots > 0;
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
         check_header (disk, error);
}

static gboolean
check_references (const Places *places, const GPtrArray *domains, const LocalDisk *disk,
                  GError **error)
{
  const char *directory = disk->directory, *file = disk->file;
  g_autoptr (GPtrArray) users = references_as_disk (places, domains, directory, file, error);
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

/* Asked of the descriptions as they are now: one that came since the last scan counts. */
gboolean
change_check_references (const Change *change, GError **error)
{
  const Places *places = change->store->places;
  g_autoptr (GPtrArray) domains = scan_store (places, error);
  if (!domains)
    return FALSE;
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (!check_references (places, domains, disk->disk, error))
      return FALSE;
  }
  return TRUE;
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

/* It runs while the records are written; change_finish_overlays waits for it.  qemu-img writes into
 * the file that it finds, so that the journal can name its inode before. */
static gboolean
start_overlay (ChangeDisk *disk, const char *const *arguments, guint deadline, GError **error)
{
  disk->prepared = openat (disk->directory, disk->overlay,
                           O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (disk->prepared < 0)
    return fail_errno (error, "%s", disk->overlay);
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

/* What the journal names is what was made. */
static gboolean
check_is_still_there (const ChangeDisk *disk, GError **error)
{
  struct stat opened, named;
  if (fstat (disk->prepared, &opened) < 0 ||
      fstatat (disk->directory, disk->overlay, &named, AT_SYMLINK_NOFOLLOW) < 0)
    return fail_errno (error, "%s", disk->overlay);
  return opened.st_ino == named.st_ino ||
         fail (error, BACKEND_ERROR_FAILED, "%s was replaced while it was made", disk->overlay);
}

static gboolean
finish_overlay (const Change *change, ChangeDisk *disk, GError **error)
{
  if (!child_finish (disk->child, change->job, disk->deadline, NULL, error))
    return FALSE;
  if (!check_is_still_there (disk, error))
    return FALSE;
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
