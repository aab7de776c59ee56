#pragma once
#include "note.h"
#include <sys/types.h>

/* The notes (note.h) that a guest is not left as it was: written before it is touched, removed when
 * it goes on for certain. */

#define QUIET_NOTE "quiet"  /* its file systems may be frozen */
#define PAUSE_NOTE "paused" /* its processors may stand still */

/* Durable when it returns TRUE; on FALSE it may be there all the same.  @socket: of the agent or of
 * QEMU, absolute; @process: whose socket it is, 0: not known. */
gboolean guest_note_write (int records, const char *note, const char *socket, pid_t process,
                           GError **error);

/* FALSE with *@error unset: there is none.  *@socket: free with g_free; NULL with DAMAGED: the note
 * is there, and cannot be read. */
gboolean guest_note_read (int records, const char *note, char **socket, pid_t *process,
                          GError **error);

/* Of either; also when that cannot be found out. */
gboolean guest_notes_exist (int records);

gboolean guest_note_remove (int records, const char *note, GError **error);
