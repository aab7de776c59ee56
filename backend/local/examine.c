/* The disks of a change: what must be true of them before anything is prepared.
 *
 * Everything is checked again on the disk and not in what is remembered, and from the moment that
 * the locks are held until the change ends no machine can start. */
#include "../qcow2/header.h"
#include "../qcow2/reader.h"
#include "change.h"
#include "device.h"
#include "fd.h"
#include "live-take.h"
#include "locks.h"
#include "moving.h"
#include "references.h"
#include "second-name.h"
#include <fcntl.h>
#include <sys/stat.h>

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

/* It has no name of its own, and is written to where it is. */
static gboolean
check_device (const Change *change, ChangeDisk *disk, const struct stat *device, GError **error)
{
  if (!S_ISBLK (device->st_mode))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is no block device any more",
                 disk->disk->file);
  pid_t machine = change->machine ? qmp_peer (change->machine->qmp) : 0;
  if (!device_check_writers (disk->active, machine, disk->disk->file, error))
    return FALSE;
  disk->inode = device->st_ino;
  return device_size (disk->active, &disk->size, error);
}

static gboolean
check_file (const Change *change, ChangeDisk *disk, GError **error)
{
  struct stat file, directory;
  const char *name = disk->disk->file;
  if (fstat (disk->active, &file) < 0 || fstat (disk->directory, &directory) < 0)
    return fail_errno (error, "%s", name);
  if (disk->disk->device)
    return check_device (change, disk, &file, error);
  if (!S_ISREG (file.st_mode))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is no regular file", name);
  if (file.st_nlink != (disk->second ? 2 : 1))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s has %u names (hard links): a snapshot would change the disk under the others",
                 name, (guint)file.st_nlink);
  if (file.st_dev != directory.st_dev)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is a mount point", name);
  disk->inode = file.st_ino;
  disk->size = image_raw_size ((guint64)file.st_size); /* unless a header says another */
  return check_may_be_renamed (disk->active, name, error) &&
         check_may_be_renamed (disk->directory, disk->disk->directory, error);
}

/* A machine that has it open must be the one that takes part. */
static gboolean
hold_disk (const Change *change, ChangeDisk *disk, GError **error)
{
  struct stat file;
  const char *name = disk->disk->file;
  if (change->machine ? !live_check_disk (change, disk, error)
                      : !locks_exclude_writers (disk->active, name, error))
    return FALSE;
  if (fstat (disk->active, &file) < 0)
    return fail_errno (error, "%s", name);
  disk->second = second_name_find (disk->directory, &file, change->records);
  if (change->machine || !disk->second)
    return TRUE;
  g_autofree char *useless = g_steal_pointer (&disk->second);
  return second_name_drop (disk->directory, useless, error);
}

/* A raw disk has none: what is at its beginning is the guest's. */
static gboolean
check_header (ChangeDisk *disk, GError **error)
{
  const char *name = disk->disk->file;
  if (local_disk_is_raw (disk->disk))
    return TRUE;
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

/* What the host itself uses (it is mounted, or part of another volume) changes without a lock of
 * QEMU's; and as long as it is claimed, the host does not begin to use it. */
static int
claim_device (const Places *places, const char *path, GError **error)
{
  int fd = places_open_path (places, path, O_RDONLY | O_EXCL, error);
  if (fd < 0 && errno == EBUSY && error) {
    g_clear_error (error);
    fail (error, BACKEND_ERROR_BUSY,
          "%s is in use by the host: it is mounted, or another volume is made of it", path);
  }
  return fd;
}

static gboolean
open_disk (Change *change, const LocalDisk *local, GError **error)
{
  const Places *places = change->store->places;
  g_autofree char *path = local_disk_path (local);
  ChangeDisk *disk = g_new0 (ChangeDisk, 1);
  g_ptr_array_add (change->disks, disk);
  disk->disk = local;
  disk->active = disk->prepared = disk->copied = -1;
  disk->directory = places_open_path (places, local->directory, O_RDONLY | O_DIRECTORY, error);
  if (disk->directory < 0)
    return FALSE;
  disk->active = local->device ? claim_device (places, path, error)
                               : places_open_path (places, path, O_RDONLY, error);
  return disk->active >= 0 && hold_disk (change, disk, error) && check_file (change, disk, error) &&
         check_header (disk, error);
}

/* @readers: of the disk's image. */
static gboolean
check_references (const GPtrArray *domains, const LocalDisk *disk, const GPtrArray *readers,
                  GError **error)
{
  const char *file = disk->file;
  g_autofree char *path = local_disk_path (disk);
  g_autoptr (GPtrArray) users = references_as_disk (domains, path, error);
  if (!users)
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

static GPtrArray *
find_readers (const Change *change, const GPtrArray *domains, const Listing *listing,
              GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  const Asking asking = { .places = change->store->places,
                          .domains = domains,
                          .listing = listing,
                          .trusting = TRUE,
                          .job = change->job };
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    g_ptr_array_add (paths, local_disk_path (disk->disk));
  }
  return references_to_all (&asking, paths, error);
}

/* A description may be edited in the moment before an operation that goes by what it said. */
static gboolean
check_description (const Change *change, const GPtrArray *domains, GError **error)
{
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    if (g_str_equal (domain->name, change->found->name) &&
        local_domain_has_same_disks (domain, change->found))
      return TRUE;
  }
  return fail (error, BACKEND_ERROR_BUSY, "the description of %s has just changed",
               change->found->name);
}

/* Asked of the descriptions as they are now: one that came since the last scan counts. */
gboolean
change_check_references (const Change *change, GError **error)
{
  const Places *places = change->store->places;
  autolock held = moving_hold ();
  g_autoptr (Listing) listing = scan_list (places, change->job, error);
  g_autoptr (GPtrArray) domains = listing ? scan_listed (places, listing, error) : NULL;
  if (!domains || !check_description (change, domains, error))
    return FALSE;
  g_autoptr (GPtrArray) readers = find_readers (change, domains, listing, error);
  for (guint i = 0; readers && i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (!check_references (domains, disk->disk, g_ptr_array_index (readers, i), error))
      return FALSE;
  }
  return readers != NULL;
}

/* A missing image is no missing snapshot: ENOENT would be taken for that. */
static gboolean
not_found_is_failure (GError **error)
{
  if (error && g_error_matches (*error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    (*error)->code = BACKEND_ERROR_FAILED;
  return FALSE;
}

gboolean
change_open_records (Change *change, GError **error)
{
  return change->fd >= 0 ||
         store_open_records (change->store, change->found->uuid, TRUE, &change->fd, error);
}

gboolean
change_open_disks (Change *change, const GPtrArray *left_out, GError **error)
{
  const LocalDomain *found = change->found;
  if (found->disks->len == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s has no disk image", found->name);
  for (guint i = 0; i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    if (left_out &&
        g_ptr_array_find_with_equal_func ((GPtrArray *)left_out, disk->target, g_str_equal, NULL))
      continue;
    if (!open_disk (change, disk, error))
      return not_found_is_failure (error);
  }
  return change_open_records (change, error);
}
