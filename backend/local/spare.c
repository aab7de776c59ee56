/* Images that nobody may need any more: unlinked when that is so. */
#include "spare.h"
#include "device.h"
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
  spare->held = -1;
  if (spare->directory < 0)
    return NULL;
  spare->held = openat (spare->directory, spare->file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  spare->gone = spare->held < 0 && errno == ENOENT;
  return g_steal_pointer (&spare);
}

void
spare_image_free (SpareImage *image)
{
  if (!image)
    return;
  fd_close_pointer (&image->held);
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
      lstat (other, &second) < 0 || !device_same (&first, &second))
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

/* What is asked of all of them. */
typedef struct {
  const GPtrArray *images;  /* of SpareImage * */
  const GPtrArray *domains; /* just scanned */
  GPtrArray *paths;         /* of each image */
  GPtrArray *readers;       /* of each image, of char *; those that are gone read nothing */
} Spares;

/* Who took it away meanwhile may have it under another name, where it reads what it read. */
static gboolean
unlink_image (const Spares *spares, guint index, GError **error)
{
  SpareImage *image = g_ptr_array_index (spares->images, index);
  int wrong = unlinkat (image->directory, image->file, 0);
  image->gone = wrong == 0 || errno == ENOENT;
  if (!image->gone)
    return fail_errno (error, "removing %s", image->file);
  if (wrong == 0)
    remove_reader (spares->readers, g_ptr_array_index (spares->paths, index));
  return TRUE;
}

static gboolean
unlink_if_unread (const Spares *spares, guint index, GError **error)
{
  SpareImage *image = g_ptr_array_index (spares->images, index);
  const GPtrArray *readers = g_ptr_array_index (spares->readers, index);
  g_clear_pointer (&image->reader, g_free);
  g_autoptr (GPtrArray) users =
      references_as_disk (spares->domains, g_ptr_array_index (spares->paths, index), error);
  if (!users)
    return FALSE;
  if (users->len == 0)
    image->reader = g_strdup (only_reader (readers));
  return users->len > 0 || readers->len > 0 || unlink_image (spares, index, error);
}

/* One that cannot be unlinked does not keep others from it.  *@any: one is gone, so that others may
 * have no reader any more. */
static gboolean
unlink_once (const Spares *spares, Job *job, gboolean *any, GError **error)
{
  gboolean all = TRUE;
  *any = FALSE;
  for (guint i = 0; i < spares->images->len; i++) {
    const SpareImage *image = g_ptr_array_index (spares->images, i);
    if (image->gone)
      continue;
    if (job && job_cancelled (job, all ? error : NULL))
      return FALSE;
    all &= unlink_if_unread (spares, i, all ? error : NULL);
    *any |= image->gone;
  }
  return all;
}

static gboolean
unlink_all (const Spares *spares, Job *job, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  gboolean any = TRUE;
  while (any) {
    g_clear_error (&wrong);
    unlink_once (spares, job, &any, &wrong);
    any = any && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_CANCELLED);
  }
  if (!wrong)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* One fsync for as many as are beside each other.  What is not durable is not gone. */
static gboolean
sync_unlinked (const GPtrArray *images, GError **error)
{
  const char *path = NULL;
  gboolean synced = FALSE, all = TRUE;
  for (guint i = 0; i < images->len; i++) {
    SpareImage *image = g_ptr_array_index (images, i);
    if (!image->gone)
      continue;
    if (g_strcmp0 (image->path, path) != 0)
      synced = journal_sync (image->directory, image->path, all ? error : NULL);
    path = image->path;
    image->gone = synced;
    all &= synced;
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

/* The store is listed after it was scanned, for somebody's clone may get its name meanwhile. */
static gboolean
ask_and_unlink (const Places *places, const GPtrArray *images, Job *job, GError **error)
{
  autolock held = moving_hold ();
  g_autoptr (GPtrArray) domains = scan_store (places, error);
  g_autoptr (GPtrArray) paths = paths_of (images);
  const Asking asking = { .places = places, .domains = domains, .job = job };
  g_autoptr (GPtrArray) readers = domains ? references_to_all (&asking, paths, error) : NULL;
  const Spares spares = { images, domains, paths, readers };
  return readers && unlink_all (&spares, job, error);
}

/* To free what large images take may last long. */
static void
free_blocks (const GPtrArray *images)
{
  for (guint i = 0; i < images->len; i++) {
    SpareImage *image = g_ptr_array_index (images, i);
    if (image->gone)
      fd_close_pointer (&image->held);
  }
}

gboolean
spare_images_unlink (const Places *places, const GPtrArray *images, Job *job, GError **error)
{
  gboolean unlinked = images->len == 0 || ask_and_unlink (places, images, job, error);
  gboolean synced = sync_unlinked (images, unlinked ? error : NULL);
  free_blocks (images);
  return unlinked && synced;
}
