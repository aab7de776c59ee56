/* What the records keep of an operation that is given up: the image that others are read through.
 */
#include "file-names.h"
#include "records.h"
#include "sealed.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* NULL: @object has no such image. */
static JsonObject *
find_image (JsonObject *object, const char *member, const char *image)
{
  JsonObject *entry;
  for (guint i = 0; (entry = sealed_element (object, member, i)); i++) {
    g_autofree char *uuid = sealed_string (entry, "image");
    if (g_strcmp0 (uuid, image) == 0)
      return entry;
  }
  return NULL;
}

/* The head as it is, or what the first one would have been but for the current snapshot. */
static JsonObject *
read_head_object (int fd, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  JsonObject *head = sealed_read (fd, RECORDS_HEAD, &wrong);
  if (!head && g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND)) {
    head = sealed_read (fd, RECORDS_HEAD PREPARED_SUFFIX, error);
    if (head)
      json_object_remove_member (head, "current");
  } else if (!head)
    g_propagate_error (error, g_steal_pointer (&wrong));
  return head;
}

gboolean
records_unname_prepared (int fd, const char *uuid, const char *image, GError **error)
{
  g_autofree char *record = uuid ? records_file (uuid) : g_strdup (RECORDS_HEAD);
  g_autofree char *file = g_strconcat (record, PREPARED_SUFFIX, NULL);
  g_autoptr (JsonObject) prepared = sealed_read (fd, file, error);
  g_autoptr (JsonObject) head = prepared ? read_head_object (fd, error) : NULL;
  if (!head)
    return FALSE;
  JsonObject *entry = find_image (prepared, uuid ? "disks" : "kept", image);
  if (!entry || find_image (head, "unnamed", image))
    return TRUE;
  json_array_add_object_element (json_object_get_array_member (head, "unnamed"),
                                 json_object_ref (entry));
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), head);
  return sealed_write (fd, RECORDS_HEAD UNFINISHED_SUFFIX, root, error) &&
         (renameat (fd, RECORDS_HEAD UNFINISHED_SUFFIX, fd, RECORDS_HEAD) == 0 ||
          fail_errno (error, "writing the head")) &&
         (fsync (fd) == 0 || fail_errno (error, "making the head durable"));
}
