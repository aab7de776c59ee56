/* Opening block devices, and what they are. */
#include "device.h"
#include "fd.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define DEVICES "/dev"
#define MOST_LINKS 4 /* /dev/vg0/root -> /dev/mapper/vg0-root -> ../dm-0, and one to spare */
#define INSIDE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

/* What follows "/dev/" in @path; NULL: it is not below it. */
static const char *
below_devices (const char *path)
{
  gsize length = strlen (DEVICES "/");
  return strncmp (path, DEVICES "/", length) == 0 && path[length] ? path + length : NULL;
}

gboolean
device_directory (const char *path)
{
  struct stat devices, status;
  return below_devices (path) && stat (DEVICES, &devices) == 0 && stat (path, &status) == 0 &&
         S_ISDIR (status.st_mode) && status.st_dev == devices.st_dev;
}

static int
open_inside (int at, const char *name, int flags)
{
  int always = O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK);
  const struct open_how how = { .flags = (guint64)(flags | always), .resolve = INSIDE };
  return (int)syscall (SYS_openat2, at, name, &how, sizeof how);
}

/* Where the link @fd leads, whose path is @path; NULL with errno: nowhere that is followed. */
static char *
target_of (int fd, const struct stat *link, const char *path)
{
  char target[4096];
  ssize_t length = readlinkat (fd, "", target, sizeof target - 1);
  if (length < 0)
    return NULL;
  target[length] = '\0';
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *leads_to = g_canonicalize_filename (target, directory);
  if ((link->st_uid == 0 || link->st_uid == geteuid ()) && below_devices (leads_to))
    return g_steal_pointer (&leads_to);
  errno = ELOOP; /* as of any other link */
  return NULL;
}

/* The device at the end of the link @first, at @path. */
static int
follow (int devices, int first, const char *path, int flags)
{
  struct stat status;
  autofd at = dup (first);
  g_autofree char *name = g_strdup (path);
  for (int i = 0; i <= MOST_LINKS && at >= 0; i++) {
    if (fstat (at, &status) < 0)
      return -1;
    if (S_ISBLK (status.st_mode))
      return open_inside (devices, below_devices (name), flags);
    char *next = S_ISLNK (status.st_mode) ? target_of (at, &status, name) : NULL;
    if (!next)
      break;
    g_free (name);
    name = next;
    fd_close_pointer (&at);
    at = open_inside (devices, below_devices (name), O_PATH | O_NOFOLLOW);
  }
  if (at >= 0)
    errno = ELOOP;
  return -1;
}

/* The directory is looked up each time: that of a volume group goes and comes with its volumes. */
int
device_open (const char *directory, const char *name, int flags)
{
  autofd devices = open (DEVICES, O_PATH | O_DIRECTORY | O_CLOEXEC);
  autofd in =
      devices < 0 ? -1 : open_inside (devices, below_devices (directory), O_PATH | O_DIRECTORY);
  autofd found = in < 0 ? -1 : open_inside (in, name, O_PATH | O_NOFOLLOW);
  struct stat status;
  if (found < 0 || fstat (found, &status) < 0)
    return -1;
  if (!S_ISLNK (status.st_mode))
    return open_inside (in, name, flags);
  g_autofree char *path = g_build_filename (directory, name, NULL);
  return follow (devices, found, path, flags);
}

gboolean
device_size (int fd, guint64 *size, GError **error)
{
  return ioctl (fd, BLKGETSIZE64, size) == 0 || fail_errno (error, "reading its size");
}

char *
device_boot (void)
{
  char *boot = NULL;
  g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL);
  return boot;
}

gboolean
device_same (const struct stat *one, const struct stat *other)
{
  if (S_ISBLK (one->st_mode) && S_ISBLK (other->st_mode))
    return one->st_rdev == other->st_rdev;
  return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}
