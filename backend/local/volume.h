#pragma once
#include "../error.h"

#define VOLUME_UUID_LENGTH 32 /* characters, without hyphens */

/* Which logical volume a block device is, as the kernel says it: nothing is run for that. */
typedef struct {
  char *group; /* its volume group */
  char *name;
  char *uuid; /* of the group and of the volume, one after the other, without hyphens */
} Volume;

void volume_clear (Volume *volume);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Volume, volume_clear)

/* The volume that is open as @fd (O_PATH will do); UNSUPPORTED: it is none. */
gboolean volume_of (int fd, Volume *volume, GError **error);
gboolean volume_is_logical (int fd);

/* What device-mapper calls the volume @name of @group: hyphens are doubled, and one is between
 * them.  Free with g_free. */
char *volume_mapped_name (const char *group, const char *name);

/* Where the kernel describes its block devices, by their numbers.  Nobody but a test changes it. */
extern const char *volume_devices;
