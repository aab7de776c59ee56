/* Images that moved along with the directory that they are in.
 *
 * A record says where an image was.  If it is not there, and its file, which has a uuid for a name,
 * is beside a disk of the domain, then it is that one. */
#include "moved.h"
#include "fd.h"
#include "frozen.h"
#include <fcntl.h>
#include <unistd.h>

static gboolean
is_there (const Places *places, const char *directory, const char *file)
{
  autofd fd = places_open_path (places, directory, O_RDONLY | O_DIRECTORY, NULL);
  return fd >= 0 && faccessat (fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static gboolean
is_beside_a_disk (const LocalDomain *found, const char *directory)
{
  for (guint i = 0; i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    if (g_str_equal (disk->directory, directory))
      return TRUE;
  }
  return FALSE;
}

static void
follow (const Places *places, const LocalDomain *found, RecordImage *image)
{
  if (record_image_is_elsewhere (image))
    return;
  g_autofree char *recorded = places_resolve (places, image->directory);
  g_autofree char *file = record_image_file (image);
  if (is_beside_a_disk (found, recorded) || is_there (places, recorded, file))
    return;
  for (guint i = 0; i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    if (!is_there (places, disk->directory, file))
      continue;
    g_free (image->directory);
    image->directory = places_spell (places, disk->directory);
    return;
  }
}

static void
follow_all (const Places *places, const LocalDomain *found, const GPtrArray *images)
{
  for (guint i = 0; i < images->len; i++)
    follow (places, found, g_ptr_array_index (images, i));
}

Records *
moved_records_read (const Places *places, int fd, const LocalDomain *found, GError **error)
{
  Records *records = records_read (fd, found->uuid, found->name, error);
  if (!records)
    return NULL;
  TableIter iter = { records->records };
  gpointer record;
  while (table_next (&iter, &record)) /* nobody else has them yet */
    follow_all (places, found, ((Record *)record)->images);
  follow_all (places, found, records->unnamed);
  follow_all (places, found, records->kept);
  return records;
}
