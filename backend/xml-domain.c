/* What a <domain> says that we need: its name, and where its disks are.
 *
 * The description is parsed into locals, checked, and only then handed out: a
 * half-filled one is never seen.  Whether the files exist is not asked here. */
#include "error.h"
#include "xml-tree.h"
#include "xml.h"

#include <string.h>

#define TARGET_LIMIT 32
#define SNAPSHOT_METHOD "diskSnapshot" /* of libvirt's proposal of disk snapshots */

static void
disk_description_free (gpointer data)
{
  DiskDescription *disk = data;

  if (disk == NULL)
    return;
  g_free (disk->target);
  g_free (disk->format);
  g_free (disk->source);
  g_free (disk->method);
  g_free (disk->device);
  g_free (disk->xml);
  g_free (disk);
}

void
domain_description_free (DomainDescription *description)
{
  if (description == NULL)
    return;
  g_free (description->name);
  g_free (description->uuid);
  g_ptr_array_unref (description->disks);
  g_free (description);
}

gboolean
xml_is_target (const char *word)
{
  gsize length = strlen (word);

  if (length == 0 || length > TARGET_LIMIT)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (word[i]) && word[i] != '_')
      return FALSE;
  return TRUE;
}

static gboolean
is_known (const GPtrArray *disks, const char *target)
{
  for (guint i = 0; i < disks->len; i++) {
    const DiskDescription *disk = g_ptr_array_index (disks, i);

    if (g_str_equal (disk->target, target))
      return TRUE;
  }
  return FALSE;
}

static char *
attribute_of_child (const xmlNode *parent, const char *child, const char *name)
{
  const xmlNode *node = xml_child (parent, child);

  return node == NULL ? NULL : xml_attribute (node, name);
}

/* What a <diskSnapshot> is to snapshot. */
static char *
device_in (const xmlNode *element)
{
  return element == NULL ? NULL : attribute_of_child (element, "device", "path");
}

/* The file or the block device. */
static char *
source_of (const xmlNode *disk)
{
  char *file = attribute_of_child (disk, "source", "file");

  return file != NULL ? file : attribute_of_child (disk, "source", "dev");
}

static gboolean
add_disk (GPtrArray *disks, const xmlNode *node, GError **error)
{
  g_autofree char *target = attribute_of_child (node, "target", "dev");
  DiskDescription *disk;

  if (target == NULL || !xml_is_target (target))
    return fail (error, BACKEND_ERROR_INVALID, "the target of the <disk> in line %ld is no device",
                 xmlGetLineNo (node));
  if (disks->len >= XML_DISKS_LIMIT)
    return fail (error, BACKEND_ERROR_INVALID, "the <domain> has more than %d disks",
                 XML_DISKS_LIMIT);
  if (is_known (disks, target))
    return fail (error, BACKEND_ERROR_INVALID, "two disks have the target %s", target);
  disk = g_new0 (DiskDescription, 1);
  disk->target = g_steal_pointer (&target);
  disk->format = attribute_of_child (node, "driver", "type");
  disk->source = source_of (node);
  disk->method = attribute_of_child (node, SNAPSHOT_METHOD, "method");
  disk->device = device_in (xml_child (node, SNAPSHOT_METHOD));
  disk->xml = xml_element_text (node);
  g_ptr_array_add (disks, disk);
  return TRUE;
}

/* CD-ROMs and floppies are no disks: nobody snapshots them. */
static gboolean
is_disk (const xmlNode *node)
{
  g_autofree char *device = NULL;

  if (node->type != XML_ELEMENT_NODE || strcmp ((const char *)node->name, "disk") != 0)
    return FALSE;
  device = xml_attribute (node, "device");
  return device == NULL || g_str_equal (device, "disk");
}

static gboolean
add_disks (GPtrArray *disks, const xmlNode *domain, GError **error)
{
  const xmlNode *devices = xml_child (domain, "devices");

  for (xmlNode *node = devices == NULL ? NULL : devices->children; node != NULL; node = node->next)
    if (is_disk (node) && !add_disk (disks, node, error))
      return FALSE;
  return TRUE;
}

DomainDescription *
domain_description_read (const xmlNode *domain, GError **error)
{
  g_autoptr (DomainDescription) description = g_new0 (DomainDescription, 1);

  description->disks = g_ptr_array_new_with_free_func (disk_description_free);
  if (domain == NULL || strcmp ((const char *)domain->name, "domain") != 0) {
    fail (error, BACKEND_ERROR_INVALID, "the XML is not a <domain>");
    return NULL;
  }
  description->name = xml_child_text (domain, "name");
  description->uuid = xml_child_text (domain, "uuid");
  if (description->name == NULL || description->name[0] == '\0') {
    fail (error, BACKEND_ERROR_INVALID, "the <domain> has no name");
    return NULL;
  }
  if (description->uuid != NULL && !g_uuid_string_is_valid (description->uuid)) {
    fail (error, BACKEND_ERROR_INVALID, "the <domain>'s uuid is not one");
    return NULL;
  }
  if (!add_disks (description->disks, domain, error))
    return NULL;
  return g_steal_pointer (&description);
}

DomainDescription *
domain_description_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (text, length, error);

  return document == NULL ? NULL : domain_description_read (xmlDocGetRootElement (document), error);
}

char *
xml_disk_source (const Text *disk)
{
  g_autoptr (xmlDoc) document = disk == NULL ? NULL : xml_parse (disk->data, disk->length, NULL);

  return document == NULL ? NULL : source_of (xmlDocGetRootElement (document));
}

char *
xml_disk_format (const Text *disk)
{
  g_autoptr (xmlDoc) document = disk == NULL ? NULL : xml_parse (disk->data, disk->length, NULL);

  return document == NULL ? NULL
                          : attribute_of_child (xmlDocGetRootElement (document), "driver", "type");
}

char *
xml_disk_source_element (const Text *disk)
{
  xmlDoc *document = disk == NULL ? NULL : xml_parse (disk->data, disk->length, NULL);
  const xmlNode *source =
      document == NULL ? NULL : xml_child (xmlDocGetRootElement (document), "source");
  char *text = source == NULL ? NULL : xml_element_text (source);

  if (document != NULL)
    xmlFreeDoc (document);
  return text;
}

char *
xml_snapshot_method (const Text *element, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (element->data, element->length, error);
  const xmlNode *root = document == NULL ? NULL : xmlDocGetRootElement (document);
  char *method;

  if (root == NULL)
    return NULL;
  method = strcmp ((const char *)root->name, SNAPSHOT_METHOD) == 0 ? xml_attribute (root, "method")
                                                                   : NULL;
  if (method == NULL)
    fail (error, BACKEND_ERROR_INVALID, "the XML is not a <" SNAPSHOT_METHOD "> with a method");
  return method;
}

char *
xml_snapshot_device (const Text *element)
{
  g_autoptr (xmlDoc) document = xml_parse (element->data, element->length, NULL);

  return document == NULL ? NULL : device_in (xmlDocGetRootElement (document));
}

char *
xml_snapshot_method_element (const char *method)
{
  return g_markup_printf_escaped ("<" SNAPSHOT_METHOD " method='%s'/>\n", method);
}

/* libvirt's schema does not have it. */
static void
drop_method (const xmlNode *disk)
{
  xmlNode *element = xml_child (disk, SNAPSHOT_METHOD);

  if (element == NULL)
    return;
  xmlUnlinkNode (element);
  xmlFreeNode (element);
}

static void
make_absolute (const xmlNode *disk, const char *directory)
{
  xmlNode *source = xml_child (disk, "source");
  g_autofree char *file = source == NULL ? NULL : xml_attribute (source, "file");
  g_autofree char *path = NULL;

  if (file == NULL || file[0] == '\0' || g_path_is_absolute (file))
    return;
  path = g_canonicalize_filename (file, directory);
  xmlUnsetNsProp (source, NULL, (const xmlChar *)"file");
  xml_set (source, "file", path);
}

char *
xml_domain_absolute (const Text *text, const char *directory)
{
  g_autoptr (xmlDoc) document = xml_parse (text->data, text->length, NULL);
  const xmlNode *devices =
      document == NULL ? NULL : xml_child (xmlDocGetRootElement (document), "devices");

  if (document == NULL)
    return NULL;
  for (xmlNode *node = devices == NULL ? NULL : devices->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE && strcmp ((const char *)node->name, "disk") == 0) {
      make_absolute (node, directory);
      drop_method (node);
    }
  return xml_serialise (document);
}
