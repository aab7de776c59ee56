/* What a machine that runs has for a disk's chain, and what the images' headers say of it.
 *
 * QEMU describes an image in full, "json:{…}", whose backing file is not called as its header calls
 * it, and the store's headers have relative names.  A disk of 100 images that were all attached
 * while the machine ran takes it 0.65 s to describe, and the guest's disks stand still; opened by
 * the headers, 0.02 s (measured, QEMU 7.2). */
#include "live-chain.h"
#include "../qcow2/header.h"
#include "device.h"
#include "fd.h"
#include "live-clean.h"
#include <fcntl.h>
#include <string.h>

#define MOST_SPELLED 8

gboolean
live_chain_is_spelled (const QemuLayer *top)
{
  guint spelled = 0;
  for (const QemuLayer *layer = top; layer; layer = layer->below)
    spelled += g_str_has_prefix (layer->node, LIVE_NODE_PREFIX);
  return spelled > MOST_SPELLED;
}

/* QEMU takes what is before a colon for a protocol. */
static char *
path_of_backing (const char *path, const char *name)
{
  if (strchr (name, ':'))
    return NULL;
  g_autofree char *directory = g_path_get_dirname (path);
  return *name == '/' ? g_strdup (name) : g_build_filename (directory, name, NULL);
}

static Qcow2Header *
read_header (const char *path)
{
  autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  return fd < 0 ? NULL : qcow2_header_read (fd, NULL);
}

/* Whether @path leads to the image of @layer.  *@path: then to what its header says is behind it;
 * NULL: nothing is. */
static gboolean
step_down (const GArray *open_files, const QemuLayer *layer, char **path)
{
  struct stat status;
  if (stat (*path, &status) < 0 || !device_same (&status, &layer->file) ||
      !qemu_is_among (open_files, &status))
    return FALSE;
  g_autofree char *here = g_steal_pointer (path);
  if (g_strcmp0 (layer->driver, "raw") == 0)
    return !layer->below;
  g_autoptr (Qcow2Header) header =
      g_strcmp0 (layer->driver, "qcow2") == 0 ? read_header (here) : NULL;
  if (!header || !qcow2_header_is_plain (header) || !header->backing != !layer->below)
    return FALSE;
  if (header->backing)
    *path = path_of_backing (here, header->backing);
  return !header->backing ||
         (*path && g_strcmp0 (header->backing_format, layer->below->driver) == 0);
}

gboolean
live_chain_is_of_headers (const LiveTake *take, const LiveDisk *disk, const QemuLayer *layer)
{
  g_autoptr (GArray) open_files = qemu_open_files (take->machine);
  g_autofree char *path = g_build_filename (disk->spelled, disk->frozen, NULL);
  for (; open_files && layer; layer = layer->below)
    if (!step_down (open_files, layer, &path))
      return FALSE;
  return open_files != NULL;
}
