/* Writing <domainsnapshot> documents for libvirt. */
#include "document.h"

#include "../snapshot-description.h"
#include "../xml-tree.h"

#include <string.h>

static xmlNode *
add_number (xmlNode *parent, const char *name, gint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);

  return xml_add (parent, name, text);
}

static gboolean
add_text (xmlNode *root, const char *name, const char *text, const char *what, GError **error)
{
  if (!xml_check_text (text, what, error))
    return FALSE;
  if (text != NULL && text[0] != '\0')
    xml_add (root, name, text);
  return TRUE;
}

/* -------------------------------------------------------------------- create */

static void
set_if_said (xmlNode *node, const char *attribute, const char *value)
{
  if (value != NULL)
    xml_set (node, attribute, value);
}

static gboolean
add_disk (xmlNode *disks, const DiskRequest *request, GError **error)
{
  xmlNode *disk;

  if (!xml_check_text (request->name, "the name of a disk", error) ||
      !xml_check_text (request->file, "the path of a disk", error))
    return FALSE;
  disk = xml_add (disks, "disk", NULL);
  xml_set (disk, "name", request->name);
  set_if_said (disk, "snapshot", request->snapshot);
  set_if_said (disk, "type", request->type);
  if (request->driver != NULL)
    xml_set (xml_add (disk, "driver", NULL), "type", request->driver);
  if (request->file != NULL)
    xml_set (xml_add (disk, "source", NULL),
             g_strcmp0 (request->type, "block") == 0 ? "dev" : "file", request->file);
  return TRUE;
}

static gboolean
add_disks (xmlNode *root, const GPtrArray *requests, GError **error)
{
  xmlNode *disks;

  if (requests == NULL || requests->len == 0)
    return TRUE;
  disks = xml_add (root, "disks", NULL);
  for (guint i = 0; i < requests->len; i++)
    if (!add_disk (disks, g_ptr_array_index (requests, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
add_memory (xmlNode *root, const CreateOptions *options, GError **error)
{
  xmlNode *memory;

  if (options->memory == NULL)
    return TRUE;
  if (!xml_check_text (options->memory_file, "the path of the memory", error))
    return FALSE;
  memory = xml_add (root, "memory", NULL);
  xml_set (memory, "snapshot", options->memory);
  set_if_said (memory, "file", options->memory_file);
  return TRUE;
}

char *
document_create (const CreateOptions *options, const char *name, const char *state, GError **error)
{
  g_autoptr (xmlDoc) document = xml_document_new ("domainsnapshot");
  xmlNode *root = xmlDocGetRootElement (document);

  if (!add_text (root, "name", name, "the name", error) ||
      !add_text (root, "description", options->description, "the description", error))
    return NULL;
  xml_add (root, "state", state);
  add_number (root, "creationTime", seconds_now ());
  if (!add_memory (root, options, error) || !add_disks (root, options->disks, error))
    return NULL;
  return xml_serialise (document);
}

/* -------------------------------------------------------------------- redefine */

/* The elements that @text is of become the last ones of @root. */
static gboolean
add_fragment (xmlNode *root, const char *text, GError **error)
{
  g_autofree char *whole = NULL;
  g_autoptr (xmlDoc) document = NULL;

  if (text == NULL)
    return TRUE;
  whole = g_strconcat ("<fragment>", text, "</fragment>", NULL);
  document = xml_parse (whole, strlen (whole), error);
  if (document == NULL)
    return FALSE;
  for (const xmlNode *node = xmlDocGetRootElement (document)->children; node != NULL;
       node = node->next)
    if (node->type == XML_ELEMENT_NODE)
      xmlAddChild (root, xml_copy_into (root->doc, node));
  return TRUE;
}

static gboolean
add_parent (xmlNode *root, const char *name, GError **error)
{
  return name == NULL ||
         add_text (xml_add (root, "parent", NULL), "name", name, "the parent's name", error);
}

char *
document_redefine (const Redefinition *redefinition, GError **error)
{
  g_autoptr (xmlDoc) document = xml_document_new ("domainsnapshot");
  xmlNode *root = xmlDocGetRootElement (document);

  if (!add_text (root, "name", redefinition->name, "the name", error) ||
      !add_text (root, "description", redefinition->description, "the description", error) ||
      !add_parent (root, redefinition->parent, error))
    return NULL;
  xml_add (root, "state", redefinition->state);
  add_number (root, "creationTime", redefinition->created);
  if (!add_fragment (root, redefinition->kept, error) ||
      !add_fragment (root, redefinition->disks, error) ||
      !add_fragment (root, redefinition->domain, error))
    return NULL;
  if (redefinition->domain == NULL)
    xml_add (xml_add (root, "domain", NULL), "uuid", redefinition->uuid);
  return xml_serialise (document);
}

/* -------------------------------------------------------------------- describe */

static void
remove_child (xmlNode *root, const char *name)
{
  xmlNode *node = xml_child (root, name);

  if (node == NULL)
    return;
  xmlUnlinkNode (node);
  xmlFreeNode (node);
}

char *
document_describe (const char *xml, const char *description, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (xml, strlen (xml), error);
  xmlNode *root;

  if (document == NULL)
    return NULL;
  root = xmlDocGetRootElement (document);
  remove_child (root, "description");
  if (!add_text (root, "description", description, "the description", error))
    return NULL;
  return xml_serialise (document);
}

/* -------------------------------------------------------------------- passwords */

static xmlDoc *
parse_fragment (const char *text)
{
  g_autofree char *whole = g_strconcat ("<fragment>", text, "</fragment>", NULL);

  return xml_parse (whole, strlen (whole), NULL);
}

/* Adds all <graphics> below @node to @found. */
static void
find_graphics (xmlNode *node, GPtrArray *found)
{
  for (xmlNode *child = node->children; child != NULL; child = child->next) {
    if (child->type != XML_ELEMENT_NODE)
      continue;
    if (strcmp ((const char *)child->name, "graphics") == 0)
      g_ptr_array_add (found, child);
    find_graphics (child, found);
  }
}

static gboolean
is_of_type (const xmlNode *graphics, const char *type)
{
  g_autofree char *own = xml_attribute (graphics, "type");

  return g_strcmp0 (own, type) == 0;
}

/* The one of @others that is the nth of its type, as the one with @number is among @all. */
static const xmlNode *
find_counterpart (const GPtrArray *all, guint number, const GPtrArray *others)
{
  g_autofree char *type = xml_attribute (g_ptr_array_index (all, number), "type");
  guint nth = 0;

  for (guint i = 0; i < number; i++)
    nth += is_of_type (g_ptr_array_index (all, i), type) ? 1 : 0;
  for (guint i = 0; i < others->len; i++)
    if (is_of_type (g_ptr_array_index (others, i), type) && nth-- == 0)
      return g_ptr_array_index (others, i);
  return NULL;
}

/* All that libvirt shows only together with a password. */
static void
copy_password (xmlNode *to, const xmlNode *from)
{
  static const char *const names[] = { "passwd", "passwdValidTo", "connected" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *there = xml_attribute (to, names[i]);
    g_autofree char *value = xml_attribute (from, names[i]);

    if (there == NULL && value != NULL)
      xml_set (to, names[i], value);
  }
}

static char *
children_text (const xmlNode *root)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (const xmlNode *node = root->children; node != NULL; node = node->next) {
    g_autofree char *one = node->type == XML_ELEMENT_NODE ? xml_element_text (node) : NULL;

    if (one != NULL)
      g_string_append (text, one);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
document_with_passwords (const char *said, const char *secret)
{
  g_autoptr (xmlDoc) own = parse_fragment (said);
  g_autoptr (xmlDoc) other = own == NULL ? NULL : parse_fragment (secret);
  g_autoptr (GPtrArray) graphics = g_ptr_array_new ();
  g_autoptr (GPtrArray) others = g_ptr_array_new ();

  if (other == NULL)
    return NULL;
  find_graphics (xmlDocGetRootElement (own), graphics);
  find_graphics (xmlDocGetRootElement (other), others);
  for (guint i = 0; i < graphics->len; i++) {
    const xmlNode *counterpart = find_counterpart (graphics, i, others);

    if (counterpart != NULL)
      copy_password (g_ptr_array_index (graphics, i), counterpart);
  }
  return children_text (xmlDocGetRootElement (own));
}
