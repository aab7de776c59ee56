/* A look into the images before libvirt has them changed.
 *
 * libvirt goes from disk to disk: where the second has no such snapshot, the first was reverted
 * already, and a machine that ran does not run any more.  And `qemu-img snapshot -a 2`, as QEMU
 * itself, takes the snapshot with the number 2 before the one that is called "2".
 *
 * Going back to a snapshot inside an image writes to that image, also when another snapshot has
 * frozen it since and the machine writes elsewhere: that one's bytes would be gone, and libvirt
 * does not mind.
 *
 * Discarding one in files of its own removes what was put on top of it.  libvirt knows that its
 * descendants are read through that; it knows nothing of snapshots inside it, nor of those whose
 * record stands elsewhere.
 *
 * The images are those that the snapshot's own XML names, as libvirt has it, not the machine's of
 * now. */
#include "preflight.h"

#include "../qcow2/snapshots.h"
#include "layout.h"
#include "sharing.h"

#include <string.h>

static gboolean
is_qemu (const Order *order)
{
  return g_strcmp0 (virConnectGetType (order->handle.link), "QEMU") == 0;
}

/* What cannot be read as XML is libvirt's own matter: NULL. */
static Layout *
layout_of (const Snapshot *snapshot)
{
  return snapshot->xml == NULL ? NULL : layout_parse (snapshot->xml->data, NULL);
}

/* -------------------------------------------------------------------- one image */

static gboolean
check_table (const GPtrArray *table, const char *name, const char *file, GError **error)
{
  gboolean found = FALSE;

  for (guint i = 0; i < table->len; i++) {
    const Qcow2Snapshot *inside = g_ptr_array_index (table, i);

    found = found || strcmp (inside->tag, name) == 0;
    if (strcmp (inside->id, name) == 0 && strcmp (inside->tag, name) != 0)
      return fail (error, BACKEND_ERROR_DAMAGED,
                   "%s: the name %s is the number of another snapshot (%s), which QEMU would take "
                   "instead",
                   file, name, inside->tag);
  }
  return found || fail (error, BACKEND_ERROR_DAMAGED,
                        "%s has no snapshot %s inside, so it would be done on some disks only "
                        "(metadata-only discards just the record)",
                        file, name);
}

/* What cannot be read as an image is libvirt's own matter. */
gboolean
preflight_image (const char *file, const char *name, GError **error)
{
  g_autoptr (GPtrArray) table = host_files_inside (file);

  return table == NULL || check_table (table, name, file, error);
}

static gboolean
check_tags (const Order *order, const Snapshot *snapshot, GError **error)
{
  g_autoptr (Layout) layout = NULL;

  if (!order->libvirt->files.here || snapshot->external)
    return TRUE;
  layout = layout_of (snapshot);
  for (guint i = 0; layout != NULL && i < layout->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (layout->disks, i);
    const char *file = disk->internal ? layout_file (disk, 0) : NULL;

    if (file != NULL && !preflight_image (file, snapshot->name, error))
      return FALSE;
  }
  return TRUE;
}

/* -------------------------------------------------------------------- other snapshots */

/* Whether @other is read through @file. */
static gboolean
is_read_through (const Layout *other, const char *file)
{
  for (guint i = 0; i < other->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (other->disks, i);

    if (disk->overlay != NULL && layout_find (disk, file) >= 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
check_other (const Layout *own, const Snapshot *snapshot, const Snapshot *other, GError **error)
{
  g_autoptr (Layout) layout = layout_of (other);

  for (guint i = 0; layout != NULL && i < own->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (own->disks, i);
    const char *file = disk->internal ? layout_file (disk, 0) : NULL;

    if (file != NULL && is_read_through (layout, file))
      return fail (error, BACKEND_ERROR_BUSY,
                   "%s is inside %s, and going back would change that file, through which %s is "
                   "read: discard %s first (its record at least, with metadata-only)",
                   snapshot->name, file, other->name, other->name);
  }
  return TRUE;
}

static gboolean
check_others (const Order *order, const Snapshot *snapshot, GError **error)
{
  const GPtrArray *all = domain_snapshots (order->picture);
  g_autoptr (Layout) own = snapshot->external ? NULL : layout_of (snapshot);

  for (guint i = 0; own != NULL && i < all->len; i++) {
    const Snapshot *other = g_ptr_array_index (all, i);

    if (other != snapshot && other->external && !check_other (own, snapshot, other, error))
      return FALSE;
  }
  return TRUE;
}

/* -------------------------------------------------------------------- what goes with it */

static gboolean
is_below (const Domain *domain, const Snapshot *snapshot, const Snapshot *above)
{
  guint most = domain_count (domain);

  for (guint i = 0; i < most && snapshot != NULL && snapshot->parent != NULL; i++) {
    snapshot = domain_snapshot (domain, snapshot->parent);
    if (snapshot == above)
      return TRUE;
  }
  return FALSE;
}

/* Whether @other would be lost with @file.  @known: libvirt has it read through another one. */
static gboolean
needs (const Layout *other, const char *file, gboolean known)
{
  for (guint i = 0; i < other->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (other->disks, i);

    if (disk->internal ? g_strcmp0 (layout_file (disk, 0), file) == 0
                       : !known && disk->overlay != NULL && layout_find (disk, file) >= 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
check_needs (const Order *order, const Snapshot *snapshot, const Layout *own, const Snapshot *other,
             GError **error)
{
  g_autoptr (Layout) layout = layout_of (other);
  gboolean known = is_below (order->picture, other, snapshot);

  for (guint i = 0; layout != NULL && i < own->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (own->disks, i);

    if (disk->overlay != NULL && needs (layout, disk->overlay, known))
      return fail (error, BACKEND_ERROR_BUSY,
                   "%s needs the file %s, which would go with %s (metadata-only discards just the "
                   "record)",
                   other->name, disk->overlay, snapshot->name);
  }
  return TRUE;
}

static gboolean
check_overlays (const Order *order, const Plan *plan, const Snapshot *snapshot, GError **error)
{
  const GPtrArray *all = domain_snapshots (order->picture);
  g_autoptr (Layout) own = snapshot->external ? layout_of (snapshot) : NULL;

  for (guint i = 0; own != NULL && i < all->len; i++) {
    const Snapshot *other = g_ptr_array_index (all, i);

    if (!g_ptr_array_find (plan->removed, other, NULL) &&
        !check_needs (order, snapshot, own, other, error))
      return FALSE;
  }
  return TRUE;
}

/* libvirt writes what is on top of it into what was frozen. */
static gboolean
check_is_alone (const Order *order, const Snapshot *snapshot, GError **error)
{
  g_autoptr (Layout) own = snapshot->external ? layout_of (snapshot) : NULL;
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();

  for (guint i = 0; own != NULL && i < own->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (own->disks, i);

    if (disk->overlay == NULL || layout_file (disk, 0) == NULL)
      continue;
    g_ptr_array_add (paths, (gpointer)layout_file (disk, 0));
    g_ptr_array_add (paths, disk->overlay);
  }
  g_ptr_array_add (paths, NULL);
  return sharing_check (order->handle.domain, &order->libvirt->files,
                        (const char *const *)paths->pdata, error);
}

/* -------------------------------------------------------------------- what is asked */

gboolean
preflight_revert (const Order *order, const Snapshot *snapshot, GError **error)
{
  return !is_qemu (order) ||
         (check_others (order, snapshot, error) && check_tags (order, snapshot, error));
}

/* From a running machine's images QEMU deletes it, by its name, wherever it is. */
gboolean
preflight_discard (const Order *order, const Plan *plan, GError **error)
{
  gboolean off = virDomainIsActive (order->handle.domain) == 0;

  for (guint i = 0; is_qemu (order) && i < plan->removed->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (plan->removed, i);

    if (!check_overlays (order, plan, snapshot, error) ||
        !check_is_alone (order, snapshot, error) || (off && !check_tags (order, snapshot, error)))
      return FALSE;
  }
  return TRUE;
}
