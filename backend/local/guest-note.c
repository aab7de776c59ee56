/* The notes of a guest that is not left as it was. */
#include "guest-note.h"
#include "sealed.h"

gboolean
guest_note_write (int records, const char *note, const char *socket, pid_t process, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  sealed_set_string (object, "socket", socket);
  if (process > 0)
    json_object_set_int_member (object, "process", process);
  return note_write (records, note, object, "noting that the guest does not go on", error);
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
guest_notes_exist (int records)
{
  return note_exists (records, QUIET_NOTE) || note_exists (records, PAUSE_NOTE);
}

gboolean
guest_note_remove (int records, const char *note, GError **error)
{
  return note_remove (records, note, "forgetting that the guest did not go on", error);
}
