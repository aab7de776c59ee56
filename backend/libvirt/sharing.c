/* Images that several machines are read through.
 *
 * A block commit writes into a file and makes another one superfluous.  That is of no consequence
 * for the machine whose disk it is; a clone that was made of either would be ruined.  QEMU's locks
 * only tell of machines that run. */
#include "sharing.h"

#include "layout.h"

#include <stdlib.h>
#include <string.h>

#define DEEPEST 256 /* images behind one another; libvirt itself ends at 200 */

static const char *
find_path (const char *const *paths, const char *path)
{
  for (guint i = 0; path != NULL && paths[i] != NULL; i++)
    if (strcmp (paths[i], path) == 0)
      return paths[i];
  return NULL;
}

/* The one of @paths that @disk is read through; NULL: none. */
static const char *
find_shared (const HostFiles *files, const LayoutDisk *disk, const char *const *paths)
{
  const char *last = layout_file (disk, disk->files->len - 1);
  g_autofree char *path = files->here && last != NULL ? host_files_behind (last) : NULL;

  for (guint i = 0; i < disk->files->len; i++) {
    const char *shared = find_path (paths, layout_file (disk, i));

    if (shared != NULL)
      return shared;
  }
  for (guint depth = 0; path != NULL && depth < DEEPEST; depth++) {
    const char *shared = find_path (paths, path);
    char *next;

    if (shared != NULL)
      return shared;
    next = host_files_behind (path);
    g_free (path);
    path = next;
  }
  return NULL;
}

static gboolean
check_machine (virDomainPtr other, const HostFiles *files, const char *const *paths, GError **error)
{
  char *xml = virDomainGetXMLDesc (other, 0);
  g_autoptr (Layout) layout = xml == NULL ? NULL : layout_parse (xml, NULL);

  free (xml);
  for (guint i = 0; layout != NULL && i < layout->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (layout->disks, i);
    const char *shared = find_shared (files, disk, paths);

    if (shared != NULL)
      return fail (error, BACKEND_ERROR_BUSY,
                   "the machine %s (%s) is read through %s, which would change or go",
                   virDomainGetName (other), disk->target, shared);
  }
  return TRUE;
}

gboolean
sharing_check (virDomainPtr domain, const HostFiles *files, const char *const *paths,
               GError **error)
{
  virDomainPtr *all = NULL;
  int count =
      paths[0] == NULL ? 0 : virConnectListAllDomains (virDomainGetConnect (domain), &all, 0);
  gboolean good = TRUE;

  for (int i = 0; i < count; i++) {
    if (good && strcmp (virDomainGetName (all[i]), virDomainGetName (domain)) != 0)
      good = check_machine (all[i], files, paths, error);
    virDomainFree (all[i]);
  }
  free (all);
  return good;
}
