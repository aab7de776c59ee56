/* A look into the images before libvirt has qemu-img change them.
 *
 * libvirt goes from disk to disk: where the second has no such snapshot, the first was reverted
 * already.  And `qemu-img snapshot -a 2` takes the snapshot with the number 2 before the one that
 * is called "2". */
#include "preflight.h"

#include "../qcow2/header.h"
#include "../qcow2/snapshots.h"
#include "../xml.h"
#include "files.h"

#include <string.h>
#include <unistd.h>

static gboolean
is_a_matter (const Handle *handle)
{
  const char *type = virConnectGetType (handle->link);

  return g_strcmp0 (type, "QEMU") == 0 && files_are_here (handle->link) &&
         virDomainIsActive (handle->domain) == 0;
}

static gboolean
is_of (const Snapshot *snapshot, const char *target)
{
  for (guint i = 0; i < snapshot->disks->len; i++)
    if (strcmp (((const Disk *)g_ptr_array_index (snapshot->disks, i))->target, target) == 0)
      return TRUE;
  return FALSE;
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
                   "%s: the name %s is the number of another snapshot (%s), which qemu-img would "
                   "take instead",
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
  int fd = files_open (file, NULL);
  g_autoptr (Qcow2Header) header = fd < 0 ? NULL : qcow2_header_read (fd, NULL);
  g_autoptr (GPtrArray) table = header == NULL ? NULL : qcow2_snapshots_read (fd, header, NULL);

  if (fd >= 0)
    close (fd);
  return table == NULL || check_table (table, name, file, error);
}

static gboolean
check_snapshot (const Domain *domain, const Snapshot *snapshot, GError **error)
{
  if (snapshot->external)
    return TRUE;
  for (guint i = 0; i < domain->disks->len; i++) {
    const Disk *disk = g_ptr_array_index (domain->disks, i);
    g_autofree char *file = is_of (snapshot, disk->target) ? xml_disk_source (disk->xml) : NULL;

    if (file != NULL && !preflight_image (file, snapshot->name, error))
      return FALSE;
  }
  return TRUE;
}

/* -------------------------------------------------------------------- what is asked */

gboolean
preflight_revert (const Domain *domain, const Snapshot *snapshot, const Handle *handle,
                  GError **error)
{
  return !is_a_matter (handle) || check_snapshot (domain, snapshot, error);
}

gboolean
preflight_discard (const Domain *domain, const Plan *plan, const Handle *handle, GError **error)
{
  if (!is_a_matter (handle))
    return TRUE;
  for (guint i = 0; i < plan->removed->len; i++)
    if (!check_snapshot (domain, g_ptr_array_index (plan->removed, i), error))
      return FALSE;
  return TRUE;
}
