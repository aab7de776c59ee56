/* Reading XML that anybody may have written.
 *
 * Everything hostile is stopped before or while it is parsed, never after:
 * bytes are counted first, a look at the raw text (scan) refuses declarations and crowded tags, for
 * which libxml2's own checks are quadratic, and depth and nodes are counted in SAX callbacks.  A
 * document type declaration is the root of every expansion attack and libvirt never writes one, so
 * there are no entities to be careful with.  No schema, XPath or inclusion is ever processed, and
 * nothing global is changed after the first call. */
#include "xml.h"
#include "error.h"
#include "threads.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlsave.h>
#include <string.h>

#define BYTES_LIMIT (1024 * 1024)
#define ATTRIBUTES_LIMIT 64
#define DEPTH_LIMIT 64
#define NODES_LIMIT 100000
#define NAMESPACES_LIMIT 64 /* in all: each is looked at for each element */
#define NAMESPACE_LIMIT 256 /* bytes of its name: it is declared anew in each element taken out */
#define SENTENCE_LIMIT 200  /* bytes of the document in a message */

/* What the callbacks of one parse know; the context's _private. */
typedef struct {
  guint depth;
  guint nodes;
  guint namespaces;
  char *problem; /* the first one; the parser was stopped there */
} Reading;

static pthread_once_t init_once = PTHREAD_ONCE_INIT;

/* libxml2 has one loader for the whole program, through which libvirt reads its own files.  So it
 * is only replaced for a thread that parses here. */
static xmlExternalEntityLoader usual_loader; /* never changes once it is set */
static _Thread_local gboolean parsing;

static xmlParserInputPtr
load (const char *url, const char *id, xmlParserCtxtPtr context)
{
  return parsing ? NULL : usual_loader (url, id, context);
}

static void
init (void)
{
  xmlInitParser ();
  usual_loader = xmlGetExternalEntityLoader ();
  xmlSetExternalEntityLoader (load);
}

void
xml_ready (void)
{
  pthread_once (&init_once, init);
}

static void G_GNUC_PRINTF (2, 3) stop (xmlParserCtxt *context, const char *format, ...)
{
  Reading *reading = context->_private;
  va_list arguments;

  if (reading->problem == NULL) {
    va_start (arguments, format);
    reading->problem = g_strdup_vprintf (format, arguments);
    va_end (arguments);
  }
  xmlStopParser (context);
}

static void
count_node (xmlParserCtxt *context)
{
  Reading *reading = context->_private;

  if (++reading->nodes > NODES_LIMIT)
    stop (context, "it has more than %d nodes", NODES_LIMIT);
}

static void
on_doctype (void *data, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
  stop (data, "it has a document type declaration");
}

static void
check_namespaces (xmlParserCtxt *context, int length, const xmlChar **namespaces)
{
  Reading *reading = context->_private;

  reading->namespaces += (guint)length;
  if (reading->namespaces > NAMESPACES_LIMIT)
    stop (context, "it declares more than %d namespaces", NAMESPACES_LIMIT);
  for (int i = 0; i < length; i++)
    if (xmlStrlen (namespaces[2 * i + 1]) > NAMESPACE_LIMIT)
      stop (context, "the name of a namespace has more than %d bytes", NAMESPACE_LIMIT);
}

static void
on_start (void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
          int namespaces_length, const xmlChar **namespaces, int length, int defaulted,
          const xmlChar **attributes)
{
  xmlParserCtxt *context = data;
  Reading *reading = context->_private;

  count_node (context);
  if (++reading->depth > DEPTH_LIMIT)
    stop (context, "its elements are nested more than %d deep", DEPTH_LIMIT);
  check_namespaces (context, namespaces_length, namespaces);
  if (length + namespaces_length > ATTRIBUTES_LIMIT)
    stop (context, "an element has more than %d attributes", ATTRIBUTES_LIMIT);
  if (reading->problem == NULL)
    xmlSAX2StartElementNs (context, name, prefix, uri, namespaces_length, namespaces, length,
                           defaulted, attributes);
}

static void
on_end (void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
  xmlParserCtxt *context = data;
  Reading *reading = context->_private;

  reading->depth--;
  xmlSAX2EndElementNs (context, name, prefix, uri);
}

static void
on_comment (void *data, const xmlChar *text)
{
  count_node (data);
  xmlSAX2Comment (data, text);
}

static void
on_instruction (void *data, const xmlChar *target, const xmlChar *text)
{
  count_node (data);
  xmlSAX2ProcessingInstruction (data, target, text);
}

static void
on_cdata (void *data, const xmlChar *text, int length)
{
  count_node (data);
  xmlSAX2CDataBlock (data, text, length);
}

/* Set on the context, so that no thread's global handler prints anything.  A document that is not
 * well-formed ends here: libxml2 would read on, only without building a tree. */
static void
on_error (void *data, xmlErrorPtr problem)
{
  const char *message = problem->message != NULL ? problem->message : "";
  g_autofree char *start = g_strndup (message, SENTENCE_LIMIT);
  g_autofree char *sentence = g_utf8_make_valid (start, -1);

  if (problem->level == XML_ERR_FATAL)
    stop (data, "line %d: %s", problem->line, g_strstrip (sentence));
}

static void
set_callbacks (xmlParserCtxt *context, Reading *reading)
{
  context->_private = reading;
  context->sax->internalSubset = on_doctype;
  context->sax->startElementNs = on_start;
  context->sax->endElementNs = on_end;
  context->sax->comment = on_comment;
  context->sax->processingInstruction = on_instruction;
  context->sax->cdataBlock = on_cdata;
  context->sax->serror = on_error;
}

/* The end of a comment, CDATA section or instruction at @at; NULL: @at begins none of them.
 * An unfinished one ends with the text; the parser says what is wrong with it. */
static const char *
skip_unparsed (const char *at, const char *end)
{
  static const struct {
    const char *begin, *end;
  } kinds[] = { { "<!--", "-->" }, { "<![CDATA[", "]]>" }, { "<?", "?>" } };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gsize length = strlen (kinds[i].begin);
    const char *found;

    if ((gsize)(end - at) < length || memcmp (at, kinds[i].begin, length) != 0)
      continue;
    found = g_strstr_len (at + length, end - at - (gssize)length, kinds[i].end);
    return found == NULL ? end : found + strlen (kinds[i].end);
  }
  return NULL;
}

/* The end of the tag at @at, whose quoted values are counted into @values. */
static const char *
skip_tag (const char *at, const char *end, guint *values)
{
  while (at < end && *at != '>') {
    if (*at == '"' || *at == '\'') {
      const char *closing = memchr (at + 1, *at, (gsize)(end - at - 1));

      if (closing == NULL || ++*values > ATTRIBUTES_LIMIT)
        return end;
      at = closing;
    }
    at++;
  }
  return at;
}

/* Refuses on the raw text what must not even reach the parser. */
static gboolean
scan (const char *text, gsize length, GError **error)
{
  const char *end = text + length;

  for (const char *at = memchr (text, '<', length); at != NULL && at < end;
       at = memchr (at, '<', (gsize)(end - at))) {
    const char *after = skip_unparsed (at, end);
    guint values = 0;

    if (after == NULL && end - at > 1 && at[1] == '!')
      return fail (error, BACKEND_ERROR_INVALID,
                   "the XML is refused: it has a document type declaration");
    if (after == NULL)
      after = skip_tag (at, end, &values);
    if (values > ATTRIBUTES_LIMIT)
      return fail (error, BACKEND_ERROR_INVALID,
                   "the XML is refused: an element has more than %d attributes", ATTRIBUTES_LIMIT);
    at = after;
  }
  return TRUE;
}

static gboolean
check_bytes (const char *text, gsize length, GError **error)
{
  if (length > BYTES_LIMIT)
    return fail (error, BACKEND_ERROR_INVALID, "the XML is refused: it has more than %d bytes",
                 BYTES_LIMIT);
  /* Also keeps out encodings in which `<` does not look like itself. */
  if (!g_utf8_validate (text, (gssize)length, NULL))
    return fail (error, BACKEND_ERROR_INVALID, "the XML is refused: it is not valid UTF-8");
  return scan (text, length, error);
}

static xmlDoc *
fail_parse (xmlDoc *document, char *problem, GError **error)
{
  if (document != NULL)
    xmlFreeDoc (document);
  fail (error, BACKEND_ERROR_INVALID, "the XML is refused: %s",
        problem != NULL ? problem : "it is not well-formed");
  g_free (problem);
  return NULL;
}

xmlDoc *
xml_parse (const char *text, gsize length, GError **error)
{
  Reading reading = { 0 };
  xmlParserCtxt *context;
  xmlDoc *document;

  xml_ready ();
  if (!check_bytes (text, length, error))
    return NULL;
  context = xmlNewParserCtxt ();
  if (context == NULL)
    g_error ("no memory for a parser");
  set_callbacks (context, &reading);
  parsing = TRUE;
  document = xmlCtxtReadMemory (context, text, (int)length, NULL, "UTF-8",
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  parsing = FALSE;
  xmlFreeParserCtxt (context);
  if (document == NULL || reading.problem != NULL || document->intSubset != NULL)
    return fail_parse (document, reading.problem, error);
  return document;
}

xmlNode *
xml_child (const xmlNode *parent, const char *name)
{
  for (xmlNode *node = parent->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE && strcmp ((const char *)node->name, name) == 0)
      return node;
  return NULL;
}

/* Moves a string of libxml2's into GLib's hands. */
static char *
take (xmlChar *text)
{
  char *copy = g_strdup ((const char *)text);

  xmlFree (text);
  return copy;
}

char *
xml_child_text (const xmlNode *parent, const char *name)
{
  const xmlNode *child = xml_child (parent, name);
  char *text = child == NULL ? NULL : take (xmlNodeGetContent (child));

  return text == NULL ? NULL : g_strstrip (text);
}

char *
xml_attribute (const xmlNode *node, const char *name)
{
  return take (xmlGetNoNsProp (node, (const xmlChar *)name));
}
