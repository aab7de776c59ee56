/* Images that nobody may need any more: unlinked when that is so. */
#include "spare.h"
#include "fd.h"
#include "frozen.h"
#include "journal.h"
#include "moving.h"
#include "references.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

SpareImage *
spare_image_open (const Places *places, const RecordImage *image, GError **error)
{
  g_autoptr (SpareImage) spare = g_new0 (SpareImage, 1);
  spare->path = places_resolve (places, image->directory);
  spare->file = record_image_file (image);
  spare->directory = places_open_path (places, spare->path, O_RDONLY | O_DIRECTORY, error);
  if (spare->directory < 0)
    return NULL;
  spare->gone =
      faccessat (spare->directory, spare->file, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
  return g_steal_pointer (&spare);
}

void
spare_image_free (SpareImage *image)
{
  if (!image)
    return;
  fd_close_pointer (&image->directory);
  g_free (image->path);
  g_free (image->file);
  g_free (image->reader);
  g_free (image);
}

/* A running machine's disk has two names (second-name.h), and is one reader. */
static const char *
only_reader (const GPtrArray *readers)
{
  const char *one = readers->len > 0 ? g_ptr_array_index (readers, 0) : NULL;
  const char *other = readers->len > 1 ? g_ptr_array_index (readers, 1) : NULL;
  struct stat first, second;
  gboolean raw;
  if (readers->len < 2)
    return one;
  g_autofree char *name = g_path_get_basename (one), *other_name = g_path_get_basename (other);
  gboolean frozen = frozen_is_name (name, &raw);
  if (readers->len > 2 || frozen == frozen_is_name (other_name, &raw) || lstat (one, &first) < 0 ||
      lstat (other, &second) < 0 || first.st_ino != second.st_ino || first.st_dev != second.st_dev)
    return NULL;
  return frozen ? other : one;
}

/* It does not read the others any more. */
static void
remove_reader (const GPtrArray *readers, const char *path)
{
  for (guint i = 0; i < readers->len; i++) {
    guint at;
    if (g_ptr_array_find_with_equal_func (g_ptr_array_index (readers, i), path, g_str_equal, &at))
      g_ptr_array_remove_index_fast (g_ptr_array_index (readers, i), at);
  }
}

/* @path: its; @readers: of each of those that were asked for; @own: this one's. */
static gboolean
unlink_if_unread (SpareImage *image, const char *path, const GPtrArray *domains,
                  const GPtrArray *readers, const GPtrArray *own, GError **error)
{
  g_autoptr (GPtrArray) users = references_as_disk (domains, path, error);
  if (!users)
    return FALSE;
  g_clear_pointer (&image->reader, g_free);
  if (users->len == 0)
    image->reader = g_strdup (only_reader (own));
  if (users->len > 0 || own->len > 0)
    return TRUE;
  if (unlinkat (image->directory, image->file, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "removing %s", image->file);
  image->gone = TRUE;
  remove_reader (readers, path);
  return TRUE;
}

/* One fsync for as many as are beside each other.  What is not durable is not gone. */
static gboolean
sync_unlinked (const GPtrArray *images, GError **error)
{
  const char *synced = NULL;
  gboolean all = TRUE;
  for (guint i = 0; i < images->len; i++) {
    SpareImage *image = g_ptr_array_index (images, i);
    if (!image->gone || g_strcmp0 (image->path, synced) == 0)
      continue;
    image->gone = journal_sync (image->directory, image->path, all ? error : NULL);
    synced = image->gone ? image->path : NULL;
    all &= image->gone;
  }
  return all;
}

static GPtrArray *
paths_of (const GPtrArray *images)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < images->len; i++) {
    const SpareImage *image = g_ptr_array_index (images, i);
    g_ptr_array_add (paths, g_build_filename (image->path, image->file, NULL));
  }
  return paths;
}

gboolean
spare_images_unlink (const Places *places, const GPtrArray *images, Job *job, GError **error)
{
  autolock held = moving_hold ();
  g_autoptr (Listing) listing = scan_list (places, job, error);
  g_autoptr (GPtrArray) domains = listing ? scan_listed (places, listing, error) : NULL;
  g_autoptr (GPtrArray) paths = paths_of (images);
  const Asking asking = { places, domains, listing, FALSE, job };
  g_autoptr (GPtrArray) readers = domains ? references_to_all (&asking, paths, error) : NULL;
  gboolean unlinked = readers != NULL;
  for (guint i = 0; unlinked && i < images->len; i++)
    unlinked = unlink_if_unread (g_ptr_array_index (images, i), g_ptr_array_index (paths, i),
                                 domains, readers, g_ptr_array_index (readers, i), error);
  return sync_unlinked (images, unlinked ? error : NULL) && unlinked;
}
