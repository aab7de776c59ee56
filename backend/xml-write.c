/* Writing XML that libvirt accepts.
 *
 * Documents are built as trees (xml-tree.h).  Where libvirt's schema takes less than a snapshot
 * can say, the rest is left out; and what comes out is read once more by our own reader. */
#include "error.h"
#include "xml-tree.h"
#include "xml.h"

#include <string.h>

/* What is in memory is a file. */
static gboolean
is_block_device (const char *file)
{
  return g_str_has_prefix (file, "/dev/") && !g_str_has_prefix (file, "/dev/shm/");
}

/* Returns its <source>. */
static xmlNode *
fill_disk (xmlNode *disk, const char *target, const char *format, const char *file)
{
  gboolean device = is_block_device (file);
  xmlNode *source, *node;

  xml_set (disk, "type", device ? "block" : "file");
  xml_set (disk, "device", "disk");
  node = xml_add (disk, "driver", NULL);
  xml_set (node, "name", "qemu");
  xml_set (node, "type", format);
  source = xml_add (disk, "source", NULL);
  xml_set (source, device ? "dev" : "file", file);
  node = xml_add (disk, "target", NULL);
  xml_set (node, "dev", target);
  xml_set (node, "bus", g_str_has_prefix (target, "vd") ? "virtio" : "scsi");
  return source;
}

char *
xml_disk (const char *target, const char *format, const char *file)
{
  g_autoptr (xmlDoc) document = xml_document_new ("disk");

  fill_disk (xmlDocGetRootElement (document), target, format, file);
  return xml_serialise (document);
}

char *
xml_frozen_disk (const char *target, const char *format, const char *file, const char *inside)
{
  g_autoptr (xmlDoc) document = xml_document_new ("disk");
  xmlNode *disk = xmlDocGetRootElement (document);
  xmlNode *source = fill_disk (disk, target, format, file);

  xml_set (disk, "snapshot", inside == NULL ? "external" : "internal");
  if (inside != NULL)
    xml_set (xml_add (source, "snapshot", NULL), "name", inside);
  xml_add (disk, "readonly", NULL);
  return xml_serialise (document);
}

/* Puts the root element of @text below @parent. */
static gboolean
graft (xmlNode *parent, const char *text, gsize length, const char *name, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (text, length, error);
  const xmlNode *root;

  if (document == NULL)
    return FALSE;
  root = xmlDocGetRootElement (document);
  if (strcmp ((const char *)root->name, name) != 0)
    return fail (error, BACKEND_ERROR_INVALID, "the XML is not a <%s>", name);
  xmlAddChild (parent, xml_copy_into (parent->doc, root));
  return TRUE;
}

char *
xml_domain (const char *name, const char *uuid, const char *disks)
{
  g_autoptr (xmlDoc) document = xml_document_new ("domain");
  xmlNode *domain = xmlDocGetRootElement (document);
  g_autofree char *devices = NULL;
  xmlNode *node;

  xml_set (domain, "type", "qemu");
  xml_add (domain, "name", name);
  xml_add (domain, "uuid", uuid);
  xml_set (xml_add (domain, "memory", "1024"), "unit", "MiB");
  xml_add (domain, "vcpu", "1");
  node = xml_add (xml_add (domain, "os", NULL), "type", "hvm");
  xml_set (node, "arch", "x86_64");
  devices = g_strdup_printf ("<devices>%s</devices>", disks != NULL ? disks : "");
  graft (domain, devices, strlen (devices), "devices", NULL);
  return xml_serialise (document);
}

static char *
attribute_of_child (const xmlDoc *document, const char *child, const char *name)
{
  const xmlNode *node = xml_child (xmlDocGetRootElement (document), child);

  return node == NULL ? NULL : xml_attribute (node, name);
}

/* Only the words of libvirt's schema; a snapshot in any other state says nothing of it. */
static gboolean
is_state (const char *state)
{
  static const char *const states[] = { "running", "blocked", "paused",        "shutdown",
                                        "shutoff", "crashed", "disk-snapshot", NULL };

  return state != NULL && g_strv_contains (states, state);
}

/* What the schema takes for the name of a file: absolute, and on one line. */
static gboolean
is_path (const char *file)
{
  return file != NULL && g_path_is_absolute (file) && file[1] != '\0' &&
         strpbrk (file, "\n\r") == NULL;
}

/* What it takes for a guest's device. */
static gboolean
is_device (const char *target)
{
  static const char *const kinds[] = { "fd", "hd", "sd", "vd", "xvd", "ubd" };
  gsize word = strspn (target, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_");

  if (target[word] != '\0')
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_prefix (target, kinds[i]) && word > strlen (kinds[i]))
      return TRUE;
  return FALSE;
}

gboolean
xml_is_disk_name (const char *name)
{
  return is_device (name) || is_path (name);
}

/* And for the format of an overlay. */
static gboolean
is_format (const char *format)
{
  static const char *const formats[] = { "cow", "qcow", "qcow2", "qed", "vmdk", NULL };

  return format != NULL && g_strv_contains (formats, format);
}

static xmlDoc *
disk_document (const Disk *disk, GError **error)
{
  return disk->xml == NULL ? xml_document_new ("disk")
                           : xml_parse (disk->xml->data, disk->xml->length, error);
}

/* One disk of a snapshot, with what its <disk> element says of an external one.  A disk that the
 * schema has no name for is left out. */
static gboolean
add_disk (xmlNode *disks, const Disk *disk, gboolean external, GError **error)
{
  g_autoptr (xmlDoc) document = disk_document (disk, error);
  g_autofree char *format = NULL;
  g_autofree char *file = NULL;
  const char *kind = "file";
  xmlNode *node;

  if (document == NULL)
    return FALSE;
  format = attribute_of_child (document, "driver", "type");
  file = attribute_of_child (document, "source", "file");
  if (file == NULL) {
    file = attribute_of_child (document, "source", "dev");
    kind = file == NULL ? "file" : "block";
  }
  if (!is_device (disk->target) && !is_path (file))
    return TRUE;
  node = xml_add (disks, "disk", NULL);
  xml_set (node, "name", is_device (disk->target) ? disk->target : file);
  xml_set (node, "snapshot", external ? "external" : "internal");
  if (!external)
    return TRUE;
  xml_set (node, "type", kind);
  if (is_format (format))
    xml_set (xml_add (node, "driver", NULL), "type", format);
  if (is_path (file))
    xml_set (xml_add (node, "source", NULL), g_str_equal (kind, "block") ? "dev" : "file", file);
  return TRUE;
}

/* -------------------------------------------------------------------- what was kept */

/* The elements of @kept below one root, which no document is without; NULL: they are no XML. */
static xmlDoc *
parse_kept (const Text *kept, GError **error)
{
  g_autofree char *text = g_strdup_printf ("<kept>%s</kept>", kept == NULL ? "" : kept->data);

  return xml_parse (text, strlen (text), error);
}

static gboolean
add_kept (xmlNode *root, const xmlDoc *kept, const char *name)
{
  const xmlNode *node = xml_child (xmlDocGetRootElement (kept), name);

  if (node == NULL)
    return FALSE;
  xmlAddChild (root, xml_copy_into (root->doc, node));
  return TRUE;
}

static void
add_memory (xmlNode *root, const xmlDoc *kept)
{
  if (!add_kept (root, kept, "memory"))
    xml_set (xml_add (root, "memory", NULL), "snapshot", "no");
}

static gboolean
add_disks (xmlNode *root, const Snapshot *snapshot, const xmlDoc *kept, GError **error)
{
  xmlNode *disks;

  if (add_kept (root, kept, "disks") || snapshot->disks->len == 0)
    return TRUE;
  disks = xml_add (root, "disks", NULL);
  for (guint i = 0; i < snapshot->disks->len; i++)
    if (!add_disk (disks, g_ptr_array_index (snapshot->disks, i), snapshot->external, error))
      return FALSE;
  return TRUE;
}

/* What has no place of its own. */
static void
add_rest (xmlNode *root, const xmlDoc *kept)
{
  static const char *const placed[] = { "memory", "disks", NULL };

  for (const xmlNode *node = xmlDocGetRootElement (kept)->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE && !g_strv_contains (placed, (const char *)node->name))
      xmlAddChild (root, xml_copy_into (root->doc, node));
}

/* -------------------------------------------------------------------- snapshots */

static gboolean
add_domain (xmlNode *root, const Snapshot *snapshot, const char *uuid, GError **error)
{
  const Text *xml = snapshot->domain_xml;

  if (xml != NULL)
    return graft (root, xml->data, xml->length, "domain", error);
  xml_add (xml_add (root, "domain", NULL), "uuid", uuid);
  return TRUE;
}

static gboolean
fill (xmlNode *root, const Snapshot *snapshot, const char *parent, const char *uuid, GError **error)
{
  g_autoptr (xmlDoc) kept = parse_kept (snapshot->kept_xml, error);
  char created[24];

  if (kept == NULL)
    return FALSE;
  xml_add (root, "name", snapshot->name);
  if (snapshot->description != NULL)
    xml_add (root, "description", snapshot->description);
  if (is_state (snapshot->state))
    xml_add (root, "state", snapshot->state);
  if (parent != NULL)
    xml_add (xml_add (root, "parent", NULL), "name", parent);
  g_snprintf (created, sizeof created, "%" G_GINT64_FORMAT, snapshot->created);
  xml_add (root, "creationTime", created);
  add_memory (root, kept);
  if (!add_disks (root, snapshot, kept, error) || !add_domain (root, snapshot, uuid, error))
    return FALSE;
  add_rest (root, kept);
  return TRUE;
}

/* Reads what was written: nothing leaves that would not come back as the same document. */
static gboolean
check_written (const char *text, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (text, strlen (text), error);
  g_autofree char *again = NULL;

  if (document == NULL)
    return FALSE;
  xml_drop_layout (xmlDocGetRootElement (document));
  again = xml_serialise (document);
  if (!g_str_equal (text, again))
    return fail (error, BACKEND_ERROR_INVALID, "the XML does not survive being read again");
  return TRUE;
}

char *
xml_domainsnapshot (const Snapshot *snapshot, const char *parent, const char *uuid, GError **error)
{
  g_autoptr (xmlDoc) document = xml_document_new ("domainsnapshot");
  g_autofree char *text = NULL;

  if (!xml_check_text (snapshot->name, "the name", error) ||
      !xml_check_text (snapshot->description, "the description", error) ||
      !xml_check_text (parent, "the parent's name", error))
    return NULL;
  if (!fill (xmlDocGetRootElement (document), snapshot, parent, uuid, error))
    return NULL;
  text = xml_serialise (document);
  if (!check_written (text, error))
    return NULL;
  return g_steal_pointer (&text);
}
