#include "live-clean.h"
#include "qemu-job.h"
#include <string.h>

gboolean
live_clean_node (Qemu *machine, const char *name, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  JsonObject *arguments = json_object_new ();
  json_object_set_string_member (arguments, "node-name", name);
  if (qmp_do (machine->qmp, "blockdev-del", arguments, QEMU_WORK, &wrong) ||
      g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_FAILED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static gboolean
is_read (const Qemu *machine, const char *name)
{
  for (guint i = 0; i < machine->disks->len; i++)
    for (const QemuLayer *layer = g_ptr_array_index (machine->disks, i); layer;
         layer = layer->below)
      if (strcmp (layer->node, name) == 0)
        return TRUE;
  return FALSE;
}

gboolean
live_clean_unread (Qemu *machine, const GPtrArray *names, GError **error)
{
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    if (g_hash_table_contains (machine->nodes, name) && !is_read (machine, name) &&
        !live_clean_node (machine, name, error))
      return FALSE;
  }
  return TRUE;
}

/* Of char *; the array frees them. */
static GPtrArray *
left_nodes (const Qemu *machine)
{
  GPtrArray *left = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init (&iter, machine->nodes);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (g_str_has_prefix (name, LIVE_NODE_PREFIX) && !g_str_has_suffix (name, LIVE_FILE_SUFFIX) &&
        !is_read (machine, name))
      g_ptr_array_add (left, g_strdup (name));
  return left;
}

static gboolean
remove_all (Qemu *machine, const GPtrArray *nodes, GError **error)
{
  for (guint i = 0; i < nodes->len; i++)
    if (!live_clean_node (machine, g_ptr_array_index (nodes, i), error))
      return FALSE;
  return qemu_look (machine, error);
}

/* One that is behind another can only go after that. */
static gboolean
remove_left (Qemu *machine, GError **error)
{
  g_autoptr (GPtrArray) left = left_nodes (machine);
  guint before;
  do {
    before = left->len;
    if (before > 0 && !remove_all (machine, left, error))
      return FALSE;
    g_ptr_array_unref (left);
    left = left_nodes (machine);
  } while (left->len > 0 && left->len < before);
  return TRUE;
}

gboolean
live_clean (Qemu *machine, GError **error)
{
  return qemu_job_cancel_all (machine->qmp, error) && qemu_look (machine, error) &&
         remove_left (machine, error);
}
