/* The note of a fold in a running machine. */
#include "stream-note.h"
#include "alone.h"
#include "child.h"
#include "fd.h"
#include "note.h"
#include "sealed.h"
#include <fcntl.h>

#define NOTE "streaming"
#define DEADLINE (24 * 60 * 60) /* seconds */
#define NOT_CHECKED 1           /* what qemu-img check ends with then */

gboolean
stream_note_write (int records, const Places *places, const char *disk, GError **error)
{
  g_autofree char *spelling = places_spell (places, disk);
  g_autoptr (JsonObject) object = json_object_new ();
  sealed_set_string (object, "disk", spelling);
  return note_write (records, NOTE, object, "noting that a running machine folds an image", error);
}

gboolean
stream_note_exists (int records)
{
  return note_exists (records, NOTE);
}

char *
stream_note_read (int records, const Places *places)
{
  g_autoptr (JsonObject) object = sealed_read (records, NOTE, NULL);
  g_autofree char *spelling = object ? sealed_string (object, "disk") : NULL;
  return spelling ? places_resolve (places, spelling) : NULL;
}

gboolean
stream_note_remove (int records, GError **error)
{
  return note_remove (records, NOTE, "forgetting what a running machine has folded", error);
}

/* What else may be wrong in it is its owner's to see. */
static gboolean
free_unused (const Places *places, const char *disk, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (disk), *file = g_path_get_basename (disk);
  g_autofree char *name = alone_name (file);
  const char *const arguments[] = { "check", "-q", "-r", "leaks", name, NULL };
  int status;
  autofd in = places_open_path (places, directory, O_RDONLY | O_DIRECTORY, NULL);
  if (!name || in < 0 || faccessat (in, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
    return TRUE;
  return child_qemu_img_status (in, arguments, NULL, DEADLINE, &status, error) &&
         (status != NOT_CHECKED ||
          fail (error, BACKEND_ERROR_BUSY, "%s cannot be checked now", file));
}

gboolean
stream_note_repair (int records, const Places *places, GError **error)
{
  g_autofree char *disk = stream_note_read (records, places);
  return (!disk || free_unused (places, disk, error)) && stream_note_remove (records, error);
}
