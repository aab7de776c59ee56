/* The note that a guest may be frozen: one sealed file, written under a name that says nothing. */
#include "quiet-note.h"
#include "fd.h"
#include "file-names.h"
#include "journal.h"
#include "sealed.h"
#include <fcntl.h>
#include <stdio.h>

#define UNFINISHED QUIET_NOTE UNFINISHED_SUFFIX

gboolean
quiet_note_write (int records, const char *socket, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  sealed_set_string (object, "socket", socket);
  if (!sealed_write (records, UNFINISHED, root, error))
    return FALSE;
  if (renameat (records, UNFINISHED, records, QUIET_NOTE) < 0)
    return fail_errno (error, "noting that the guest is frozen");
  return journal_sync (records, QUIET_NOTE, error);
}

gboolean
quiet_note_read (int records, char **socket, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autoptr (JsonObject) object = sealed_read (records, QUIET_NOTE, &wrong);
  *socket = object ? sealed_string (object, "socket") : NULL;
  if (*socket)
    return TRUE;
  if (object)
    return fail (error, BACKEND_ERROR_DAMAGED, "the note of a frozen guest contradicts itself");
  if (!g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

gboolean
quiet_note_exists (int records)
{
  return faccessat (records, QUIET_NOTE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

gboolean
quiet_note_remove (int records, GError **error)
{
  if (unlinkat (records, QUIET_NOTE, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "forgetting that the guest was frozen");
  return journal_sync (records, QUIET_NOTE, error);
}
