#pragma once
#include <glib.h>

/* libvirt's event loop, on a thread of ours.
 *
 * libvirt has one loop for the process.  Connections that are opened while it is held have events
 * and keep-alive messages; those opened before have neither.  Any thread. */

/* Starts the loop, or counts one more who uses it.  FALSE: libvirt will not have one. */
gboolean loop_hold (GError **error);
/* Only after the connections are closed: the loop frees what they leave, and the last ends it. */
void loop_release (void);
