/* What a <domainsnapshot> says, as anybody may have written it.
 *
 * The document is read by xml_parse, and from its tree everything is copied into one description,
 * checked, and only then handed out.  What libvirt knows and we do not is kept as text, so that a
 * document of libvirt's comes back whole.  Whether it makes sense for a domain is asked by those
 * who use it: create.c and redefine.c. */
#include "xml-tree.h"

#include <string.h>

/* Times are shown in nanoseconds, of which 64 bits hold so many: to the year 2262. */
#define TIME_LIMIT (G_MAXINT64 / G_GINT64_CONSTANT (1000000000) - 1)
/* A namespace is declared anew in each element that is kept, so these could grow without bound. */
#define KEPT_LIMIT (1024 * 1024)

void
disk_request_free (DiskRequest *request)
{
  if (request == NULL)
    return;
  g_free (request->name);
  g_free (request->snapshot);
  g_free (request->driver);
  g_free (request->type);
  g_free (request->file);
  g_free (request);
}

static void
free_request (gpointer request)
{
  disk_request_free (request);
}

void
snapshot_description_free (SnapshotDescription *description)
{
  if (description == NULL)
    return;
  g_free (description->name);
  g_free (description->description);
  g_free (description->state);
  g_free (description->parent);
  g_free (description->compression);
  g_clear_error (&description->wrong);
  g_free (description->uuid);
  g_free (description->domain_xml);
  g_free (description->memory);
  g_free (description->memory_file);
  if (description->disks != NULL)
    g_ptr_array_unref (description->disks);
  g_free (description->disks_xml);
  g_free (description->kept_xml);
  g_free (description);
}

/* -------------------------------------------------------------------- elements */

/* *@node: the child element @name, which may be there once; NULL: there is none. */
static gboolean
find (const xmlNode *parent, const char *name, const xmlNode **node, GError **error)
{
  *node = xml_child (parent, name);
  for (const xmlNode *other = *node == NULL ? NULL : (*node)->next; other != NULL;
       other = other->next)
    if (other->type == XML_ELEMENT_NODE && strcmp ((const char *)other->name, name) == 0)
      return fail (error, BACKEND_ERROR_INVALID, "the <%s> has two elements <%s>", parent->name,
                   name);
  return TRUE;
}

/* *@text: what the child element @name says, to the last space; NULL: there is none, or it is
 * empty, which is libvirt's way to say the same. */
static gboolean
read_text (const xmlNode *parent, const char *name, char **text, GError **error)
{
  const xmlNode *node;
  xmlChar *content;

  if (!find (parent, name, &node, error))
    return FALSE;
  if (node == NULL || node->children == NULL)
    return TRUE;
  for (const xmlNode *child = node->children; child != NULL; child = child->next)
    if (child->type == XML_ELEMENT_NODE)
      return fail (error, BACKEND_ERROR_INVALID, "the <%s> is no text: it has an element <%s>",
                   name, child->name);
  content = xmlNodeGetContent (node);
  *text = content == NULL || content[0] == '\0' ? NULL : g_strdup ((const char *)content);
  xmlFree (content);
  return TRUE;
}

/* The same for a word or a number, around which white space means nothing. */
static gboolean
read_word (const xmlNode *parent, const char *name, char **word, GError **error)
{
  if (!read_text (parent, name, word, error))
    return FALSE;
  if (*word != NULL && g_strstrip (*word)[0] == '\0')
    g_clear_pointer (word, g_free);
  return TRUE;
}

static char *
attribute_of (const xmlNode *node, const char *name)
{
  return node == NULL ? NULL : xml_attribute (node, name);
}

/* -------------------------------------------------------------------- words and numbers */

/* The first proposal has libvirt's words in capitals, and one more. */
static gboolean
read_state (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  g_autofree char *word = NULL;

  if (!read_word (root, "state", &word, error))
    return FALSE;
  if (word == NULL)
    return TRUE;
  description->state = g_ascii_strdown (word, -1);
  if (g_str_equal (description->state, "off")) {
    g_free (description->state);
    description->state = g_strdup ("shutoff");
  }
  return TRUE;
}

/* The first proposal's example is "gzip": the method that qcow2 calls zlib. */
static gboolean
read_compression (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  g_autofree char *word = NULL;

  if (!read_word (root, "compression", &word, error))
    return FALSE;
  if (word != NULL)
    description->compression = g_strdup (g_str_equal (word, "gzip") ? "zlib" : word);
  else if (xml_child (root, "compression") != NULL)
    description->compression = g_strdup ("");
  return TRUE;
}

static gint64
understand_time (const char *text, GError **error)
{
  g_autoptr (GError) problem = NULL;
  gint64 time;

  if (g_ascii_string_to_signed (text, 10, 0, TIME_LIMIT, &time, &problem))
    return time;
  if (g_error_matches (problem, G_NUMBER_PARSER_ERROR, G_NUMBER_PARSER_ERROR_OUT_OF_BOUNDS))
    fail (error, BACKEND_ERROR_RANGE, "the creation time %.40s is out of range", text);
  else
    fail (error, BACKEND_ERROR_INVALID, "the creation time \"%.40s\" is no number of seconds",
          text);
  return -1;
}

static gboolean
read_time (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  g_autofree char *time = NULL;
  g_autofree char *date = NULL;
  const char *text;

  if (!read_word (root, "creationTime", &time, error) ||
      !read_word (root, "creationdate", &date, error))
    return FALSE;
  text = time != NULL ? time : date;
  description->created = text == NULL ? -1 : understand_time (text, error);
  return text == NULL || description->created >= 0;
}

static gboolean
read_parent (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  const xmlNode *parent;

  return find (root, "parent", &parent, error) &&
         (parent == NULL || read_text (parent, "name", &description->parent, error));
}

/* -------------------------------------------------------------------- the domain */

/* libvirt reads a UUID with dashes or without. */
static char *
usual_uuid (const char *text)
{
  GString *uuid = g_string_new (NULL);

  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '-')
      continue;
    if (uuid->len == 8 || uuid->len == 13 || uuid->len == 18 || uuid->len == 23)
      g_string_append_c (uuid, '-');
    g_string_append_c (uuid, g_ascii_tolower (*at));
  }
  if (g_uuid_string_is_valid (uuid->str))
    return g_string_free (uuid, FALSE);
  g_string_free (uuid, TRUE);
  return g_strdup (text);
}

/* What libvirt before 0.9.5 wrote, and what it still writes of a domain that it does not know. */
static gboolean
has_only_uuid (const xmlNode *domain)
{
  for (const xmlNode *node = domain->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE && strcmp ((const char *)node->name, "uuid") != 0)
      return FALSE;
  return TRUE;
}

static gboolean
read_domain (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  g_autofree char *uuid = NULL;
  const xmlNode *domain;

  if (!find (root, "domain", &domain, error))
    return FALSE;
  if (domain == NULL)
    return TRUE;
  if (!read_word (domain, "uuid", &uuid, error))
    return FALSE;
  description->uuid = uuid == NULL ? NULL : usual_uuid (uuid);
  description->domain_xml = has_only_uuid (domain) ? NULL : xml_element_text (domain);
  return TRUE;
}

/* -------------------------------------------------------------------- memory and disks */

static gboolean
read_memory (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  const xmlNode *memory;

  if (!find (root, "memory", &memory, error))
    return FALSE;
  description->memory = attribute_of (memory, "snapshot");
  description->memory_file = attribute_of (memory, "file");
  if (description->memory == NULL && description->memory_file != NULL)
    description->memory = g_strdup ("external");
  return TRUE;
}

/* As for libvirt, a disk of which only a file or a format is said is external. */
static gboolean
add_disk (GPtrArray *disks, const xmlNode *node, GError **error)
{
  g_autoptr (DiskRequest) request = g_new0 (DiskRequest, 1);
  const xmlNode *source, *driver;

  if (disks->len >= XML_DISKS_LIMIT)
    return fail (error, BACKEND_ERROR_INVALID, "the <disks> are more than %d", XML_DISKS_LIMIT);
  if (!find (node, "source", &source, error) || !find (node, "driver", &driver, error))
    return FALSE;
  request->name = xml_attribute (node, "name");
  if (request->name == NULL || request->name[0] == '\0')
    return fail (error, BACKEND_ERROR_INVALID, "the <disk> in line %ld has no name",
                 xmlGetLineNo (node));
  request->snapshot = xml_attribute (node, "snapshot");
  request->type = xml_attribute (node, "type");
  request->driver = attribute_of (driver, "type");
  request->file = attribute_of (source, g_strcmp0 (request->type, "block") == 0 ? "dev" : "file");
  if (request->snapshot == NULL && (request->file != NULL || request->driver != NULL))
    request->snapshot = g_strdup ("external");
  g_ptr_array_add (disks, g_steal_pointer (&request));
  return TRUE;
}

static gboolean
read_disks (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  const xmlNode *disks;

  if (!find (root, "disks", &disks, error))
    return FALSE;
  if (disks == NULL)
    return TRUE;
  description->disks = g_ptr_array_new_with_free_func (free_request);
  for (const xmlNode *node = disks->children; node != NULL; node = node->next)
    if (node->type == XML_ELEMENT_NODE && strcmp ((const char *)node->name, "disk") == 0 &&
        !add_disk (description->disks, node, error))
      return FALSE;
  description->disks_xml = xml_element_text (disks);
  return TRUE;
}

/* -------------------------------------------------------------------- the rest */

/* As libvirt does, what nobody knows is dropped. */
static gboolean
is_kept (const xmlNode *node)
{
  static const char *const known[] = { "memory", "inactiveDomain", "cookie", "revertDisks", NULL };

  return node->type == XML_ELEMENT_NODE && node->ns == NULL &&
         g_strv_contains (known, (const char *)node->name);
}

static gboolean
keep_rest (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  g_autoptr (GString) kept = g_string_new (NULL);

  for (const xmlNode *node = root->children; node != NULL; node = node->next) {
    g_autofree char *text = is_kept (node) ? xml_element_bare (node) : NULL;

    if (text == NULL)
      continue;
    g_string_append (kept, text);
    if (kept->len > KEPT_LIMIT)
      return fail (error, BACKEND_ERROR_INVALID, "the elements to be kept have more than %d bytes",
                   KEPT_LIMIT);
  }
  if (kept->len > 0)
    description->kept_xml = g_strdup (kept->str);
  return TRUE;
}

/* Those that are not read. */
static gboolean
check_once (const xmlNode *root, GError **error)
{
  static const char *const names[] = { "inactiveDomain", "cookie", "revertDisks", "active" };
  const xmlNode *node;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (!find (root, names[i], &node, error))
      return FALSE;
  return TRUE;
}

/* What counts for a new snapshot, too. */
static gboolean
describe (SnapshotDescription *description, const xmlNode *root, GError **error)
{
  if (strcmp ((const char *)root->name, "domainsnapshot") != 0)
    return fail (error, BACKEND_ERROR_INVALID, "the XML is not a <domainsnapshot>");
  return read_text (root, "name", &description->name, error) &&
         read_text (root, "description", &description->description, error) &&
         read_parent (description, root, error) && read_compression (description, root, error) &&
         read_memory (description, root, error) && read_disks (description, root, error);
}

/* Who takes a snapshot may give anything for the rest, and it is ignored. */
static gboolean
describe_rest (SnapshotDescription *description, const xmlNode *root, GError **wrong)
{
  return check_once (root, wrong) && read_state (description, root, wrong) &&
         read_domain (description, root, wrong) && keep_rest (description, root, wrong) &&
         read_time (description, root, wrong);
}

SnapshotDescription *
snapshot_description_read (const xmlNode *root, GError **error)
{
  g_autoptr (SnapshotDescription) description = g_new0 (SnapshotDescription, 1);

  description->created = -1;
  if (!describe (description, root, error))
    return NULL;
  describe_rest (description, root, &description->wrong);
  return g_steal_pointer (&description);
}

SnapshotDescription *
snapshot_description_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (text, length, error);

  return document == NULL ? NULL
                          : snapshot_description_read (xmlDocGetRootElement (document), error);
}
