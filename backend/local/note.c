/* What all notes beside the records have in common, whatever they say. */
#include "note.h"
#include "file-names.h"
#include "journal.h"
#include "sealed.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

gboolean
note_write (int records, const char *name, JsonObject *object, const char *doing, GError **error)
{
  g_autofree char *unfinished = g_strconcat (name, UNFINISHED_SUFFIX, NULL);
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  if (!sealed_write (records, unfinished, root, error))
    return FALSE;
  if (renameat (records, unfinished, records, name) < 0)
    return fail_errno (error, "%s", doing);
  return journal_sync (records, name, error);
}

gboolean
note_exists (int records, const char *name)
{
  return faccessat (records, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

gboolean
note_remove (int records, const char *name, const char *doing, GError **error)
{
  if (unlinkat (records, name, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "%s", doing);
  return journal_sync (records, name, error);
}
