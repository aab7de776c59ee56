/* Whether a document is valid against the schema that libvirt installs.
 *
 * The document may be anybody's, and is read by xml_parse first; the schema is trusted.  It is
 * parsed once, when it is first needed, and kept. */
#include "snapshot-description.h"
#include "threads.h"
#include "xml.h"

#include <libxml/parserInternals.h>
#include <libxml/relaxng.h>
#include <string.h>

#define SCHEMAS "/usr/share/libvirt/schemas/" /* Debian's package libvirt0 */
#define SCHEMA SCHEMAS "domainsnapshot.rng"
#define SENTENCE_LIMIT 200 /* bytes of libxml2's in a message */
/* libxml2 takes time as the square of the elements in one: 90,000 of them take 4 s, 10,000 up to
 * 120 ms on a busy machine. */
#define NODES_LIMIT 5000

/* Also held while a document is validated, which is short: so nothing rests on what libxml2 may
 * write into a schema that it uses. */
static Lock lock = LOCK_INIT;
static xmlRelaxNG *schema; /* guarded by lock; NULL: not parsed yet */

/* The schema includes others of its directory, and libxml2 has one loader for the whole program.
 * This one lets through only what the calling thread itself has asked for, only files directly in
 * that directory, and never what a document names: xml_parse refuses documents that name
 * anything. */
static _Thread_local gboolean loading;
static xmlExternalEntityLoader other_loader; /* for all others; set while nobody else validates */

static xmlParserInput *
load_schema (const char *url, const char *id, xmlParserCtxt *context)
{
  if (!loading)
    return other_loader (url, id, context);
  if (url == NULL || !g_str_has_prefix (url, SCHEMAS) ||
      strchr (url + strlen (SCHEMAS), '/') != NULL)
    return NULL;
  return xmlNewInputFromFile (context, url);
}

/* Keeps the first sentence. */
static void
on_error (void *data, xmlErrorPtr problem)
{
  char **sentence = data;
  g_autofree char *start = NULL;

  if (*sentence != NULL || problem->message == NULL)
    return;
  start = g_strndup (problem->message, SENTENCE_LIMIT);
  *sentence = problem->line > 0 ? g_strdup_printf ("line %d: %s", problem->line, g_strchomp (start))
                                : g_strdup (g_strchomp (start));
}

static gboolean
parse_schema (const Held *held, GError **error)
{
  g_autofree char *sentence = NULL;
  xmlRelaxNGParserCtxt *context;

  if (schema != NULL)
    return TRUE;
  if (!g_file_test (SCHEMA, G_FILE_TEST_EXISTS))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "libvirt's schema is not installed: %s", SCHEMA);
  xml_ready ();
  if (xmlGetExternalEntityLoader () != load_schema) {
    other_loader = xmlGetExternalEntityLoader ();
    xmlSetExternalEntityLoader (load_schema);
  }
  context = xmlRelaxNGNewParserCtxt (SCHEMA);
  xmlRelaxNGSetParserStructuredErrors (context, on_error, &sentence);
  loading = TRUE;
  schema = xmlRelaxNGParse (context);
  loading = FALSE;
  xmlRelaxNGFreeParserCtxt (context);
  return schema != NULL || fail (error, BACKEND_ERROR_FAILED, "libvirt's schema cannot be read: %s",
                                 sentence != NULL ? sentence : SCHEMA);
}

static gboolean
validate (xmlDoc *document, GError **error)
{
  autolock held = lock_hold (&lock);
  g_autofree char *sentence = NULL;
  xmlRelaxNGValidCtxt *context;
  int result;

  if (!parse_schema (&held, error))
    return FALSE;
  context = xmlRelaxNGNewValidCtxt (schema);
  xmlRelaxNGSetValidStructuredErrors (context, on_error, &sentence);
  result = xmlRelaxNGValidateDoc (context, document);
  xmlRelaxNGFreeValidCtxt (context);
  return result == 0 || fail (error, BACKEND_ERROR_INVALID, "the XML is not valid: %s",
                              sentence != NULL ? sentence : "libvirt's schema has other elements");
}

/* The depth is xml_parse's limit. */
static guint
count_below (const xmlNode *parent)
{
  guint count = 0;

  for (const xmlNode *node = parent->children; node != NULL; node = node->next)
    count += 1 + (node->type == XML_ELEMENT_NODE ? count_below (node) : 0);
  return count;
}

static gboolean
check_size (xmlDoc *document, GError **error)
{
  return count_below (xmlDocGetRootElement (document)) <= NODES_LIMIT ||
         fail (error, BACKEND_ERROR_INVALID,
               "the XML has more than %d nodes, which is too much to be validated", NODES_LIMIT);
}

gboolean
snapshot_description_validate (const char *text, gsize length, GError **error)
{
  xmlDoc *document = xml_parse (text, length, error);
  gboolean valid;

  if (document == NULL)
    return FALSE;
  valid = check_size (document, error) && validate (document, error);
  xmlFreeDoc (document);
  return valid;
}
