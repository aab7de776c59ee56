/* Opening a chain, one image after the other.
 *
 * What stands in an image as its backing file is a wish.  It is granted only when it is a plain
 * path, says its format (a guest can make its raw disk look like qcow2), and the opener's policy
 * lets it through; and never in circles. */
#include "layers.h"
#include "snapshots.h"

static void
layer_clear (gpointer layer)
{
  image_unref (((Layer *)layer)->image);
}

/* ---- the top */

static const Qcow2Snapshot *
find_snapshot (const GPtrArray *snapshots, const Image *image, const char *id, GError **error)
{
  const Qcow2Snapshot *found = NULL;
  for (guint i = 0; i < snapshots->len; i++) {
    const Qcow2Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    if (!g_str_equal (snapshot->id, id))
      continue;
    if (found) {
      fail (error, BACKEND_ERROR_DAMAGED, "%s has more than one snapshot with the ID %s",
            image->path, id);
      return NULL;
    }
    found = snapshot;
  }
  if (!found)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no snapshot with the ID %s", image->path, id);
  return found;
}

/* Makes @layer what it was at the snapshot @id. */
static gboolean
go_to_snapshot (Layer *layer, const char *id, GError **error)
{
  const Image *image = layer->image;
  if (!image->header)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "%s is raw and has no snapshots", image->path);
  g_autoptr (GPtrArray) snapshots = qcow2_snapshots_read (image->fd, image->header, error);
  if (!snapshots)
    return fail_in (error, "%s", image->path);
  const Qcow2Snapshot *snapshot = find_snapshot (snapshots, image, id, error);
  if (!snapshot)
    return FALSE;
  if (snapshot->disk_size > G_MAXINT64)
    return fail (error, BACKEND_ERROR_DAMAGED, "%s: the disk of snapshot %s is too large",
                 image->path, id);
  if (!qcow2_check_l1 (image->header, &snapshot->l1, image->length, error))
    return fail_in (error, "%s: snapshot %s", image->path, id);
  layer->size = snapshot->disk_size;
  layer->l1 = snapshot->l1;
  return TRUE;
}

/* ---- what is behind */

/* QEMU takes what stands before a ':' for a protocol unless a '/' comes first. */
static gboolean
is_plain_path (const char *name)
{
  return name[strcspn (name, ":/")] != ':';
}

/* The kernel goes up from where a link led to, and text from where the link stands: so ".." is only
 * understood at the begin, where the directory's own path has no links. */
static gboolean
goes_up_later (const char *name)
{
  while (g_str_has_prefix (name, "../") || g_str_has_prefix (name, "./"))
    name = strchr (name, '/') + 1;
  return strstr (name, "/../") || g_str_has_suffix (name, "/..");
}

/* The next image's path and format; NULL without an error: this is the last. */
static char *
find_backing (const Image *image, ImageFormat *format, GError **error)
{
  const Qcow2Header *header = image->header;
  if (!header || !header->backing)
    return NULL;
  *format = g_strcmp0 (header->backing_format, "raw") == 0 ? IMAGE_RAW : IMAGE_QCOW2;
  if (goes_up_later (header->backing))
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "%s names its backing file by a path that goes up behind a name", image->path);
  else if (!is_plain_path (header->backing))
    fail (error, BACKEND_ERROR_UNSUPPORTED, "%s has no plain file as its backing file",
          image->path);
  else if (!header->backing_format)
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "%s does not say the format of its backing file: qemu-img rebase -u -F sets it",
          image->path);
  else if (*format == IMAGE_QCOW2 && !g_str_equal (header->backing_format, "qcow2"))
    fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is on a backing file of format %s", image->path,
          header->backing_format);
  else {
    g_autofree char *directory = g_path_get_dirname (image->path);
    return g_canonicalize_filename (header->backing, directory);
  }
  return NULL;
}

static gboolean
check_is_new (const GArray *layers, const Image *image, GError **error)
{
  if (layers->len == LAYERS_MOST)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s: more than %d images behind one another",
                 image->path, LAYERS_MOST);
  for (guint i = 0; i < layers->len; i++)
    if (image_is (g_array_index (layers, Layer, i).image, image))
      return fail (error, BACKEND_ERROR_DAMAGED, "%s is behind itself", image->path);
  return TRUE;
}

static Layer *
add_layer (GArray *layers, const ImageOpener *opener, const char *path, ImageFormat format,
           GError **error)
{
  g_autoptr (Image) image = image_open (opener, path, format, error);
  if (!image || !check_is_new (layers, image, error))
    return NULL;
  Layer layer = { .size = image->size };
  if (image->header)
    layer.l1 = image->header->l1;
  layer.image = g_steal_pointer (&image);
  g_array_append_val (layers, layer);
  return &g_array_index (layers, Layer, layers->len - 1);
}

GArray *
layers_open (const ImageOpener *opener, const char *path, ImageFormat format, const char *snapshot,
             GError **error)
{
  g_autoptr (GArray) layers = g_array_new (FALSE, FALSE, sizeof (Layer));
  g_autofree char *next = g_strdup (path);
  g_autoptr (GError) wrong = NULL;
  g_array_set_clear_func (layers, layer_clear);
  while (next && !wrong) {
    Layer *layer = add_layer (layers, opener, next, format, &wrong);
    g_clear_pointer (&next, g_free);
    if (layer && (!snapshot || go_to_snapshot (layer, snapshot, &wrong)))
      next = find_backing (layer->image, &format, &wrong);
    snapshot = NULL; /* that was the top */
  }
  if (!wrong)
    return g_steal_pointer (&layers);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return NULL;
}
