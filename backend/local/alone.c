/* An image by itself: for what concerns only its own tables, whatever its backing file is. */
#include "alone.h"
#include <json-glib/json-glib.h>

char *
alone_name (const char *file)
{
  if (!g_utf8_validate (file, -1, NULL))
    return NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "driver");
  json_builder_add_string_value (builder, "qcow2");
  json_builder_set_member_name (builder, "backing");
  json_builder_add_null_value (builder);
  json_builder_set_member_name (builder, "file");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "driver");
  json_builder_add_string_value (builder, "file");
  json_builder_set_member_name (builder, "filename");
  json_builder_add_string_value (builder, file);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *json = json_to_string (root, FALSE);
  return g_strconcat ("json:", json, NULL);
}
