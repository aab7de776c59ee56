/* Building XML as trees, so that libxml2 does all quoting, and writing them as text.
 *
 * Text is checked or mended first for what XML cannot carry in any spelling.  Nothing is kept
 * between calls. */
#include "xml-tree.h"

#include "error.h"

#include <libxml/chvalid.h>
#include <libxml/xmlsave.h>
#include <string.h>

#define X(text) ((const xmlChar *)(text))

/* @layout: XML_SAVE_FORMAT or 0.  @node NULL: all of @document. */
static char *
save (xmlDoc *document, xmlNode *node, int layout)
{
  xmlBuffer *buffer = xmlBufferCreate ();
  xmlSaveCtxt *context = xmlSaveToBuffer (buffer, "UTF-8", layout | XML_SAVE_NO_DECL);
  char *text;

  if (node != NULL)
    xmlSaveTree (context, node);
  else
    xmlSaveDoc (context, document);
  xmlSaveClose (context);
  text = g_strdup ((const char *)xmlBufferContent (buffer));
  xmlBufferFree (buffer);
  return text;
}

char *
xml_serialise (xmlDoc *document)
{
  return save (document, NULL, XML_SAVE_FORMAT);
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
void
xml_drop_layout (xmlNode *top)
{
  for (xmlNode *node = top; node != NULL; node = next_below (node, top))
    if (node->type == XML_ELEMENT_NODE)
      drop_layout_of (node);
}

xmlNode *
xml_copy_into (xmlDoc *document, const xmlNode *node)
{
  xmlNode *copy = xmlDocCopyNode ((xmlNode *)node, document, 1);

  xml_drop_layout (copy);
  return copy;
}

char *
xml_element_text (const xmlNode *node)
{
  g_autoptr (xmlDoc) document = NULL;

  xml_ready ();
  document = xmlNewDoc (X ("1.0"));
  xmlDocSetRootElement (document, xml_copy_into (document, node));
  return xml_serialise (document);
}

/* Whether it may use a prefix that is declared above it. */
static gboolean
is_in_namespaces (const xmlNode *node)
{
  xmlNs **namespaces = xmlGetNsList (node->doc, node->parent);
  gboolean any = namespaces != NULL;

  xmlFree (namespaces);
  return any;
}

char *
xml_element_bare (const xmlNode *node)
{
  g_autoptr (xmlDoc) document = NULL;

  if (!is_in_namespaces (node))
    return save (node->doc, (xmlNode *)node, 0);
  document = xmlNewDoc (X ("1.0"));
  xmlDocSetRootElement (document, xmlDocCopyNode ((xmlNode *)node, document, 1));
  return save (document, NULL, 0);
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

void
xml_set (xmlNode *node, const char *attribute, const char *value)
{
  g_autofree char *text = make_carriable (value);

  xmlNewProp (node, X (attribute), X (text));
}

xmlNode *
xml_add (xmlNode *parent, const char *name, const char *text)
{
  g_autofree char *carriable = text == NULL ? NULL : make_carriable (text);

  return xmlNewTextChild (parent, NULL, X (name), carriable == NULL ? NULL : X (carriable));
}

xmlDoc *
xml_document_new (const char *root)
{
  xmlDoc *document;

  xml_ready ();
  document = xmlNewDoc (X ("1.0"));
  xmlDocSetRootElement (document, xmlNewDocNode (document, NULL, X (root), NULL));
  return document;
}

gboolean
xml_check_text (const char *text, const char *what, GError **error)
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
