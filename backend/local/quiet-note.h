#pragma once
#include "../error.h"

/* The durable note that a guest's file systems may be frozen, beside the domain's records
 * (@records: the descriptor of their directory): written before they are, removed when they are
 * thawed for certain. */

/* Durable when it returns TRUE; on FALSE it may be there all the same.  @socket: of the agent,
 * absolute. */
gboolean quiet_note_write (int records, const char *socket, GError **error);

/* FALSE with *@error unset: there is none.  *@socket: free with g_free; NULL with DAMAGED: the note
 * is there, and cannot be read. */
gboolean quiet_note_read (int records, char **socket, GError **error);

/* Also when that cannot be found out. */
gboolean quiet_note_exists (int records);

gboolean quiet_note_remove (int records, GError **error);

#define QUIET_NOTE "quiet" /* its file */
