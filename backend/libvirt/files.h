#pragma once
#include "../error.h"
#include <libvirt/libvirt.h>

/* The files that a domain's description names, as far as they are on this host. */

/* Whether libvirt runs on this host: a path of another host's would be some other file here. */
gboolean files_are_here (virConnectPtr link);

/* Opened for reading, a regular file; -1.  @error may be NULL. */
int files_open (const char *path, GError **error);
