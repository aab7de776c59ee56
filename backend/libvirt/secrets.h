#pragma once
#include "order.h"

/* XML with the passwords in it, which only libvirt and the owner see. */

/* Of a snapshot; without passwords where the driver has none.  NULL: libvirt's last error says why.
 * Free with g_free. */
char *secrets_snapshot (const Order *order, const Snapshot *snapshot);
/* The machine as it is now, or as it will be started where @state is not of one that runs. */
char *secrets_domain (const Order *order, const char *state);

/* BackendOps.secure_xml. */
Text *secrets_show (Backend *backend, const char *domain, const char *snapshot, GError **error);
