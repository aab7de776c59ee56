/* Which disks can be read here, and reading them.
 *
 * A snapshot in files of its own is the file that was on top when it was taken, which nothing
 * writes to any more, and what is behind it.  One inside an image is read only while no machine has
 * that image open: who writes to it may move what is inside.
 *
 * What XML says is believed for where to look, never for what is there: sizes come from the files.
 */
#include "host-disks.h"
#include "handle.h"
#include "order.h"
#include "picture.h"
#include <string.h>

static const char *
inside (const LayoutDisk *disk, const Snapshot *snapshot)
{
  return disk->internal ? snapshot->name : NULL;
}

/* ---- showing */

/* A file is written to after it was frozen only where it was merged into: then the bytes are newer
 * than the snapshot. */
static void
show_one (const HostFiles *files, const Layout *layout, Snapshot *snapshot, Disk *shown)
{
  const LayoutDisk *disk = layout_disk (layout, shown->target);
  FileLook look;
  if (!disk || (!disk->internal && !disk->overlay) ||
      !host_files_look (files, disk, inside (disk, snapshot), &look, NULL))
    return;
  g_free (look.id);
  shown->readable = TRUE;
  shown->size = look.size;
  if (disk->internal)
    return;
  shown->allocated = look.allocated;
  if (look.modified / G_GINT64_CONSTANT (1000000000) > snapshot->created)
    snapshot->taken = MAX (snapshot->taken, look.modified);
}

void
host_disks_show (const HostFiles *files, const Layout *layout, Snapshot *snapshot)
{
  if (!files->here)
    return;
  for (guint i = 0; i < snapshot->disks->len; i++)
    show_one (files, layout, snapshot, g_ptr_array_index (snapshot->disks, i));
}

void
host_disks_show_live (const HostFiles *files, Domain *domain)
{
  if (!files->here || !domain->xml)
    return;
  g_autoptr (Layout) layout = layout_parse (domain->xml->data, NULL);
  for (guint i = 0; layout && i < domain->disks->len; i++) {
    Disk *shown = g_ptr_array_index (domain->disks, i);
    const LayoutDisk *disk = layout_disk (layout, shown->target);
    FileLook look;
    shown->readable = disk && host_files_look (files, disk, NULL, &look, NULL);
    if (shown->readable)
      shown->size = look.size;
  }
}

/* ---- finding */

static const LayoutDisk *
find_disk (const Layout *layout, const char *name, const char *target, GError **error)
{
  const LayoutDisk *disk = layout_disk (layout, target);
  if (!disk)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no disk %s", name, target);
  return disk;
}

/* What is inside an image is found by its name, which may be another snapshot's by now.  Without a
 * connection nobody knows. */
static gboolean
check_is_still (Libvirt *libvirt, const Domain *picture, const Snapshot *snapshot, GError **error)
{
  g_auto (Handle) handle = { 0 };
  if (!handle_open (&handle, libvirt, picture->name, NULL))
    return TRUE;
  virDomainSnapshotPtr found = virDomainSnapshotLookupByName (handle.domain, snapshot->name, 0);
  gboolean still = !found || order_is_still (found, snapshot);
  if (found)
    virDomainSnapshotFree (found);
  if (still)
    return TRUE;
  machine_touch (libvirt_machine (libvirt, picture->name), NULL, TRUE);
  libvirt_tell (libvirt, picture->name);
  return fail (error, BACKEND_ERROR_STALE, "the snapshot %s of %s is another one now",
               snapshot->name, picture->name);
}

static DiskReader *
open_of_snapshot (Libvirt *libvirt, const Domain *picture, const char *id, const char *target,
                  GError **error)
{
  const Snapshot *snapshot = domain_snapshot (picture, id);
  if (!snapshot || !snapshot->xml) {
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", picture->name);
    return NULL;
  }
  g_autoptr (Layout) layout = layout_parse (snapshot->xml->data, error);
  const LayoutDisk *disk = layout ? find_disk (layout, snapshot->name, target, error) : NULL;
  if (!disk || (disk->internal && !check_is_still (libvirt, picture, snapshot, error)))
    return NULL;
  g_autoptr (GError) wrong = NULL;
  DiskReader *reader = host_files_open (&libvirt->files, disk, inside (disk, snapshot), &wrong);
  if (reader)
    return reader;
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    wrong->code = BACKEND_ERROR_DAMAGED; /* the snapshot is there; what it was made of is not */
  g_propagate_error (error, g_steal_pointer (&wrong));
  return NULL;
}

/* The locks are what keeps a machine from writing; this only has the better sentence. */
static gboolean
check_is_off (Backend *backend, const char *domain, GError **error)
{
  g_autofree char *state = handle_run_state (backend, domain, error);
  if (!state)
    return FALSE;
  return g_str_equal (state, "shutoff") ||
         fail (error, BACKEND_ERROR_BUSY, "%s is %s: its disk changes", domain, state);
}

static DiskReader *
open_live (Backend *backend, const Domain *picture, const char *target, GError **error)
{
  const Libvirt *libvirt = (Libvirt *)backend;
  if (!check_is_off (backend, picture->name, error))
    return NULL;
  g_autoptr (Layout) layout = layout_parse (picture->xml->data, error);
  const LayoutDisk *disk = layout ? find_disk (layout, picture->name, target, error) : NULL;
  return disk ? host_files_open (&libvirt->files, disk, NULL, error) : NULL;
}

DiskReader *
host_disks_open (Backend *backend, const char *domain, const char *snapshot, const char *target,
                 GError **error)
{
  Libvirt *libvirt = (Libvirt *)backend;
  g_autoptr (Domain) picture = picture_get (libvirt, domain, error);
  if (!picture)
    return NULL;
  return snapshot ? open_of_snapshot (libvirt, picture, snapshot, target, error)
                  : open_live (backend, picture, target, error);
}

gboolean
host_disks_measure (Backend *backend, const char *domain, const char *target, DiskMeasure *measure,
                    GError **error)
{
  Libvirt *libvirt = (Libvirt *)backend;
  FileLook look;
  g_autoptr (Domain) picture = picture_get (libvirt, domain, error);
  if (!picture || !check_is_off (backend, domain, error))
    return FALSE;
  g_autoptr (Layout) layout = layout_parse (picture->xml->data, error);
  const LayoutDisk *disk = layout ? find_disk (layout, domain, target, error) : NULL;
  if (!disk || !host_files_look (&libvirt->files, disk, NULL, &look, error))
    return FALSE;
  if (look.changes)
    return fail (error, BACKEND_ERROR_BUSY, "%s is open in another program", target);
  *measure =
      (DiskMeasure){ .size = look.size, .allocated = look.allocated, .modified = look.modified };
  return TRUE;
}
