/* Reading LVM's report. */
#include "lvm-report.h"
#include "json-text.h"
#include "volume.h"
#include <string.h>

#define ATTRIBUTES 6       /* that are looked at, of lvs(8)'s lv_attr */
#define EXCEPTION_BYTES 16 /* that the store needs for each chunk that it keeps */

static void
lvm_volume_free (gpointer data)
{
  LvmVolume *volume = data;
  g_free (volume->group);
  g_free (volume->name);
  g_free (volume->uuid);
  g_free (volume->origin);
  g_free (volume->origin_uuid);
  g_strfreev (volume->tags);
  g_free (volume);
}

static JsonArray *
array_of (JsonObject *object, const char *member)
{
  JsonNode *node = object ? json_object_get_member (object, member) : NULL;
  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static JsonObject *
object_in (JsonArray *array, guint index)
{
  JsonNode *node =
      array && index < json_array_get_length (array) ? json_array_get_element (array, index) : NULL;
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static char *
without_hyphens (const char *uuid)
{
  GString *bare = g_string_new (NULL);
  for (; *uuid; uuid++)
    if (*uuid != '-')
      g_string_append_c (bare, *uuid);
  return g_string_free (bare, FALSE);
}

static gboolean
read_bytes (const char *text, guint64 *bytes)
{
  return g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, bytes, NULL);
}

static void
read_attributes (LvmVolume *volume, const char *attributes)
{
  volume->thin = attributes[0] == 'V';
  volume->snapshot = attributes[0] == 's' || attributes[0] == 'S';
  volume->invalid = attributes[0] == 'S' || attributes[4] == 'I' || attributes[4] == 'S';
  volume->active = attributes[4] != '-';
}

/* NULL: it is none. */
static LvmVolume *
read_volume (JsonObject *object)
{
  static const char *const members[] = { "vg_name",     "vg_uuid", "lv_name", "lv_uuid", "origin",
                                         "origin_uuid", "lv_tags", "lv_attr", "lv_size" };
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    if (!object || !json_text_string (object, members[i]))
      return NULL;
  g_autofree char *group_uuid = without_hyphens (json_text_string (object, "vg_uuid"));
  g_autofree char *uuid = without_hyphens (json_text_string (object, "lv_uuid"));
  const char *attributes = json_text_string (object, "lv_attr"),
             *chunk = json_text_string (object, "chunk_size");
  guint64 size;
  if (strlen (group_uuid) != VOLUME_UUID_LENGTH || strlen (uuid) != VOLUME_UUID_LENGTH ||
      strlen (attributes) < ATTRIBUTES || !read_bytes (json_text_string (object, "lv_size"), &size))
    return NULL;
  LvmVolume *volume = g_new0 (LvmVolume, 1);
  volume->group = g_strdup (json_text_string (object, "vg_name"));
  volume->name = g_strdup (json_text_string (object, "lv_name"));
  volume->uuid = g_strconcat (group_uuid, uuid, NULL);
  volume->origin = g_strdup (json_text_string (object, "origin"));
  volume->origin_uuid = without_hyphens (json_text_string (object, "origin_uuid"));
  volume->tags = g_strsplit (json_text_string (object, "lv_tags"), ",", -1);
  volume->size = size;
  if (chunk)
    read_bytes (chunk, &volume->chunk);
  read_attributes (volume, attributes);
  return volume;
}

GPtrArray *
lvm_report_read (const char *text, GError **error)
{
  g_autoptr (JsonObject) root = json_text_object (text);
  JsonObject *report = object_in (array_of (root, "report"), 0);
  JsonArray *rows = array_of (report, "lv");
  g_autoptr (GPtrArray) volumes = g_ptr_array_new_with_free_func (lvm_volume_free);
  gboolean whole = rows != NULL;
  for (guint i = 0; whole && i < json_array_get_length (rows); i++) {
    LvmVolume *volume = read_volume (object_in (rows, i));
    whole = volume != NULL;
    if (volume)
      g_ptr_array_add (volumes, volume);
  }
  if (whole)
    return g_steal_pointer (&volumes);
  fail (error, BACKEND_ERROR_FAILED, "lvs answered something that is no report");
  return NULL;
}

/* As dm-snapshot's persistent store has it: a header; and before each row of chunks one that says
 * what they are. */
gboolean
lvm_holds_all (const LvmVolume *snapshot, guint64 size)
{
  guint64 chunk = snapshot->chunk;
  if (chunk < EXCEPTION_BYTES)
    return FALSE;
  guint64 chunks = size / chunk + (size % chunk > 0), in_row = chunk / EXCEPTION_BYTES;
  guint64 rows = chunks / in_row + 1;
  return snapshot->size / chunk >= chunks + rows + 1;
}
