/* Writing XML that libvirt accepts.
 *
 * Documents are built as trees, so that libxml2 does all quoting; text is checked first for what
 * XML cannot carry in any spelling, and what comes out is read once more by our own reader.
 * Nothing is kept between calls. */
#include "error.h"
#include "xml.h"

#include <libxml/chvalid.h>
#include <libxml/xmlsave.h>
#include <string.h>

#define X(text) ((const xmlChar *)(text))

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

static char *
serialise (xmlDoc *document)
{
  xmlBuffer *buffer = xmlBufferCreate ();
  xmlSaveCtxt *context = xmlSaveToBuffer (buffer, "UTF-8", XML_SAVE_FORMAT | XML_SAVE_NO_DECL);
  char *text;

  xmlSaveDoc (context, document);
  xmlSaveClose (context);
  text = g_strdup ((const char *)xmlBufferContent (buffer));
  xmlBufferFree (buffer);
  return text;
}

static gboolean
is_layout (const xmlNode *node)
{
  return node->type == XML_TEXT_NODE && xmlIsBlankNode (node);
}

static gboolean
has_only_elements (const xmlNode *node)
{
  gboolean elements = FALSE;

  for (const xmlNode *child = node->children; child != NULL; child = child->next) {
    if (child->type == XML_ELEMENT_NODE)
      elements = TRUE;
    else if (child->type == XML_TEXT_NODE && !is_layout (child))
      return FALSE;
  }
  return elements;
}

static void
drop_layout_of (xmlNode *node)
{
  xmlNode *next;

  if (!has_only_elements (node))
    return;
  for (xmlNode *child = node->children; child != NULL; child = next) {
    next = child->next;
    if (is_layout (child)) {
      xmlUnlinkNode (child);
      xmlFreeNode (child);
    }
  }
}

/* The node after @node below @top, depth first. */
static xmlNode *
next_below (xmlNode *node, const xmlNode *top)
{
  if (node->type == XML_ELEMENT_NODE && node->children != NULL)
    return node->children;
  while (node != top && node->next == NULL)
    node = node->parent;
  return node == top ? NULL : node->next;
}

/* Removes the white space between elements, so that the writer can indent anew. */
static void
drop_layout (xmlNode *top)
{
  for (xmlNode *node = top; node != NULL; node = next_below (node, top))
    if (node->type == XML_ELEMENT_NODE)
      drop_layout_of (node);
}

static xmlNode *
copy_into (xmlDoc *document, const xmlNode *node)
{
  xmlNode *copy = xmlDocCopyNode ((xmlNode *)node, document, 1);

  drop_layout (copy);
  return copy;
}

char *
xml_element_text (const xmlNode *node)
{
  g_autoptr (xmlDoc) document = NULL;

  xml_ready ();
  document = xmlNewDoc (X ("1.0"));
  xmlDocSetRootElement (document, copy_into (document, node));
  return serialise (document);
}

static const char *
find_uncarriable (const char *text)
{
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar character = g_utf8_get_char (at);

    if (!xmlIsCharQ (character))
      return at;
  }
  return NULL;
}

/* @text with U+FFFD in place of what XML cannot carry: for documents that only describe. */
static char *
make_carriable (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *result = g_string_new (NULL);
  const char *rest = valid;

  for (const char *bad; (bad = find_uncarriable (rest)) != NULL; rest = g_utf8_next_char (bad)) {
    g_string_append_len (result, rest, bad - rest);
    g_string_append (result, "\xef\xbf\xbd");
  }
  g_string_append (result, rest);
  return g_string_free (result, FALSE);
}

static void
set (xmlNode *node, const char *attribute, const char *value)
{
  g_autofree char *text = make_carriable (value);

  xmlNewProp (node, X (attribute), X (text));
}

static xmlNode *
add (xmlNode *parent, const char *name, const char *text)
{
  g_autofree char *carriable = text == NULL ? NULL : make_carriable (text);

  return xmlNewTextChild (parent, NULL, X (name), carriable == NULL ? NULL : X (carriable));
}

static xmlDoc *
document_new (const char *root)
{
  xmlDoc *document;

  xml_ready ();
  document = xmlNewDoc (X ("1.0"));
  xmlDocSetRootElement (document, xmlNewDocNode (document, NULL, X (root), NULL));
  return document;
}

/* Returns its <source>. */
static xmlNode *
fill_disk (xmlNode *disk, const char *target, const char *format, const char *file)
{
  xmlNode *source, *node;

  set (disk, "type", "file");
  set (disk, "device", "disk");
  node = add (disk, "driver", NULL);
  set (node, "name", "qemu");
  set (node, "type", format);
  source = add (disk, "source", NULL);
  set (source, "file", file);
  node = add (disk, "target", NULL);
  set (node, "dev", target);
  set (node, "bus", g_str_has_prefix (target, "vd") ? "virtio" : "scsi");
  return source;
}

char *
xml_disk (const char *target, const char *format, const char *file)
{
  g_autoptr (xmlDoc) document = document_new ("disk");

  fill_disk (xmlDocGetRootElement (document), target, format, file);
  return serialise (document);
}

char *
xml_frozen_disk (const char *target, const char *file, const char *inside)
{
  g_autoptr (xmlDoc) document = document_new ("disk");
  xmlNode *disk = xmlDocGetRootElement (document);
  xmlNode *source = fill_disk (disk, target, "qcow2", file);

  set (disk, "snapshot", inside == NULL ? "external" : "internal");
  if (inside != NULL)
    set (add (source, "snapshot", NULL), "name", inside);
  add (disk, "readonly", NULL);
  return serialise (document);
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
  xmlAddChild (parent, copy_into (parent->doc, root));
  return TRUE;
}

char *
xml_domain (const char *name, const char *uuid, const char *disks)
{
  g_autoptr (xmlDoc) document = document_new ("domain");
  xmlNode *domain = xmlDocGetRootElement (document);
  g_autofree char *devices = NULL;
  xmlNode *node;

  set (domain, "type", "qemu");
  add (domain, "name", name);
  add (domain, "uuid", uuid);
  set (add (domain, "memory", "1024"), "unit", "MiB");
  add (domain, "vcpu", "1");
  node = add (add (domain, "os", NULL), "type", "hvm");
  set (node, "arch", "x86_64");
  devices = g_strdup_printf ("<devices>%s</devices>", disks != NULL ? disks : "");
  graft (domain, devices, strlen (devices), "devices", NULL);
  return serialise (document);
}

static gboolean
check_text (const char *text, const char *what, GError **error)
{
  const char *bad;

  if (text == NULL)
    return TRUE;
  if (!g_utf8_validate (text, -1, NULL))
    return fail (error, BACKEND_ERROR_INVALID, "XML cannot carry %s: it is not valid UTF-8", what);
  bad = find_uncarriable (text);
  if (bad != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "XML cannot carry %s: it has the character U+%04X",
                 what, g_utf8_get_char (bad));
  return TRUE;
}

/* Only the words of libvirt's schema; a snapshot in any other state says nothing of it. */
static gboolean
is_state (const char *state)
{
  static const char *const states[] = { "running", "blocked", "paused",        "shutdown",
                                        "shutoff", "crashed", "disk-snapshot", NULL };

  return state != NULL && g_strv_contains (states, state);
}

/* Format and file of an external snapshot's disk, as far as the <disk> element says them. */
static gboolean
add_source (xmlNode *node, const Text *disk_xml, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (disk_xml->data, disk_xml->length, error);
  const xmlNode *root, *driver, *source;
  g_autofree char *format = NULL;
  g_autofree char *file = NULL;

  if (document == NULL)
    return FALSE;
  root = xmlDocGetRootElement (document);
  driver = xml_child (root, "driver");
  source = xml_child (root, "source");
  format = driver == NULL ? NULL : xml_attribute (driver, "type");
  file = source == NULL ? NULL : xml_attribute (source, "file");
  if (format != NULL)
    set (add (node, "driver", NULL), "type", format);
  if (file != NULL && g_path_is_absolute (file))
    set (add (node, "source", NULL), "file", file);
  return TRUE;
}

static gboolean
add_disks (xmlNode *root, const Snapshot *snapshot, GError **error)
{
  xmlNode *disks = snapshot->disks->len == 0 ? NULL : add (root, "disks", NULL);

  for (guint i = 0; i < snapshot->disks->len; i++) {
    const Disk *disk = g_ptr_array_index (snapshot->disks, i);
    xmlNode *node = add (disks, "disk", NULL);

    set (node, "name", disk->target);
    set (node, "snapshot", snapshot->external ? "external" : "internal");
    if (!snapshot->external)
      continue;
    set (node, "type", "file");
    if (disk->xml != NULL && !add_source (node, disk->xml, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
add_domain (xmlNode *root, const Snapshot *snapshot, const char *uuid, GError **error)
{
  const Text *xml = snapshot->domain_xml;

  if (xml != NULL)
    return graft (root, xml->data, xml->length, "domain", error);
  add (add (root, "domain", NULL), "uuid", uuid);
  return TRUE;
}

static gboolean
fill (xmlNode *root, const Snapshot *snapshot, const char *parent, const char *uuid, GError **error)
{
  char created[24];

  add (root, "name", snapshot->name);
  if (snapshot->description != NULL)
    add (root, "description", snapshot->description);
  if (is_state (snapshot->state))
    add (root, "state", snapshot->state);
  if (parent != NULL)
    add (add (root, "parent", NULL), "name", parent);
  g_snprintf (created, sizeof created, "%" G_GINT64_FORMAT, snapshot->created);
  add (root, "creationTime", created);
  set (add (root, "memory", NULL), "snapshot", "no");
  return add_disks (root, snapshot, error) && add_domain (root, snapshot, uuid, error);
}

/* Reads what was written: nothing leaves that would not come back as the same document. */
static gboolean
check_written (const char *text, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (text, strlen (text), error);
  g_autofree char *again = NULL;

  if (document == NULL)
    return FALSE;
  drop_layout (xmlDocGetRootElement (document));
  again = serialise (document);
  if (!g_str_equal (text, again))
    return fail (error, BACKEND_ERROR_INVALID, "the XML does not survive being read again");
  return TRUE;
}

char *
xml_domainsnapshot (const Snapshot *snapshot, const char *parent, const char *uuid, GError **error)
{
  g_autoptr (xmlDoc) document = document_new ("domainsnapshot");
  g_autofree char *text = NULL;

  if (!check_text (snapshot->name, "the name", error) ||
      !check_text (snapshot->description, "the description", error) ||
      !check_text (parent, "the parent's name", error))
    return NULL;
  if (!fill (xmlDocGetRootElement (document), snapshot, parent, uuid, error))
    return NULL;
  text = serialise (document);
  if (!check_written (text, error))
    return NULL;
  return g_steal_pointer (&text);
}
