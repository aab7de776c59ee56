/* What will take the disks' places: overlays, copies of what is inside images, and clones.
 *
 * They are made in files that are there before whoever fills them starts (qemu-img, mostly), so
 * that the journal can name their inodes meanwhile. */
#include "prepare.h"
#include "../qcow2/header.h"
#include "chain.h"
#include "compress.h"
#include "locks.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CREATE_DEADLINE 60 /* seconds for an empty overlay */

static gboolean
copy_attribute (const ChangeDisk *disk, int to, const char *attribute, GError **error)
{
  char value[4096];
  ssize_t length = fgetxattr (disk->active, attribute, value, sizeof value);
  if (length < 0)
    return errno == ENODATA || errno == EOPNOTSUPP ||
           fail_errno (error, "%s of %s", attribute, disk->disk->file);
  return fsetxattr (to, attribute, value, (gsize)length, 0) == 0 ||
         fail_errno (error, "%s of %s", attribute, disk->disk->file);
}

gboolean
prepare_rights (const ChangeDisk *disk, int to, GError **error)
{
  struct stat status;
  if (fstat (disk->active, &status) < 0 || fchown (to, status.st_uid, status.st_gid) < 0 ||
      fchmod (to, status.st_mode & 07777) < 0)
    return fail_errno (error, "giving a new file the owner of %s", disk->disk->file);
  return copy_attribute (disk, to, "system.posix_acl_access", error) &&
         copy_attribute (disk, to, "security.selinux", error);
}

gboolean
prepare_file (const ChangeDisk *disk, const char *name, int *fd, GError **error)
{
  *fd = openat (disk->directory, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  return *fd >= 0 || fail_errno (error, "%s", name);
}

/* It runs while the records are written; change_finish_prepared waits for it. */
static gboolean
start_overlay (ChangeDisk *disk, const char *const *arguments, guint deadline, GError **error)
{
  if (!prepare_file (disk, disk->overlay, &disk->prepared, error))
    return FALSE;
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

gboolean
prepare_check (const ChangeDisk *disk, const char *name, int fd, GError **error)
{
  struct stat opened, named;
  if (fstat (fd, &opened) < 0 || fstatat (disk->directory, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
    return fail_errno (error, "%s", name);
  return opened.st_ino == named.st_ino ||
         fail (error, BACKEND_ERROR_FAILED, "%s was replaced while it was made", name);
}

/* Only qemu-img's work may still be under way. */
static gboolean
finish_prepared (const Change *change, ChangeDisk *disk, GError **error)
{
  if (disk->child && !child_finish (disk->child, change->job, disk->deadline, NULL, error))
    return FALSE;
  return prepare_check (disk, disk->overlay, disk->prepared, error) &&
         (!disk->child || set_size (change, disk, error)) &&
         prepare_rights (disk, disk->prepared, error) &&
         locks_exclude_writers (disk->prepared, disk->overlay, error);
}

gboolean
change_finish_prepared (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if ((disk->overlay && !finish_prepared (change, disk, error)) ||
        (disk->copying && !compress_finish (change, disk, error)))
      return FALSE;
  }
  return TRUE;
}

static void
note_backing (ChangeDisk *disk, const char *backing)
{
  struct stat status;
  disk->backing = g_strdup (backing);
  if (fstatat (disk->directory, backing, &status, AT_SYMLINK_NOFOLLOW) == 0)
    disk->behind = status.st_ino;
}

gboolean
change_overlay (Change *change, ChangeDisk *disk, const char *backing, guint64 size, GError **error)
{
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  note_backing (disk, backing);
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
