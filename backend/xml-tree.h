#pragma once
#include "snapshot-description.h"
#include "xml.h"

/* For files that read or write more than one thing of a document. */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

/* As domain_description_parse and snapshot_description_parse, of elements that were read already;
 * @domain may be NULL. */
DomainDescription *domain_description_read (const xmlNode *domain, GError **error);
SnapshotDescription *snapshot_description_read (const xmlNode *root, GError **error);

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
