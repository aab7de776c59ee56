/* Many <domainsnapshot> documents in one.
 *
 * The whole may be far larger than what the XML parser is given at once, so it is split here, on
 * the raw text, and each part is parsed by itself.  A wrong cut cannot be taken for a right one:
 * then the part is not well-formed.  All of it is checked before anybody sees any of it. */
#include "hierarchy.h"

#include "../backend/error.h"
#include "../backend/xml.h"

#include <string.h>

#define ROOT "domainsnapshots"
#define DOCUMENT "domainsnapshot"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

void
hierarchy_snapshot_free (HierarchySnapshot *snapshot)
{
  g_free (snapshot->text);
  g_free (snapshot->name);
  g_free (snapshot->parent);
  g_free (snapshot->uuid);
  g_free (snapshot);
}

static void
free_snapshot (gpointer snapshot)
{
  hierarchy_snapshot_free (snapshot);
}

void
hierarchy_free (Hierarchy *hierarchy)
{
  g_free (hierarchy->current);
  g_ptr_array_unref (hierarchy->snapshots);
  g_free (hierarchy);
}

/* ---- one snapshot */

/* With its white space, which may be part of a name. */
static char *
content_of (const xmlNode *parent, const char *name)
{
  const xmlNode *child = parent != NULL ? xml_child (parent, name) : NULL;
  xmlChar *content = child != NULL ? xmlNodeGetContent (child) : NULL;
  char *text = g_strdup ((const char *)content);

  xmlFree (content);
  return text;
}

static HierarchySnapshot *
snapshot_from (const xmlNode *root, const char *text, gsize length)
{
  HierarchySnapshot *snapshot = g_new0 (HierarchySnapshot, 1);

  snapshot->text = g_strndup (text, length);
  snapshot->name = content_of (root, "name");
  snapshot->parent = content_of (xml_child (root, "parent"), "name");
  snapshot->uuid = content_of (xml_child (root, "domain"), "uuid");
  return snapshot;
}

HierarchySnapshot *
hierarchy_snapshot_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (xmlDoc) document = xml_parse (text, length, error);
  const xmlNode *root = document != NULL ? xmlDocGetRootElement (document) : NULL;
  g_autoptr (HierarchySnapshot) snapshot = NULL;

  if (root == NULL)
    return NULL;
  if (strcmp ((const char *)root->name, DOCUMENT) != 0) {
    fail (error, BACKEND_ERROR_INVALID, "an element is not a <" DOCUMENT ">");
    return NULL;
  }
  snapshot = snapshot_from (root, text, length);
  if (snapshot->name != NULL && snapshot->name[0] != '\0')
    return g_steal_pointer (&snapshot);
  fail (error, BACKEND_ERROR_INVALID, "a snapshot has no name");
  return NULL;
}

/* ---- splitting */

typedef struct {
  const char *at;
  const char *end;
} Cursor;

static gboolean
begins (const Cursor *cursor, const char *with)
{
  gsize length = strlen (with);

  return (gsize)(cursor->end - cursor->at) >= length && memcmp (cursor->at, with, length) == 0;
}

/* Past the next @text; FALSE: there is none. */
static gboolean
skip_past (Cursor *cursor, const char *text)
{
  const char *found = g_strstr_len (cursor->at, cursor->end - cursor->at, text);

  if (found == NULL)
    return FALSE;
  cursor->at = found + strlen (text);
  return TRUE;
}

/* Past the tag at the cursor; *@length: how far it nests, -1, 0 or 1. */
static gboolean
skip_tag (Cursor *cursor, int *nests)
{
  const char *at = cursor->at;

  while (at < cursor->end && *at != '>') {
    if (*at == '"' || *at == '\'') {
      at = memchr (at + 1, *at, (gsize)(cursor->end - at - 1));
      if (at == NULL)
        return FALSE;
    }
    at++;
  }
  if (at >= cursor->end)
    return FALSE;
  *nests = begins (cursor, "</") ? -1 : at[-1] == '/' ? 0 : 1;
  cursor->at = at + 1;
  return TRUE;
}

/* Past the markup at the cursor, which is at a '<'.  Declarations are refused, as xml_parse does.
 */
static gboolean
skip_markup (Cursor *cursor, int *nests)
{
  *nests = 0;
  if (begins (cursor, "<!--"))
    return skip_past (cursor, "-->");
  if (begins (cursor, "<![CDATA["))
    return skip_past (cursor, "]]>");
  if (begins (cursor, "<?"))
    return skip_past (cursor, "?>");
  return !begins (cursor, "<!") && skip_tag (cursor, nests);
}

/* Past the element at the cursor. */
static gboolean
skip_element (Cursor *cursor)
{
  gsize depth = 0;

  do {
    int nests;

    cursor->at = memchr (cursor->at, '<', (gsize)(cursor->end - cursor->at));
    if (cursor->at == NULL || !skip_markup (cursor, &nests))
      return FALSE;
    depth += (gsize)nests;
  } while (depth > 0);
  return TRUE;
}

/* Past white space, comments and instructions; FALSE: what is there is none of them, or the end. */
static gboolean
skip_to_element (Cursor *cursor)
{
  while (cursor->at < cursor->end) {
    if (g_ascii_isspace (*cursor->at))
      cursor->at++;
    else if (begins (cursor, "<!--") ? !skip_past (cursor, "-->")
                                     : !begins (cursor, "<?") || !skip_past (cursor, "?>"))
      return begins (cursor, "<") && !begins (cursor, "<!") && !begins (cursor, "<?");
  }
  return FALSE;
}

static gboolean
refuse (GError **error, const char *why)
{
  return fail (error, BACKEND_ERROR_INVALID, "the document is refused: %s", why);
}

/* Past the root's start tag; *@empty: it has no end tag. */
static gboolean
take_root (Cursor *cursor, Hierarchy *hierarchy, gboolean *empty, GError **error)
{
  const char *start;
  g_autofree char *text = NULL;
  g_autoptr (xmlDoc) document = NULL;
  const xmlNode *root;
  int nests = 0;

  if (!skip_to_element (cursor) || !begins (cursor, "<" ROOT))
    return refuse (error, "it is not a <" ROOT ">");
  start = cursor->at;
  if (!skip_tag (cursor, &nests))
    return refuse (error, "it ends too early");
  *empty = nests == 0;
  text = g_strdup_printf ("%.*s%s", (int)MIN (cursor->at - start, G_MAXINT), start,
                          *empty ? "" : "</" ROOT ">");
  document = xml_parse (text, strlen (text), error);
  if (document == NULL)
    return FALSE;
  root = xmlDocGetRootElement (document);
  if (strcmp ((const char *)root->name, ROOT) != 0)
    return refuse (error, "it is not a <" ROOT ">");
  hierarchy->current = xml_attribute (root, "current");
  return TRUE;
}

static gboolean
take_snapshots (Cursor *cursor, GPtrArray *snapshots, GError **error)
{
  while (skip_to_element (cursor)) {
    const char *start = cursor->at;
    HierarchySnapshot *snapshot;

    if (begins (cursor, "</"))
      return TRUE;
    if (!skip_element (cursor))
      break;
    snapshot = hierarchy_snapshot_parse (start, (gsize)(cursor->at - start), error);
    if (snapshot == NULL)
      return fail_in (error, "snapshot %u of the document", snapshots->len + 1);
    g_ptr_array_add (snapshots, snapshot);
  }
  return refuse (error, "it ends too early, or has something else between snapshots");
}

static gboolean
take_end (Cursor *cursor, GError **error)
{
  if (begins (cursor, "</" ROOT))
    cursor->at += strlen ("</" ROOT);
  while (cursor->at < cursor->end && g_ascii_isspace (*cursor->at))
    cursor->at++;
  if (!begins (cursor, ">"))
    return refuse (error, "it ends otherwise than with </" ROOT ">");
  cursor->at++;
  skip_to_element (cursor);
  return cursor->at == cursor->end || refuse (error, "something is behind its end");
}

/* ---- order */

typedef struct {
  const GPtrArray *snapshots;
  GHashTable *places; /* name -> index + 1 */
  guint *seen;        /* for each the walk that came by; 0: none */
  GPtrArray *sorted;  /* borrowed */
} Sorting;

static gboolean
note_names (Sorting *sorting, GError **error)
{
  for (guint i = 0; i < sorting->snapshots->len; i++) {
    HierarchySnapshot *snapshot = g_ptr_array_index (sorting->snapshots, i);

    if (!g_hash_table_insert (sorting->places, snapshot->name, GUINT_TO_POINTER (i + 1)))
      return fail (error, BACKEND_ERROR_INVALID,
                   "the document is refused: two snapshots have the name \"%s\"", snapshot->name);
  }
  return TRUE;
}

/* Puts the snapshot @at behind all of its ancestors. */
static gboolean
place (Sorting *sorting, guint at, GError **error)
{
  g_autoptr (GPtrArray) line = g_ptr_array_new ();
  guint walk = at + 1;

  for (guint next = walk; next > 0;) {
    HierarchySnapshot *snapshot = g_ptr_array_index (sorting->snapshots, next - 1);

    if (sorting->seen[next - 1] == walk)
      return fail (error, BACKEND_ERROR_INVALID,
                   "the document is refused: \"%s\" descends from itself", snapshot->name);
    if (sorting->seen[next - 1] != 0)
      break;
    sorting->seen[next - 1] = walk;
    g_ptr_array_add (line, snapshot);
    next = snapshot->parent == NULL
               ? 0
               : GPOINTER_TO_UINT (g_hash_table_lookup (sorting->places, snapshot->parent));
  }
  while (line->len > 0)
    g_ptr_array_add (sorting->sorted, g_ptr_array_steal_index (line, line->len - 1));
  return TRUE;
}

/* Parents first, otherwise as they were. */
static gboolean
sort (Hierarchy *hierarchy, GError **error)
{
  g_autoptr (GHashTable) places = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  g_autofree guint *seen = g_new0 (guint, hierarchy->snapshots->len);
  Sorting sorting = {
    .snapshots = hierarchy->snapshots, .places = places, .seen = seen, .sorted = sorted
  };

  if (!note_names (&sorting, error))
    return FALSE;
  for (guint i = 0; i < hierarchy->snapshots->len; i++)
    if (!place (&sorting, i, error))
      return FALSE;
  if (hierarchy->current != NULL && !g_hash_table_contains (places, hierarchy->current))
    return fail (error, BACKEND_ERROR_INVALID,
                 "the document is refused: \"%s\", the current snapshot, is not in it",
                 hierarchy->current);
  for (guint i = 0; i < sorted->len; i++)
    hierarchy->snapshots->pdata[i] = sorted->pdata[i];
  return TRUE;
}

Hierarchy *
hierarchy_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (Hierarchy) hierarchy = g_new0 (Hierarchy, 1);
  Cursor cursor = { text, text + length };
  gboolean empty = FALSE;

  hierarchy->snapshots = g_ptr_array_new_with_free_func (free_snapshot);
  if (!g_utf8_validate (text, (gssize)length, NULL)) {
    refuse (error, "it is not valid UTF-8");
    return NULL;
  }
  if (!take_root (&cursor, hierarchy, &empty, error))
    return NULL;
  if (!empty &&
      (!take_snapshots (&cursor, hierarchy->snapshots, error) || !take_end (&cursor, error)))
    return NULL;
  return sort (hierarchy, error) ? g_steal_pointer (&hierarchy) : NULL;
}

/* ---- writing */

char *
hierarchy_start (const char *current)
{
  g_autoptr (GString) out = g_string_new ("<" ROOT);
  g_autofree char *escaped = current != NULL ? g_markup_escape_text (current, -1) : NULL;

  if (escaped != NULL) {
    g_string_append_printf (out, " current='%s'", escaped);
    /* In an attribute these would be read as spaces. */
    g_string_replace (out, "\t", "&#9;", 0);
    g_string_replace (out, "\n", "&#10;", 0);
    g_string_replace (out, "\r", "&#13;", 0);
  }
  g_string_append (out, ">\n");
  return g_string_free (g_steal_pointer (&out), FALSE);
}
