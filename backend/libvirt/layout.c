/* libvirt's XML read for its files.
 *
 * A <disk> of a <domain> names the file on top and, in <backingStore> elements inside one another,
 * those behind it.  A snapshot holds the <domain> as it was when it was taken: its disks are what
 * the snapshot is read through.  Its own <disks> name what was put on top of them then. */
#include "layout.h"
#include "../xml-tree.h"
#include <string.h>

#define DEEPEST 256 /* images behind one another; libvirt itself ends at 200 */

static void
file_free (LayoutFile *file)
{
  g_free (file->file);
  g_free (file->format);
  g_free (file);
}

static void
disk_free_all (LayoutDisk *disk)
{
  g_free (disk->target);
  g_ptr_array_unref (disk->files);
  g_free (disk->overlay);
  g_free (disk);
}

void
layout_free (Layout *layout)
{
  g_free (layout->name);
  g_free (layout->parent);
  g_free (layout->state);
  g_ptr_array_unref (layout->disks);
  g_free (layout);
}

/* ---- a disk of a domain */

/* What the <source> of @element, a <disk> or <backingStore>, names; NULL: no path. */
static char *
source_path (const xmlNode *element)
{
  const xmlNode *source = xml_child (element, "source");
  if (!source)
    return NULL;
  char *file = xml_attribute (source, "file");
  return file ? file : xml_attribute (source, "dev");
}

static void
add_file (LayoutDisk *disk, const xmlNode *element, const char *format_element)
{
  LayoutFile *file = g_new0 (LayoutFile, 1);
  const xmlNode *format = xml_child (element, format_element);
  file->file = source_path (element);
  file->format = format ? xml_attribute (format, "type") : NULL;
  g_ptr_array_add (disk->files, file);
}

/* An empty <backingStore/> says that there is nothing more. */
static void
read_chain (LayoutDisk *disk, const xmlNode *element)
{
  add_file (disk, element, "driver");
  for (element = xml_child (element, "backingStore"); element && disk->files->len < DEEPEST;
       element = xml_child (element, "backingStore")) {
    if (!xml_child (element, "source"))
      return;
    add_file (disk, element, "format");
  }
}

static char *
target_of (const xmlNode *disk)
{
  const xmlNode *target = xml_child (disk, "target");
  return target ? xml_attribute (target, "dev") : NULL;
}

static gboolean
is_disk (const xmlNode *node)
{
  if (node->type != XML_ELEMENT_NODE || strcmp ((const char *)node->name, "disk") != 0)
    return FALSE;
  g_autofree char *device = xml_attribute (node, "device");
  return !device || g_str_equal (device, "disk");
}

static void
read_domain (Layout *layout, const xmlNode *domain)
{
  const xmlNode *devices = domain ? xml_child (domain, "devices") : NULL;
  for (const xmlNode *node = devices ? devices->children : NULL; node; node = node->next) {
    char *target = is_disk (node) ? target_of (node) : NULL;
    if (!target)
      continue;
    LayoutDisk *disk = g_new0 (LayoutDisk, 1);
    disk->target = target;
    disk->files = g_ptr_array_new_with_free_func ((GDestroyNotify)file_free);
    read_chain (disk, node);
    g_ptr_array_add (layout->disks, disk);
  }
}

/* ---- what a snapshot did to it */

/* libvirt names the disks of a snapshot by target; who wrote XML may have named the file. */
static LayoutDisk *
disk_named (const Layout *layout, const char *name)
{
  for (guint i = 0; name && i < layout->disks->len; i++) {
    LayoutDisk *disk = g_ptr_array_index (layout->disks, i);
    if (g_str_equal (disk->target, name) || g_strcmp0 (layout_file (disk, 0), name) == 0)
      return disk;
  }
  return NULL;
}

static void
read_snapshot_disk (Layout *layout, const xmlNode *node)
{
  g_autofree char *name = xml_attribute (node, "name");
  g_autofree char *how = xml_attribute (node, "snapshot");
  LayoutDisk *disk = disk_named (layout, name);
  if (!disk)
    return;
  disk->internal = g_strcmp0 (how, "internal") == 0;
  if (g_strcmp0 (how, "external") == 0)
    disk->overlay = source_path (node);
}

static void
read_snapshot (Layout *layout, const xmlNode *root)
{
  const xmlNode *memory = xml_child (root, "memory");
  const xmlNode *parent = xml_child (root, "parent");
  const xmlNode *disks = xml_child (root, "disks");
  g_autofree char *how = memory ? xml_attribute (memory, "snapshot") : NULL;
  layout->state = xml_child_text (root, "state");
  layout->parent = parent ? xml_child_text (parent, "name") : NULL;
  layout->external_memory = g_strcmp0 (how, "external") == 0;
  layout->internal_memory = g_strcmp0 (how, "internal") == 0;
  read_domain (layout, xml_child (root, "domain"));
  for (const xmlNode *node = disks ? disks->children : NULL; node; node = node->next)
    if (node->type == XML_ELEMENT_NODE)
      read_snapshot_disk (layout, node);
}

Layout *
layout_read (const xmlNode *root)
{
  Layout *layout = g_new0 (Layout, 1);
  layout->disks = g_ptr_array_new_with_free_func ((GDestroyNotify)disk_free_all);
  layout->name = xml_child_text (root, "name");
  if (strcmp ((const char *)root->name, "domainsnapshot") == 0)
    read_snapshot (layout, root);
  else
    read_domain (layout, root);
  return layout;
}

Layout *
layout_parse (const char *xml, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (xml, strlen (xml), error);
  return document ? layout_read (xmlDocGetRootElement (document)) : NULL;
}

/* ---- looking something up */

const LayoutDisk *
layout_disk (const Layout *layout, const char *target)
{
  for (guint i = 0; i < layout->disks->len; i++) {
    const LayoutDisk *disk = g_ptr_array_index (layout->disks, i);
    if (g_str_equal (disk->target, target))
      return disk;
  }
  return NULL;
}

const char *
layout_file (const LayoutDisk *disk, guint nth)
{
  if (nth >= disk->files->len)
    return NULL;
  return ((const LayoutFile *)g_ptr_array_index (disk->files, nth))->file;
}

int
layout_find (const LayoutDisk *disk, const char *file)
{
  for (guint i = 0; i < disk->files->len; i++)
    if (g_strcmp0 (layout_file (disk, i), file) == 0)
      return (int)i;
  return -1;
}
