#pragma once
#include "xml.h"

/* How the files that write XML build it; nobody else's business. */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

/* An empty document with the root element @root. */
xmlDoc *xml_document_new (const char *root);
/* A new last child of @parent; @text NULL: it is empty.  What XML cannot carry becomes U+FFFD. */
xmlNode *xml_add (xmlNode *parent, const char *name, const char *text);
void xml_set (xmlNode *node, const char *attribute, const char *value);
/* For text that must come back as it was: INVALID, @what cannot be carried. */
gboolean xml_check_text (const char *text, const char *what, GError **error);

/* A copy without layout that belongs to @document and has no place in it yet. */
xmlNode *xml_copy_into (xmlDoc *document, const xmlNode *node);
/* Removes the white space between elements, so that the writer can indent anew. */
void xml_drop_layout (xmlNode *top);
/* The document as text, indented.  Free with g_free. */
char *xml_serialise (xmlDoc *document);
