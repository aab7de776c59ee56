#pragma once
#include "host-files.h"
#include <libvirt/libvirt.h>

/* Whether no other machine's disk, as it is now, is read through one of @paths (up to a NULL),
 * which are to be changed or to go: BUSY.  As far as libvirt lists what is behind a disk, and where
 * the files are here as far as they name it themselves; what cannot be looked at is let pass. */
gboolean sharing_check (virDomainPtr domain, const HostFiles *files, const char *const *paths,
                        GError **error);
