/* What the kernel says of files and volumes of ZFS. */
#include "dataset.h"
#include "volume.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ZFS_MAGIC 0x2fc12fc1
#define MOST_NAME 256
#define VOLUME_NAME _IOR (0x12, 125, char[MOST_NAME]) /* BLKZNAME */
#define DEVICE_PREFIX "zd"
#define NAME_CHARACTERS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.:/ -"

void
dataset_clear (Dataset *dataset)
{
  g_free (dataset->name);
  g_free (dataset->mountpoint);
  g_free (dataset->file);
}

/* -------------------------------------------------------------------- volumes */

/* device-mapper passes unknown requests on to what its devices are made of: such a one is asked
 * nothing. */
static gboolean
ask_volume (int fd, char name[MOST_NAME])
{
  struct stat status;
  char target[4096] = "";
  if (fstat (fd, &status) < 0 || !S_ISBLK (status.st_mode))
    return FALSE;
  g_autofree char *path =
      g_strdup_printf ("%s/%u:%u", volume_devices, major (status.st_rdev), minor (status.st_rdev));
  if (readlink (path, target, sizeof target - 1) < 0)
    return FALSE;
  g_autofree char *device = g_path_get_basename (target);
  return g_str_has_prefix (device, DEVICE_PREFIX) && ioctl (fd, VOLUME_NAME, name) == 0;
}

DatasetKernel dataset_kernel = { ZFS_MAGIC, "/proc/self/mountinfo", ask_volume };

static gboolean
is_name (const char *name)
{
  return *name && *name != '-' && *name != '/' && strspn (name, NAME_CHARACTERS) == strlen (name);
}

char *
dataset_of_device (int fd)
{
  char name[MOST_NAME + 1] = "";
  return dataset_kernel.volume_name (fd, name) ? g_strdup (name) : NULL;
}

/* -------------------------------------------------------------------- files */

/* A space, a tab, a newline and a backslash are three octal digits in the table. */
static char *
unescape (const char *text)
{
  GString *plain = g_string_new (NULL);
  for (; *text; text++) {
    guint value = 0;
    gboolean escaped = *text == '\\';
    for (guint i = 1; escaped && i <= 3; i++) {
      escaped = text[i] >= '0' && text[i] <= '7';
      value = value * 8 + (guint)(text[i] - '0');
    }
    g_string_append_c (plain, escaped ? (char)value : *text);
    text += escaped ? 3 : 0;
  }
  return g_string_free (plain, FALSE);
}

/* The fields of the mount @number: ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS… - TYPE SOURCE … */
static gboolean
read_mount (const char *mounts, guint64 number, Dataset *dataset)
{
  g_autofree char *prefix = g_strdup_printf ("%" G_GUINT64_FORMAT " ", number);
  g_auto (GStrv) lines = g_strsplit (mounts, "\n", -1);
  for (char **line = lines; *line; line++) {
    const char *rest = strstr (*line, " - zfs ");
    if (!g_str_has_prefix (*line, prefix) || !rest)
      continue;
    g_auto (GStrv) fields = g_strsplit (*line, " ", 6);
    g_auto (GStrv) source = g_strsplit (rest + strlen (" - zfs "), " ", 2);
    if (g_strv_length (fields) < 6 || !g_str_equal (fields[3], "/") || !source[0])
      return FALSE;
    dataset->mountpoint = unescape (fields[4]);
    dataset->name = unescape (source[0]);
    return TRUE;
  }
  return FALSE;
}

static gboolean
find_mount (int fd, Dataset *dataset)
{
  struct statx status;
  g_autofree char *mounts = NULL;
  return statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &status) == 0 &&
         g_file_get_contents (dataset_kernel.mounts, &mounts, NULL, NULL) &&
         read_mount (mounts, status.stx_mnt_id, dataset);
}

static gboolean
find_file (const char *path, Dataset *dataset)
{
  const char *mountpoint = g_str_equal (dataset->mountpoint, "/") ? "" : dataset->mountpoint;
  gsize length = strlen (mountpoint);
  if (!g_str_has_prefix (path, mountpoint) || path[length] != '/')
    return FALSE;
  dataset->file = g_strdup (path + length + 1);
  return TRUE;
}

/* -------------------------------------------------------------------- either */

static gboolean
is_on_zfs (int fd)
{
  struct statfs system;
  return fstatfs (fd, &system) == 0 && system.f_type == dataset_kernel.magic;
}

gboolean
dataset_is_there (int fd)
{
  struct stat status;
  if (fstat (fd, &status) < 0)
    return FALSE;
  if (!S_ISBLK (status.st_mode))
    return is_on_zfs (fd);
  g_autofree char *name = dataset_of_device (fd);
  return name != NULL;
}

gboolean
dataset_of (int fd, const char *path, Dataset *dataset, GError **error)
{
  struct stat status;
  gboolean device = fstat (fd, &status) == 0 && S_ISBLK (status.st_mode);
  if (device)
    dataset->name = dataset_of_device (fd);
  else if (is_on_zfs (fd) && (!find_mount (fd, dataset) || !find_file (path, dataset)))
    return fail (
        error, BACKEND_ERROR_UNSUPPORTED,
        "it is not found in the dataset that it is in: ZFS's mount of it is not the whole");
  if (!dataset->name)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "it is neither a file nor a volume of ZFS's");
  return is_name (dataset->name) || fail (error, BACKEND_ERROR_UNSUPPORTED,
                                          "%s is no dataset that has snapshots", dataset->name);
}
