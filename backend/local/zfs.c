/* Snapshots by ZFS: DATASET@vmsnapfs-UUID, for each disk one of its own, held by the tag "vmsnapfs"
 * so that an administrator's `zfs destroy -r` or `zfs rollback -r` does not take it along.
 *
 * A file is read in it below .zfs/snapshot (places.h), and a volume as the device that ZFS shows
 * beside it while the volume's snapdev is visible: unlike a clone that is nothing more to be
 * removed.  A disk is brought back by being copied, for zfs rollback takes later snapshots and the
 * dataset's other files along.
 *
 * What is asked for follows from what the kernel says now of a file or a device below a place; a
 * record adds a uuid.  Nothing is ever destroyed but a snapshot of that name with our property. */
#include "dataset.h"
#include "fd.h"
#include "file-names.h"
#include "storage.h"
#include "tool.h"
#include <fcntl.h>
#include <string.h>

#define TAG "vmsnapfs"
#define PROPERTY "vmsnapfs:domain"
#define FORMER "a former command of ZFS's"
#define DEVICE_PAUSE 20000 /* microseconds; udev makes its name */

typedef struct {
  Dataset disk;
  char *name; /* of the snapshot, whole */
  gboolean there;
} Zfs;

static void
zfs_clear (Zfs *zfs)
{
  dataset_clear (&zfs->disk);
  g_free (zfs->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Zfs, zfs_clear)

/* -------------------------------------------------------------------- asking */

/* A file may be gone, and its directory tells as well. */
static gboolean
find_dataset (const Places *places, const char *disk, Dataset *dataset, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autofree char *directory = g_path_get_dirname (disk);
  g_autofree char *path = places_canonical (places, disk);
  autofd fd = places_open_path (places, disk, O_RDONLY | O_NOFOLLOW, &wrong);
  if (fd < 0 && g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND) &&
      !places_have_devices (places, disk)) {
    g_clear_error (&wrong);
    fd = places_open_path (places, directory, O_RDONLY | O_DIRECTORY, &wrong);
  }
  if (fd >= 0)
    return dataset_of (fd, path, dataset, error) || fail_in (error, "%s", disk);
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    wrong->code = BACKEND_ERROR_FAILED; /* its pool may only not be imported */
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* That a snapshot is not there is known only of a dataset that is. */
static gboolean
check_dataset (const Zfs *zfs, Job *job, GError **error)
{
  const char *const arguments[] = { "list", "-H", "-o", "name", zfs->disk.name, NULL };
  g_autofree char *text = tool_ask ("zfs", arguments, job, error);
  if (!text)
    return FALSE;
  return g_str_equal (g_strchomp (text), zfs->disk.name) ||
         fail (error, BACKEND_ERROR_FAILED, "zfs answered something about another dataset than %s",
               zfs->disk.name);
}

static gboolean
read_row (Zfs *zfs, char *text, GError **error)
{
  g_auto (GStrv) fields = g_strsplit (g_strchomp (text), "\t", -1);
  if (g_strv_length (fields) != 2 || !g_str_equal (fields[0], zfs->name))
    return fail (error, BACKEND_ERROR_FAILED,
                 "zfs answered something about another snapshot than %s", zfs->name);
  zfs->there = TRUE;
  return !g_str_equal (fields[1], "-") ||
         fail (error, BACKEND_ERROR_FAILED, "%s was not made here, and is left alone", zfs->name);
}

static gboolean
ask (Zfs *zfs, Job *job, GError **error)
{
  const char *const arguments[] = { "list",           "-H",      "-t", "snapshot", "-o",
                                    "name," PROPERTY, zfs->name, NULL };
  g_autoptr (GError) wrong = NULL;
  g_autofree char *text = tool_ask ("zfs", arguments, job, &wrong);
  zfs->there = FALSE;
  if (text)
    return read_row (zfs, text, error);
  if (strstr (wrong->message, "does not exist"))
    return check_dataset (zfs, job, error);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static gboolean
begin (Zfs *zfs, const Places *places, const StorageImage *image, Job *job, GError **error)
{
  if (!g_uuid_string_is_valid (image->image))
    return fail (error, BACKEND_ERROR_INVALID, "%s is no uuid", image->image);
  if (!find_dataset (places, image->disk, &zfs->disk, error))
    return FALSE;
  zfs->name = g_strdup_printf ("%s@%s%s", zfs->disk.name, ZFS_SNAPSHOT_PREFIX, image->image);
  return ask (zfs, job, error);
}

/* -------------------------------------------------------------------- making and removing */

static gboolean
make (const Zfs *zfs, const StorageImage *image, int lock, GError **error)
{
  g_autofree char *whose = g_strdup_printf (PROPERTY "=%s", image->domain ? image->domain : "none");
  const char *const arguments[] = { "snapshot", "-o", whose, zfs->name, NULL };
  return tool_do ("zfs", arguments, lock, error);
}

/* It may be held already. */
static gboolean
hold (const Zfs *zfs, int lock, GError **error)
{
  const char *const arguments[] = { "hold", TAG, zfs->name, NULL };
  g_autoptr (GError) wrong = NULL;
  if (tool_do ("zfs", arguments, lock, &wrong) || strstr (wrong->message, "already exists"))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static StorageEnd
zfs_create (const Places *places, const StorageImage *image, int records, Job *job, GError **error)
{
  g_auto (Zfs) zfs = { 0 };
  autofd lock = storage_lock (FORMER, records, error);
  if (lock < 0 || !begin (&zfs, places, image, job, error))
    return STORAGE_REFUSED;
  return (zfs.there || make (&zfs, image, lock, error)) && hold (&zfs, lock, error)
             ? STORAGE_DONE
             : STORAGE_UNKNOWN;
}

/* Exactly this one, and nothing that depends on it: that makes it busy. */
static StorageEnd
zfs_remove (const Places *places, const StorageImage *image, int records, Job *job, GError **error)
{
  g_auto (Zfs) zfs = { 0 };
  autofd lock = storage_lock (FORMER, records, error);
  if (lock < 0 || !begin (&zfs, places, image, job, error))
    return STORAGE_REFUSED;
  if (!zfs.there)
    return STORAGE_DONE;
  const char *const release[] = { "release", TAG, zfs.name, NULL };
  const char *const destroy[] = { "destroy", zfs.name, NULL };
  tool_do ("zfs", release, lock, NULL); /* it may not have been held yet, or not any more */
  return tool_do ("zfs", destroy, lock, error) ? STORAGE_DONE : STORAGE_UNKNOWN;
}

static StorageEnd
zfs_revert (const Places *places, const StorageImage *image, int held, int records, Job *job,
            GError **error)
{
  autofd lock = storage_lock (FORMER, records, error);
  return lock < 0 ? STORAGE_REFUSED
                  : storage_copy_back (&storage_zfs, places, image, held, job, error);
}

/* -------------------------------------------------------------------- where it is */

static gboolean
is_shown (const Places *places, const Zfs *zfs, const char *path)
{
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
  g_autofree char *name = fd < 0 ? NULL : dataset_of_device (fd);
  return g_strcmp0 (name, zfs->name) == 0;
}

static gboolean
show_device (const Places *places, const Zfs *zfs, const char *path, GError **error)
{
  const char *const arguments[] = { "set", "snapdev=visible", zfs->disk.name, NULL };
  if (is_shown (places, zfs, path))
    return TRUE;
  if (!tool_do ("zfs", arguments, -1, error))
    return FALSE;
  gint64 until = g_get_monotonic_time () + tool_patience * G_USEC_PER_SEC;
  while (g_get_monotonic_time () < until) {
    if (is_shown (places, zfs, path))
      return TRUE;
    g_usleep (DEVICE_PAUSE);
  }
  return fail (error, BACKEND_ERROR_FAILED,
               "%s is not the device of %s, although snapdev is visible", path, zfs->name);
}

static gboolean
zfs_locate (const Places *places, const StorageImage *image, Job *job, char **path, GError **error)
{
  g_auto (Zfs) zfs = { 0 };
  *path = NULL;
  if (!begin (&zfs, places, image, job, error))
    return FALSE;
  if (!zfs.there)
    return TRUE;
  const char *snapshot = strchr (zfs.name, '@') + 1;
  g_autofree char *found =
      zfs.disk.mountpoint
          ? g_build_filename (zfs.disk.mountpoint, ZFS_SNAPSHOTS, snapshot, zfs.disk.file, NULL)
          : g_strdup_printf ("%s@%s", image->disk, snapshot);
  if (!zfs.disk.mountpoint && !show_device (places, &zfs, found, error))
    return FALSE;
  *path = g_steal_pointer (&found);
  return TRUE;
}

static gboolean
zfs_check (const Places *places, const char *disk, GError **error)
{
  g_auto (Dataset) dataset = { 0 };
  g_autofree char *program =
      find_dataset (places, disk, &dataset, error) ? tool_find ("zfs", error) : NULL;
  return program != NULL;
}

const Storage storage_zfs = {
  .name = "ZFS",
  .ends = TRUE,
  .check = zfs_check,
  .create = zfs_create,
  .remove = zfs_remove,
  .revert = zfs_revert,
  .locate = zfs_locate,
};
