/* virsh's little language for disks and memory in a snapshot. */
#include "specs.h"

#include <string.h>

/* The parts of @spec, at least one; of char *. */
static GPtrArray *
split_spec (const char *spec)
{
  GPtrArray *parts = g_ptr_array_new_with_free_func (g_free);
  GString *part = g_string_new (NULL);

  for (const char *at = spec; *at != '\0'; at++) {
    if (at[0] == ',' && at[1] != ',') {
      g_ptr_array_add (parts, g_string_free (part, FALSE));
      part = g_string_new (NULL);
      continue;
    }
    g_string_append_c (part, *at);
    at += at[0] == ',';
  }
  g_ptr_array_add (parts, g_string_free (part, FALSE));
  return parts;
}

/* Keeps what follows @key in @part; FALSE: it does not begin with that, or there was one before. */
static gboolean
take (const char *part, const char *key, char **value)
{
  if (*value != NULL || !g_str_has_prefix (part, key))
    return FALSE;
  *value = g_strdup (part + strlen (key));
  return TRUE;
}

gboolean
spec_read_memory (const char *spec, char **mode, char **file, GError **error)
{
  g_autoptr (GPtrArray) parts = split_spec (spec);
  g_autofree char *asked_mode = NULL;
  g_autofree char *asked_file = NULL;

  for (guint i = 0; i < parts->len; i++) {
    const char *part = g_ptr_array_index (parts, i);

    if (!take (part, "snapshot=", &asked_mode) && !take (part, "file=", &asked_file) &&
        (i > 0 || part[0] == '\0' || strchr (part, '=') != NULL || !take (part, "", &asked_file)))
      return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is not [file=]NAME[,snapshot=TYPE]", spec);
  }
  *mode = g_strdup (asked_mode == NULL && asked_file != NULL ? "external" : asked_mode);
  *file = g_steal_pointer (&asked_file);
  return TRUE;
}

DiskRequest *
spec_read_disk (const char *spec, GError **error)
{
  g_autoptr (GPtrArray) parts = split_spec (spec);
  g_autoptr (DiskRequest) request = g_new0 (DiskRequest, 1);

  request->name = g_strdup (g_ptr_array_index (parts, 0));
  for (guint i = 1; i < parts->len; i++) {
    const char *part = g_ptr_array_index (parts, i);

    if (!take (part, "snapshot=", &request->snapshot) &&
        !take (part, "driver=", &request->driver) && !take (part, "stype=", &request->type) &&
        !take (part, "file=", &request->file)) {
      fail (error, BACKEND_ERROR_INVALID,
            "\"%s\" is not DISK[,snapshot=TYPE][,driver=TYPE][,stype=TYPE][,file=NAME]", spec);
      return NULL;
    }
  }
  if (request->snapshot == NULL && (request->file != NULL || request->driver != NULL))
    request->snapshot = g_strdup ("external");
  return g_steal_pointer (&request);
}
