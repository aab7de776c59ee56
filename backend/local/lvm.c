/* Snapshots by LVM: a snapshot is the logical volume "vmsnapfs-UUID", read-only, in the group of
 * the disk's volume, with the tag "vmsnapfs".
 *
 * Of a thin volume it takes room as it needs it.  Of any other it gets a store that is large enough
 * for all of the disk, because one that is full is lost.  It is brought back by being copied, for
 * lvconvert --merge would use it up.
 *
 * What is asked for follows from what the kernel says now of a device in a directory that was
 * allowed; a record adds a uuid, and nothing is removed that has not our name and our tag and the
 * disk's volume for its origin. */
#include "device.h"
#include "fd.h"
#include "lvm-report.h"
#include "storage.h"
#include "tool.h"
#include "volume.h"
#include <fcntl.h>
#include <string.h>

#define PREFIX "vmsnapfs-"
#define TAG "vmsnapfs"
#define MAPPED "/dev/mapper"

/* The disk's volume, and what LVM says of it and of the snapshot that is asked for. */
typedef struct {
  Volume disk;
  char *name; /* of the snapshot; what is not LVM's to choose */
  GPtrArray *report;
  const LvmVolume *origin;   /* belong to @report */
  const LvmVolume *snapshot; /* NULL: there is none */
} Lvm;

static void
lvm_clear (Lvm *lvm)
{
  volume_clear (&lvm->disk);
  g_free (lvm->name);
  g_clear_pointer (&lvm->report, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lvm, lvm_clear)

/* -------------------------------------------------------------------- asking */

static gboolean
find_volume (const Places *places, const char *disk, Volume *volume, GError **error)
{
  if (!places_have_devices (places, disk))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s is no block device in a directory below /dev that was given with -o allow=DIR",
                 disk);
  autofd fd = places_open_path (places, disk, O_PATH | O_NOFOLLOW, error);
  if (fd < 0 && error && g_error_matches (*error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    (*error)->code = BACKEND_ERROR_FAILED; /* it may only be inactive */
  return fd >= 0 && (volume_of (fd, volume, error) || fail_in (error, "%s", disk));
}

static const LvmVolume *
find_in (const GPtrArray *report, const char *name)
{
  for (guint i = 0; i < report->len; i++)
    if (g_str_equal (((const LvmVolume *)g_ptr_array_index (report, i))->name, name))
      return g_ptr_array_index (report, i);
  return NULL;
}

/* FALSE also where LVM speaks of other volumes than the kernel. */
static gboolean
ask (Lvm *lvm, Job *job, GError **error)
{
  g_autofree char *which =
      g_strdup_printf ("lv_name=\"%s\" || lv_name=\"%s\"", lvm->disk.name, lvm->name);
  const char *const arguments[] = {
    "--reportformat", "json", "--units",       "b", "--nosuffix", "--options", LVM_FIELDS,
    "--select",       which,  lvm->disk.group, NULL
  };
  g_autofree char *text = tool_ask ("lvs", arguments, job, error);
  g_clear_pointer (&lvm->report, g_ptr_array_unref);
  lvm->report = text ? lvm_report_read (text, error) : NULL;
  if (!lvm->report)
    return FALSE;
  lvm->origin = find_in (lvm->report, lvm->disk.name);
  lvm->snapshot = find_in (lvm->report, lvm->name);
  return (lvm->origin && g_str_equal (lvm->origin->group, lvm->disk.group) &&
          g_str_equal (lvm->origin->uuid, lvm->disk.uuid)) ||
         fail (error, BACKEND_ERROR_FAILED,
               "LVM does not know the volume %s/%s that the kernel has", lvm->disk.group,
               lvm->disk.name);
}

static gboolean
begin (Lvm *lvm, const Places *places, const StorageImage *image, Job *job, GError **error)
{
  if (!g_uuid_string_is_valid (image->image))
    return fail (error, BACKEND_ERROR_INVALID, "%s is no uuid", image->image);
  lvm->name = g_strconcat (PREFIX, image->image, NULL);
  return find_volume (places, image->disk, &lvm->disk, error) && ask (lvm, job, error);
}

/* -------------------------------------------------------------------- what is there */

/* One whose making was interrupted has no origin yet. */
static gboolean
is_whole (const Lvm *lvm)
{
  return g_str_has_suffix (lvm->disk.uuid, lvm->snapshot->origin_uuid) &&
         strlen (lvm->snapshot->origin_uuid) == VOLUME_UUID_LENGTH;
}

static gboolean
check_is_ours (const Lvm *lvm, GError **error)
{
  const LvmVolume *snapshot = lvm->snapshot;
  gboolean tagged = g_strv_contains ((const char *const *)snapshot->tags, TAG);
  return (tagged && (is_whole (lvm) || *snapshot->origin == '\0')) ||
         fail (error, BACKEND_ERROR_FAILED,
               "the volume %s/%s is not a snapshot of %s that was made here, and is left alone",
               snapshot->group, snapshot->name, lvm->disk.name);
}

static gboolean
check_is_sound (const Lvm *lvm, GError **error)
{
  const LvmVolume *snapshot = lvm->snapshot;
  if (snapshot->invalid)
    return fail (error, BACKEND_ERROR_DAMAGED,
                 "the snapshot %s/%s has overflowed, and its bytes are lost", snapshot->group,
                 snapshot->name);
  return snapshot->thin || snapshot->snapshot ||
         fail (error, BACKEND_ERROR_FAILED, "the volume %s/%s is no snapshot", snapshot->group,
               snapshot->name);
}

/* "GROUP/NAME", as LVM's commands take it. */
static char *
full_name (const LvmVolume *volume)
{
  return g_strdup_printf ("%s/%s", volume->group, volume->name);
}

static gboolean
activate (const Lvm *lvm, GError **error)
{
  g_autofree char *which = full_name (lvm->snapshot);
  const char *const arguments[] = { "--activate", "y", "--ignoreactivationskip", which, NULL };
  return lvm->snapshot->active || tool_do ("lvchange", arguments, -1, error);
}

/* -------------------------------------------------------------------- making */

static gboolean
make (const Lvm *lvm, const StorageImage *image, int lock, GError **error)
{
  g_autofree char *which = full_name (lvm->origin);
  g_autofree char *whose = g_strdup_printf (TAG "=%s", image->domain ? image->domain : "");
  const char *const thin[] = {
    "--yes",
    "--snapshot",
    "--name",
    lvm->name,
    "--addtag",
    TAG,
    "--addtag",
    whose,
    "--permission",
    "r",
    "--activate",
    "y",
    "--setactivationskip",
    "n",
    which,
    NULL,
  };
  const char *const stored[] = {
    "--yes", "--snapshot",   "--name", lvm->name,   "--addtag",   TAG,   "--addtag",
    whose,   "--permission", "r",      "--extents", "100%ORIGIN", which, NULL,
  };
  return tool_do ("lvcreate", lvm->origin->thin ? thin : stored, lock, error);
}

static gboolean
drop (const Lvm *lvm, int lock, GError **error)
{
  g_autofree char *which = full_name (lvm->snapshot);
  const char *const arguments[] = { "--yes", "--force", which, NULL };
  return tool_do ("lvremove", arguments, lock, error);
}

/* What could be lost by what is written to the disk is none.  LVM gives less than 100%ORIGIN where
 * the group has no more. */
static gboolean
check_room (const Lvm *lvm, const StorageImage *image, int lock, GError **error)
{
  if (lvm->snapshot->thin || lvm_holds_all (lvm->snapshot, image->size))
    return TRUE;
  drop (lvm, lock, NULL);
  return fail (error, BACKEND_ERROR_NO_SPACE,
               "LVM gave the snapshot %s less room than the disk has, and it could overflow",
               lvm->name);
}

static gboolean
check_made (Lvm *lvm, const StorageImage *image, int lock, Job *job, GError **error)
{
  if (!ask (lvm, job, error))
    return FALSE;
  if (!lvm->snapshot)
    return fail (error, BACKEND_ERROR_FAILED, "lvcreate says that %s is made, and it is not there",
                 lvm->name);
  return check_is_ours (lvm, error) && check_is_sound (lvm, error) && activate (lvm, error) &&
         check_room (lvm, image, lock, error);
}

/* Takes away what an interrupted making has left; TRUE: there is nothing. */
static gboolean
clear_unfinished (Lvm *lvm, int lock, Job *job, GError **error)
{
  if (!lvm->snapshot)
    return TRUE;
  return check_is_ours (lvm, error) && drop (lvm, lock, error) && ask (lvm, job, error) &&
         (!lvm->snapshot || fail (error, BACKEND_ERROR_FAILED,
                                  "lvremove says that %s is removed, and it is there", lvm->name));
}

static StorageEnd
lvm_create (const Places *places, const StorageImage *image, int records, Job *job, GError **error)
{
  g_auto (Lvm) lvm = { 0 };
  autofd lock = storage_lock ("a former command of LVM's", records, error);
  if (lock < 0 || !begin (&lvm, places, image, job, error))
    return STORAGE_REFUSED;
  gboolean there = lvm.snapshot && is_whole (&lvm);
  if (!there && (!clear_unfinished (&lvm, lock, job, error) || !make (&lvm, image, lock, error)))
    return STORAGE_UNKNOWN;
  return check_made (&lvm, image, lock, job, error) ? STORAGE_DONE : STORAGE_UNKNOWN;
}

/* -------------------------------------------------------------------- the rest */

static StorageEnd
lvm_remove (const Places *places, const StorageImage *image, int records, Job *job, GError **error)
{
  g_auto (Lvm) lvm = { 0 };
  autofd lock = storage_lock ("a former command of LVM's", records, error);
  if (lock < 0 || !begin (&lvm, places, image, job, error))
    return STORAGE_REFUSED;
  if (!lvm.snapshot)
    return STORAGE_DONE;
  if (!check_is_ours (&lvm, error))
    return STORAGE_REFUSED;
  return drop (&lvm, lock, error) ? STORAGE_DONE : STORAGE_UNKNOWN;
}

static StorageEnd
lvm_revert (const Places *places, const StorageImage *image, int held, int records, Job *job,
            GError **error)
{
  autofd lock = storage_lock ("a former command of LVM's", records, error);
  return lock < 0 ? STORAGE_REFUSED
                  : storage_copy_back (&storage_lvm, places, image, held, job, error);
}

/* It is where the disk is, and is called there as LVM calls volumes. */
static char *
path_of (const Lvm *lvm, const char *disk)
{
  g_autofree char *directory = g_path_get_dirname (disk);
  g_autofree char *mapped = volume_mapped_name (lvm->snapshot->group, lvm->snapshot->name);
  gboolean is_mapped = g_str_equal (directory, MAPPED);
  return g_build_filename (directory, is_mapped ? mapped : lvm->snapshot->name, NULL);
}

/* Whether what is at @path is the volume that LVM speaks of. */
static gboolean
check_path (const Places *places, const Lvm *lvm, const char *path, GError **error)
{
  g_auto (Volume) found = { 0 };
  autofd fd = places_open_path (places, path, O_PATH | O_NOFOLLOW, error);
  if (fd < 0 && error && g_error_matches (*error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    (*error)->code = BACKEND_ERROR_FAILED; /* LVM has it, and it has no name here */
  if (fd < 0 || !volume_of (fd, &found, error))
    return FALSE;
  return g_str_equal (found.uuid, lvm->snapshot->uuid) ||
         fail (error, BACKEND_ERROR_FAILED, "%s is another volume than %s/%s", path,
               lvm->snapshot->group, lvm->snapshot->name);
}

static gboolean
lvm_locate (const Places *places, const StorageImage *image, Job *job, char **path, GError **error)
{
  g_auto (Lvm) lvm = { 0 };
  *path = NULL;
  if (!begin (&lvm, places, image, job, error))
    return FALSE;
  if (!lvm.snapshot)
    return TRUE;
  if (!check_is_ours (&lvm, error))
    return FALSE;
  if (!is_whole (&lvm)) /* nobody was told of it */
    return TRUE;
  g_autofree char *found = path_of (&lvm, image->disk);
  if (!check_is_sound (&lvm, error) || !activate (&lvm, error) ||
      !check_path (places, &lvm, found, error))
    return FALSE;
  *path = g_steal_pointer (&found);
  return TRUE;
}

static gboolean
lvm_check (const Places *places, const char *disk, GError **error)
{
  static const char *const programs[] = { "lvs", "lvcreate", "lvremove", "lvchange" };
  g_auto (Volume) volume = { 0 };
  if (!find_volume (places, disk, &volume, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (programs); i++) {
    g_autofree char *path = tool_find (programs[i], error);
    if (!path)
      return FALSE;
  }
  return TRUE;
}

const Storage storage_lvm = {
  .name = "LVM",
  .ends = TRUE,
  .check = lvm_check,
  .create = lvm_create,
  .remove = lvm_remove,
  .revert = lvm_revert,
  .locate = lvm_locate,
};
