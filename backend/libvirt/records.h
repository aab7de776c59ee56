#pragma once
#include "../error.h"
#include <libvirt/libvirt.h>

/* What libvirt has recorded of snapshots, changed without touching data. */

/* Has libvirt believe @xml, of a snapshot that it knows, whose state is @state. */
gboolean record_write (virDomainPtr domain, const char *xml, const char *state, GError **error);

/* Moves the children of the snapshot @name up to its parent, one after the other. */
gboolean record_raise_children (virDomainPtr domain, const char *name, GError **error);

/* Forgets the snapshot @name, which has no children any more. */
gboolean record_forget (virDomainPtr domain, const char *name, GError **error);
