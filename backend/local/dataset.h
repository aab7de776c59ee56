#pragma once
#include "../error.h"

/* What of ZFS a disk is: a file in a dataset, or a volume. */
typedef struct {
  char *name;       /* "tank/vms" */
  char *mountpoint; /* of a file's; NULL: it is a volume */
  char *file;       /* where the file is below that */
} Dataset;

void dataset_clear (Dataset *dataset);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Dataset, dataset_clear)

/* That of what is open as @fd, at the absolute path @path with all links resolved.  UNSUPPORTED: it
 * is on something else. */
gboolean dataset_of (int fd, const char *path, Dataset *dataset, GError **error);
gboolean dataset_is_there (int fd); /* whether that could be one */

/* The name of the volume, or of its snapshot, that the device open as @fd is; NULL: it is none. */
char *dataset_of_device (int fd);

/* How the kernel is asked.  Nobody but a test changes it. */
typedef struct {
  long magic;                                       /* of the file system */
  const char *mounts;                               /* file */
  gboolean (*volume_name) (int fd, char name[256]); /* of a device */
} DatasetKernel;
extern DatasetKernel dataset_kernel;
