#pragma once
#include "../error.h"
#include <sys/stat.h>

/* Block devices as disks.
 *
 * Volumes are known by links that udev, LVM or ZFS made below /dev (/dev/vg0/root leads to
 * /dev/dm-0).  These are the only links that are followed at all, and only where everything speaks
 * for it: the link is root's (or ours), it and all that it leads to is on the file system of /dev
 * itself, and at the end is a block device. */

/* Whether the directory at the absolute path @path is below /dev, and on its file system. */
gboolean device_directory (const char *path);

/* Opens @name below the directory @directory (absolute, of which the above is true), as open(2)
 * does; -1 with errno on error.  Nothing leads out of @directory but such a link. */
int device_open (const char *directory, const char *name, int flags);

/* Bytes of the block device that is open as @fd. */
gboolean device_size (int fd, guint64 *size, GError **error);

/* BUSY, with its number and name, when another process than @known (0: none is) has the device,
 * which is open as @fd, open for writing; @name is for the sentence.  A machine may have it by
 * another node than ours, on which QEMU's locks are not ours, and O_EXCL tells of no process at
 * all. */
gboolean device_check_writers (int fd, pid_t known, const char *name, GError **error);

/* *@mark: another number once somebody has written to the block device that is open as @fd, by
 * whatever node, and once it or the host was started anew; as the kernel counts sectors.  (udev
 * gives its node new times whenever somebody closes it who could have written.)  What is written so
 * far gets to the device before, which may take time.  UNSUPPORTED where nothing is counted.  Not
 * seen is who writes to what is behind it: another host, the disk that it is a partition of. */
gboolean device_mark (int fd, gint64 *mark, GError **error);

/* Which run of the host this is; NULL: nobody knows.  Free with g_free. */
char *device_boot (void);

/* Whether both are of one file, or of one device, by whatever name. */
gboolean device_same (const struct stat *one, const struct stat *other);
