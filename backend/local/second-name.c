/* The second name of a running machine's disk. */
#include "second-name.h"
#include "device.h"
#include "fd.h"
#include "file-names.h"
#include "frozen.h"
#include "journal.h"
#include "listing.h"
#include "locks.h"
#include <fcntl.h>
#include <string.h>

static char *
file_name (const char *uuid)
{
  return g_strconcat (IMAGE_PREFIX, uuid, IMAGE_SUFFIX, NULL);
}

/* The uuid in @name; NULL: it is no frozen image's. */
static char *
uuid_in (const char *name)
{
  gsize around = strlen (IMAGE_PREFIX) + strlen (IMAGE_SUFFIX);
  if (!g_str_has_prefix (name, IMAGE_PREFIX) || !g_str_has_suffix (name, IMAGE_SUFFIX) ||
      strlen (name) <= around)
    return NULL;
  g_autofree char *uuid = g_strndup (name + strlen (IMAGE_PREFIX), strlen (name) - around);
  return g_uuid_string_is_valid (uuid) ? g_steal_pointer (&uuid) : NULL;
}

char *
second_name_find (int directory, const struct stat *file, const Records *records)
{
  g_autoptr (GPtrArray) names = NULL;
  if (file->st_nlink != 2 || !(file->st_mode & WRITE_BITS))
    return NULL;
  names = listing_of (directory, "the images", NULL);
  for (guint i = 0; names && i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    struct stat status;
    g_autofree char *uuid = uuid_in (name);
    if (uuid && fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        device_same (&status, file))
      return records_know_image (records, name) ? NULL : g_steal_pointer (&uuid);
  }
  return NULL;
}

gboolean
second_name_drop (int directory, const char *uuid, GError **error)
{
  g_autofree char *name = file_name (uuid);
  if (unlinkat (directory, name, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "removing %s", name);
  return journal_sync (directory, name, error);
}

gboolean
second_names_may_be (const Places *places, const LocalDomain *found)
{
  for (guint i = 0; i < found->disks->len; i++) {
    struct stat status;
    g_autofree char *path = local_disk_path (g_ptr_array_index (found->disks, i));
    autofd fd = places_open_path (places, path, O_PATH | O_NOFOLLOW, NULL);
    if (fd >= 0 && fstat (fd, &status) == 0 && status.st_nlink == 2)
      return TRUE;
  }
  return FALSE;
}

/* TRUE: it is in use and has one. */
static gboolean
tidy_disk (const Places *places, const LocalDisk *disk, const Records *records)
{
  struct stat status;
  g_autofree char *path = local_disk_path (disk);
  autofd directory = places_open_path (places, disk->directory, O_RDONLY | O_DIRECTORY, NULL);
  autofd fd = directory < 0 ? -1 : places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
  if (fd < 0 || fstat (fd, &status) < 0)
    return FALSE;
  g_autofree char *uuid = second_name_find (directory, &status, records);
  if (!uuid)
    return FALSE;
  return !locks_exclude_writers (fd, disk->file, NULL) || !second_name_drop (directory, uuid, NULL);
}

gboolean
second_names_tidy (const Places *places, const LocalDomain *found, const Records *records)
{
  gboolean left = FALSE;
  for (guint i = 0; i < found->disks->len; i++)
    left |= tidy_disk (places, g_ptr_array_index (found->disks, i), records);
  return left;
}
