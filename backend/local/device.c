/* Opening block devices, and what they are. */
#include "device.h"
#include "fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define DEVICES "/dev"
#define MOST_LINKS 4 /* /dev/vg0/root -> /dev/mapper/vg0-root -> ../dm-0, and one to spare */
#define INSIDE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
#define MOST_LOOKS 16 /* at a descriptor that is another one each time */

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

/* -------------------------------------------------------------------- who writes to it */

static guint64
number_behind (const char *key, const char *text, guint base)
{
  const char *found = strstr (text, key);
  return found ? g_ascii_strtoull (found + strlen (key), NULL, base) : 0;
}

/* *@inode: of what is open so, 0 where Linux does not say it (before 5.14). */
static gboolean
is_for_writing (int process, const char *descriptor, guint64 *inode)
{
  char text[256] = "";
  g_autofree char *path = g_strconcat ("fdinfo/", descriptor, NULL);
  autofd fd = openat (process, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read (fd, text, sizeof text - 1) <= 0)
    return FALSE;
  *inode = number_behind ("\nino:", text, 10);
  return (number_behind ("flags:", text, 8) & O_ACCMODE) != O_RDONLY;
}

/* *@inode: of the node.  Nothing is asked of a file system, which may be one of ours. */
static gboolean
leads_to (int descriptors, const char *name, dev_t device, guint64 *inode)
{
  struct statx status;
  if (statx (descriptors, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO,
             &status) < 0)
    return FALSE;
  *inode = status.stx_ino;
  return S_ISBLK (status.stx_mode) &&
         makedev (status.stx_rdev_major, status.stx_rdev_minor) == device;
}

/* Where it leads and how it is open are two questions, and between them the descriptor may have
 * become another file's: udev looks at a device, closes it and writes what it saw to a file of its
 * own.  So both are asked until they are of the same file.  Some never seem to be (overlayfs has
 * two numbers for one): these are believed. */
static gboolean
is_written_by (int process, int descriptors, const char *name, dev_t device)
{
  guint64 looked_at, open_so;
  for (guint i = 0; i < MOST_LOOKS; i++) {
    if (!leads_to (descriptors, name, device, &looked_at) ||
        !is_for_writing (process, name, &open_so))
      return FALSE;
    if (looked_at == open_so)
      return TRUE;
  }
  return TRUE;
}

static gboolean
writes_to (int process, dev_t device)
{
  int fd = openat (process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *descriptors = fd < 0 ? NULL : fdopendir (fd);
  gboolean writes = FALSE;
  if (!descriptors)
    return FALSE;
  for (const struct dirent *entry = readdir (descriptors); entry && !writes;
       entry = readdir (descriptors))
    writes = entry->d_name[0] != '.' && is_written_by (process, fd, entry->d_name, device);
  closedir (descriptors);
  return writes;
}

static pid_t
find_writer (DIR *processes, dev_t device, pid_t known)
{
  for (const struct dirent *entry = readdir (processes); entry; entry = readdir (processes)) {
    pid_t process = (pid_t)g_ascii_strtoll (entry->d_name, NULL, 10);
    if (process <= 0 || process == getpid () || process == known)
      continue;
    autofd fd = openat (dirfd (processes), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && writes_to (fd, device))
      return process;
  }
  return 0;
}

static pid_t
writer_of (int fd, pid_t known)
{
  struct stat status;
  DIR *processes = opendir ("/proc");
  pid_t writer = 0;
  if (processes && fstat (fd, &status) == 0 && S_ISBLK (status.st_mode))
    writer = find_writer (processes, status.st_rdev, known);
  if (processes)
    closedir (processes);
  return writer;
}

/* What the kernel calls it; "gone" when it is. */
static char *
name_of (pid_t process)
{
  char *name = NULL;
  g_autofree char *path = g_strdup_printf ("/proc/%d/comm", (int)process);
  if (!g_file_get_contents (path, &name, NULL, NULL))
    return g_strdup ("gone");
  return g_strchomp (name);
}

gboolean
device_check_writers (int fd, pid_t known, const char *name, GError **error)
{
  pid_t writer = writer_of (fd, known);
  if (writer == 0)
    return TRUE;
  g_autofree char *program = name_of (writer);
  return fail (error, BACKEND_ERROR_BUSY, "%s is in use: process %d (%s) has it open for writing",
               name, (int)writer, program);
}

/* -------------------------------------------------------------------- whether it was written to */

typedef struct {
  guint64 read, written, discarded; /* sectors */
} Sectors;

/* The kernel's Documentation/block/stat.rst.  A flush counts as a write, but has no sectors. */
static gboolean
count_sectors (dev_t device, Sectors *sectors)
{
  g_autofree char *text = NULL;
  g_autofree char *path =
      g_strdup_printf ("/sys/dev/block/%u:%u/stat", major (device), minor (device));
  *sectors = (Sectors){ 0 };
  return g_file_get_contents (path, &text, NULL, NULL) &&
         sscanf (text,
                 "%*u %*u %" G_GUINT64_FORMAT " %*u %*u %*u %" G_GUINT64_FORMAT
                 " %*u %*u %*u %*u %*u %*u %" G_GUINT64_FORMAT,
                 &sectors->read, &sectors->written, &sectors->discarded) >= 2;
}

/* Past the page cache. */
static gboolean
read_a_block (int fd, GError **error)
{
  static const gsize block = 64 * 1024; /* a multiple of whatever a device's blocks are */
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  autofd direct = open (path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
  g_autofree void *buffer = aligned_alloc (block, block);
  return (direct >= 0 && buffer && pread (direct, buffer, block, 0) >= 0) ||
         fail_errno (error, "reading a block");
}

/* Some drivers count nothing, and whoever likes can turn it off. */
static gboolean
count_surely (int fd, dev_t device, Sectors *sectors, GError **error)
{
  Sectors before;
  gboolean known = count_sectors (device, &before);
  if (known && !read_a_block (fd, error))
    return FALSE;
  return (known && count_sectors (device, sectors) && sectors->read > before.read) ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "the kernel does not count what is written to it (is queue/iostats 0?), so it would "
               "not be seen that a machine writes to it");
}

/* It counts from zero when it comes anew, by a number of its own. */
static guint64
number_of_coming (int fd)
{
  guint64 number = 0;
#ifdef BLKGETDISKSEQ
  if (ioctl (fd, BLKGETDISKSEQ, &number) < 0) /* of 5.15 */
    number = 0;
#endif
  return number;
}

gboolean
device_mark (int fd, gint64 *mark, GError **error)
{
  struct stat status;
  Sectors sectors;
  g_autofree char *boot = device_boot ();
  if (fsync (fd) < 0 || fstat (fd, &status) < 0)
    return fail_errno (error, "asking whether it is written to");
  if (!boot)
    return fail (error, BACKEND_ERROR_FAILED, "it is not known which run of the host this is");
  if (!count_surely (fd, status.st_rdev, &sectors, error))
    return FALSE;
  g_autofree char *text = g_strdup_printf (
      "%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
      boot, (guint64)status.st_ino, number_of_coming (fd), sectors.written, sectors.discarded);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  sum[2 * sizeof *mark] = '\0';
  *mark = (gint64)g_ascii_strtoull (sum, NULL, 16);
  return TRUE;
}

char *
device_boot (void)
{
  char *boot = NULL;
  g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL);
  return boot;
}

/* -------------------------------------------------------------------- what it is */

gboolean
device_same (const struct stat *one, const struct stat *other)
{
  if (S_ISBLK (one->st_mode) && S_ISBLK (other->st_mode))
    return one->st_rdev == other->st_rdev;
  return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}
