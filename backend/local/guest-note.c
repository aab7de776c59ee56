/* The notes of a guest that is not left as it was: sealed files, written under names that say
 * nothing. */
#include "guest-note.h"
#include "fd.h"
#include "file-names.h"
#include "journal.h"
#include "sealed.h"
#include <fcntl.h>
#include <stdio.h>

gboolean
guest_note_write (int records, const char *note, const char *socket, pid_t process, GError **error)
{
  g_autofree char *unfinished = g_strconcat (note, UNFINISHED_SUFFIX, NULL);
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  sealed_set_string (object, "socket", socket);
  if (process > 0)
    json_object_set_int_member (object, "process", process);
  if (!sealed_write (records, unfinished, root, error))
    return FALSE;
  if (renameat (records, unfinished, records, note) < 0)
    return fail_errno (error, "noting that the guest does not go on");
  return journal_sync (records, note, error);
}

gboolean
guest_note_read (int records, const char *note, char **socket, pid_t *process, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autoptr (JsonObject) object = sealed_read (records, note, &wrong);
  *socket = object ? sealed_string (object, "socket") : NULL;
  *process = object ? (pid_t)sealed_number (object, "process") : 0;
  if (*socket)
    return TRUE;
  if (object)
    return fail (error, BACKEND_ERROR_DAMAGED, "the note of a guest contradicts itself");
  if (!g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

gboolean
guest_note_exists (int records, const char *note)
{
  return faccessat (records, note, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

gboolean
guest_notes_exist (int records)
{
  return guest_note_exists (records, QUIET_NOTE) || guest_note_exists (records, PAUSE_NOTE);
}

gboolean
guest_note_remove (int records, const char *note, GError **error)
{
  if (unlinkat (records, note, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "forgetting that the guest did not go on");
  return journal_sync (records, note, error);
}
