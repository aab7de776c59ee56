/* XML from anybody.  Whatever the bytes:
 *
 * - xml_parse ends in time, with a document or a sentence;
 * - in every document, each element's text can be asked for by its name;
 * - a domain's description is complete: a name, a UUID if any, disks with a plain target each, and
 *   each disk's element is XML that would be accepted again. */
#include "../../backend/xml.h"
#include "fuzz.h"
#include <string.h>

/* The depth is limited by what is fuzzed. */
static void
walk (const xmlNode *parent)
{
  for (const xmlNode *node = parent->children; node; node = node->next) {
    if (node->type != XML_ELEMENT_NODE)
      continue;
    g_autofree char *text = xml_child_text (parent, (const char *)node->name);
    g_autofree char *device = xml_attribute (node, "device");
    MUST (text && g_utf8_validate (text, -1, NULL));
    MUST (!device || g_utf8_validate (device, -1, NULL));
    walk (node);
  }
}

static gboolean
parses (const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;
  xmlDoc *document = xml_parse (text, length, &error);
  must_agree (document != NULL, error);
  if (!document)
    return FALSE;
  MUST (!document->intSubset);
  walk (xmlDocGetRootElement (document));
  xmlFreeDoc (document);
  return TRUE;
}

static void
check_description (const DomainDescription *description)
{
  MUST (description->name && description->name[0] != '\0');
  MUST (!description->uuid || g_uuid_string_is_valid (description->uuid));
  for (guint i = 0; i < description->disks->len; i++) {
    const DiskDescription *disk = g_ptr_array_index (description->disks, i);
    MUST (disk->target[0] != '\0' && !strpbrk (disk->target, "/.%<&\"' "));
    MUST (disk->xml && parses (disk->xml, strlen (disk->xml)));
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  /* A copy that ends where the bytes do, so that a look past the end is seen. */
  g_autofree char *text = g_memdup2 (data, size);
  g_autoptr (GError) error = NULL;
  const char *bytes = text ? text : "";
  gboolean parsed = parses (bytes, size);
  g_autoptr (DomainDescription) description = domain_description_parse (bytes, size, &error);
  must_agree (description != NULL, error);
  MUST (parsed || !description);
  if (description)
    check_description (description);
  return 0;
}
