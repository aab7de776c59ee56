/* JSON that others wrote.
 *
 * json-glib recurses as deep as the text says, so that is looked at before. */
#include "json-text.h"

#define DEEPEST 16

void
json_text_measure (const char *text, guint *opened, guint *deepest)
{
  guint depth = 0;
  gboolean in_string = FALSE;
  *opened = *deepest = 0;
  for (; *text; text++) {
    if (in_string && *text == '\\' && text[1])
      text++;
    else if (*text == '"')
      in_string = !in_string;
    else if (!in_string && (*text == '{' || *text == '[')) {
      ++*opened;
      depth++; /* not in the next line, where it would be counted twice */
      *deepest = MAX (*deepest, depth);
    } else if (!in_string && (*text == '}' || *text == ']') && depth > 0)
      depth--;
  }
}

static gboolean
is_shallow (const char *text)
{
  guint opened, deepest;
  json_text_measure (text, &opened, &deepest);
  return deepest <= DEEPEST;
}

JsonObject *
json_text_object (const char *text)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  JsonNode *root = NULL;
  if (g_utf8_validate (text, -1, NULL) && is_shallow (text) &&
      json_parser_load_from_data (parser, text, -1, NULL))
    root = json_parser_get_root (parser);
  return root && JSON_NODE_HOLDS_OBJECT (root) ? json_object_ref (json_node_get_object (root))
                                               : NULL;
}

const char *
json_text_string (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}
