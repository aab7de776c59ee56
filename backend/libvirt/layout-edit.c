/* Snapshots' XML with other files, or below another parent.
 *
 * libvirt does not look at the images of a snapshot's <domain>: it believes the XML.  So a file
 * that is gone must be gone from there, or the snapshot names what nobody can read. */
#include "../xml-tree.h"
#include "layout.h"
#include <string.h>

static gboolean
is_at (const xmlNode *element, const char *path)
{
  const xmlNode *source = xml_child (element, "source");
  if (!source)
    return FALSE;
  g_autofree char *file = xml_attribute (source, "file");
  g_autofree char *device = file ? NULL : xml_attribute (source, "dev");
  return g_strcmp0 (file ? file : device, path) == 0;
}

static void
drop_child (xmlNode *element, const char *name)
{
  xmlNode *child = xml_child (element, name);
  if (!child)
    return;
  xmlUnlinkNode (child);
  xmlFreeNode (child);
}

/* Moves the child @name of @from to where @to has it, or to its end. */
static void
take_child (xmlNode *to, xmlNode *from, const char *name)
{
  xmlNode *child = xml_child (from, name);
  xmlNode *there = xml_child (to, name);
  if (!child)
    return;
  xmlUnlinkNode (child);
  if (there && there != from) {
    xmlReplaceNode (there, child);
    xmlFreeNode (there);
    return;
  }
  xmlAddChild (to, child);
}

/* The top of the disk becomes what was behind it. */
static void
raise_backing (xmlNode *disk, xmlNode *behind)
{
  const xmlNode *format = xml_child (behind, "format");
  xmlNode *driver = xml_child (disk, "driver");
  g_autofree char *type = format ? xml_attribute (format, "type") : NULL;
  g_autofree char *kind = xml_attribute (behind, "type");
  xmlUnlinkNode (behind);
  if (driver && type)
    xmlSetProp (driver, BAD_CAST "type", BAD_CAST type);
  if (kind)
    xmlSetProp (disk, BAD_CAST "type", BAD_CAST kind);
  take_child (disk, behind, "source");
  take_child (disk, behind, "backingStore");
  xmlFreeNode (behind);
}

/* @element, a <disk> or <backingStore>, has the layer @behind behind it, which goes. */
static void
splice (xmlNode *element, xmlNode *behind)
{
  xmlNode *next = xml_child (behind, "backingStore");
  if (next) {
    xmlUnlinkNode (next);
    xmlReplaceNode (behind, next);
  } else
    xmlUnlinkNode (behind);
  xmlFreeNode (behind);
}

static gboolean
drop_layer (xmlNode *disk, const char *gone)
{
  xmlNode *behind = xml_child (disk, "backingStore");
  if (is_at (disk, gone)) {
    if (!behind || !xml_child (behind, "source"))
      return FALSE;
    raise_backing (disk, behind);
    return TRUE;
  }
  for (xmlNode *element = disk; behind;
       element = behind, behind = xml_child (element, "backingStore"))
    if (is_at (behind, gone)) {
      splice (element, behind);
      return TRUE;
    }
  return FALSE;
}

static gboolean
drop_from_domain (xmlNode *domain, const char *target, const char *gone)
{
  xmlNode *devices = domain ? xml_child (domain, "devices") : NULL;
  for (xmlNode *node = devices ? devices->children : NULL; node; node = node->next) {
    const xmlNode *name = node->type == XML_ELEMENT_NODE ? xml_child (node, "target") : NULL;
    g_autofree char *is = name ? xml_attribute (name, "dev") : NULL;
    if (g_strcmp0 (is, target) == 0)
      return drop_layer (node, gone);
  }
  return FALSE;
}

static gboolean
change_overlay (xmlNode *disks, const char *target, const char *gone, const char *instead)
{
  for (xmlNode *node = disks ? disks->children : NULL; node; node = node->next) {
    g_autofree char *name = node->type == XML_ELEMENT_NODE ? xml_attribute (node, "name") : NULL;
    if (g_strcmp0 (name, target) != 0 || !is_at (node, gone))
      continue;
    drop_child (node, "source");
    xml_set (xml_add (node, "source", NULL), "file", instead);
    return TRUE;
  }
  return FALSE;
}

char *
layout_without (const char *xml, const char *target, const char *gone, const char *instead,
                GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (xml, strlen (xml), error);
  xmlNode *root = document ? xmlDocGetRootElement (document) : NULL;
  if (!root)
    return NULL;
  gboolean changed = drop_from_domain (xml_child (root, "domain"), target, gone);
  changed |= drop_from_domain (xml_child (root, "inactiveDomain"), target, gone);
  changed |= instead && change_overlay (xml_child (root, "disks"), target, gone, instead);
  return changed ? xml_element_text (root) : NULL;
}

char *
layout_under (const char *xml, const char *parent, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (xml, strlen (xml), error);
  xmlNode *root = document ? xmlDocGetRootElement (document) : NULL;
  if (!root)
    return NULL;
  drop_child (root, "parent");
  if (parent)
    xml_add (xml_add (root, "parent", NULL), "name", parent);
  return xml_element_text (root);
}
