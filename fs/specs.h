#pragma once
#include "../backend/snapshot-description.h"

/* The values of --memspec and --diskspec, as virsh has them: separated by commas, and a comma in a
 * value is doubled.  INVALID. */

/* [file=]NAME[,snapshot=TYPE]; each NULL when it is not said.  Free them with g_free. */
gboolean spec_read_memory (const char *spec, char **mode, char **file, GError **error);

/* DISK[,snapshot=TYPE][,driver=TYPE][,stype=TYPE][,file=NAME] */
DiskRequest *spec_read_disk (const char *spec, GError **error);
