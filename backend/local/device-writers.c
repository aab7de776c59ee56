/* Who writes to a block device, by whatever node of it: asked of all processes, in /proc. */
#include "device.h"
#include "fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#define MOST_LOOKS 16 /* at a descriptor that is another one each time */

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
