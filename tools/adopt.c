/* Snapshots of one domain as those of another.
 *
 * libvirt refuses a domain whose <sysinfo> tells the guest another uuid than its own, so both
 * change.  What names the domain otherwise (<name>, the paths of its disks) is left alone: only
 * people know what it has to be. */
#include "adopt.h"

#include "../backend/error.h"
#include "../backend/xml.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

static void
set_content (xmlNode *node, const char *uuid)
{
  /* A uuid has no character that XML would want escaped. */
  xmlNodeSetContent (node, (const xmlChar *)uuid);
}

static void
adopt_system (const xmlNode *system, const char *uuid)
{
  for (xmlNode *entry = system->children; entry != NULL; entry = entry->next) {
    g_autofree char *name = entry->type == XML_ELEMENT_NODE ? xml_attribute (entry, "name") : NULL;

    if (g_strcmp0 (name, "uuid") == 0)
      set_content (entry, uuid);
  }
}

static void
adopt_domain (const xmlNode *domain, const char *uuid)
{
  xmlNode *own = xml_child (domain, "uuid");

  if (own != NULL)
    set_content (own, uuid);
  for (const xmlNode *node = domain->children; node != NULL; node = node->next) {
    const xmlNode *system =
        node->type == XML_ELEMENT_NODE && strcmp ((const char *)node->name, "sysinfo") == 0
            ? xml_child (node, "system")
            : NULL;

    if (system != NULL)
      adopt_system (system, uuid);
  }
}

char *
adopt (const char *text, const char *uuid, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (text, strlen (text), error);
  const xmlNode *domain, *inactive;

  if (document == NULL)
    return NULL;
  domain = xml_child (xmlDocGetRootElement (document), "domain");
  inactive = xml_child (xmlDocGetRootElement (document), "inactiveDomain");
  if (domain != NULL)
    adopt_domain (domain, uuid);
  if (inactive != NULL)
    adopt_domain (inactive, uuid);
  return xml_element_text (xmlDocGetRootElement (document));
}
