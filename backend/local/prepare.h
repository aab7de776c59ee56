#pragma once
#include "change.h"

/* What everything that is prepared beside a disk has in common. */

#define COPY_DEADLINE (24 * 60 * 60) /* seconds for a whole disk */

/* A new file @name in the disk's directory, which qemu-img will write into. */
gboolean prepare_file (const ChangeDisk *disk, const char *name, int *fd, GError **error);

/* What the journal names is what was made. */
gboolean prepare_check (const ChangeDisk *disk, const char *name, int fd, GError **error);

/* Whoever may run the machine now may run it afterwards. */
gboolean prepare_rights (const ChangeDisk *disk, int to, GError **error);
