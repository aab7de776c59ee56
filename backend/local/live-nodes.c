/* The steps of a snapshot of a running machine that change its block graph. */
#include "live-chain.h"
#include "live-clean.h"
#include "live-steps.h"
#include <string.h>

/* ---- arguments ---- */

static JsonObject *
cache_of (const QemuLayer *like)
{
  JsonObject *cache = json_object_new ();
  json_object_set_boolean_member (cache, "direct", like->direct);
  json_object_set_boolean_member (cache, "no-flush", like->no_flush);
  return cache;
}

/* What stays as it was.  QEMU does not say whether a guest's discards had an effect; the overlay is
 * sparse, so they have one. */
static JsonObject *
qcow2_node (const char *name, const QemuLayer *like)
{
  JsonObject *node = json_object_new ();
  json_object_set_string_member (node, "driver", "qcow2");
  json_object_set_string_member (node, "node-name", name);
  json_object_set_object_member (node, "cache", cache_of (like));
  if (!like->read_only) {
    json_object_set_string_member (node, "discard", "unmap");
    if (like->detect_zeroes)
      json_object_set_string_member (node, "detect-zeroes", like->detect_zeroes);
  }
  return node;
}

static JsonObject *
file_node (const LiveDisk *disk, const char *name, const char *file, const QemuLayer *like)
{
  g_autofree char *path = g_build_filename (disk->spelled, file, NULL);
  g_autofree char *node = g_strconcat (name, LIVE_FILE_SUFFIX, NULL);
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "driver", "file");
  json_object_set_string_member (object, "node-name", node);
  json_object_set_string_member (object, "filename", path);
  json_object_set_object_member (object, "cache", cache_of (like));
  if (!like->read_only)
    json_object_set_string_member (object, "discard", "unmap");
  return object;
}

static void
set_backing (JsonObject *node, const char *backing)
{
  if (backing)
    json_object_set_string_member (node, "backing", backing);
  else
    json_object_set_null_member (node, "backing");
}

/* ---- finding ---- */

const QemuLayer *
live_top (const LiveTake *take, const LiveDisk *disk, guint64 inode)
{
  struct stat file;
  if (fstat (disk->directory, &file) < 0)
    return NULL;
  file = (struct stat){ .st_dev = file.st_dev, .st_ino = inode };
  return qemu_top (take->machine, &file);
}

/* The block device's topmost image, which must be the one that @inode is of. */
static const QemuLayer *
find_top (const LiveTake *take, const LiveDisk *disk, guint64 inode, GError **error)
{
  const QemuLayer *top = live_top (take, disk, inode);
  if (!top)
    fail (error, BACKEND_ERROR_BUSY, "the machine has just changed what it has open of %s",
          disk->journal->file);
  return top;
}

/* ---- the steps ---- */

static gboolean
add_overlay (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  const QemuLayer *old = find_top (take, disk, disk->journal->inode, error);
  if (!old)
    return FALSE;
  JsonObject *node = qcow2_node (disk->node, old);
  json_object_set_object_member (node, "file", file_node (disk, disk->node, disk->overlay, old));
  set_backing (node, NULL); /* attaching it gives it one */
  return qmp_do (take->machine->qmp, "blockdev-add", node, QEMU_WORK, error);
}

gboolean
live_nodes (const LiveTake *take, GError **error)
{
  if (!qemu_look (take->machine, error))
    return FALSE;
  for (guint i = 0; i < take->disks->len; i++)
    if (!add_overlay (take, &g_array_index (take->disks, LiveDisk, i), error))
      return FALSE;
  return TRUE;
}

gboolean
live_pause (const LiveTake *take, GError **error)
{
  return !take->journal->resume || qmp_do (take->machine->qmp, "stop", NULL, QEMU_WORK, error);
}

/* A guest that has come to its end meanwhile is not what was paused, and QEMU lets no such guest go
 * on. */
gboolean
live_resume (const LiveTake *take, GError **error)
{
  Qemu *machine = take->machine;
  if (!machine || !take->journal->resume || qmp_peer (machine->qmp) != take->journal->process)
    return TRUE;
  if (!qemu_look_at_status (machine, error))
    return FALSE;
  return !g_str_equal (machine->status, "paused") ||
         qmp_do (machine->qmp, "cont", NULL, QEMU_WORK, error);
}

static gboolean
add_action (const LiveTake *take, const LiveDisk *disk, JsonArray *actions, GError **error)
{
  const QemuLayer *old = find_top (take, disk, disk->journal->inode, error);
  if (!old)
    return FALSE;
  JsonObject *data = json_object_new ();
  JsonObject *action = json_object_new ();
  json_object_set_string_member (data, "node", old->node);
  json_object_set_string_member (data, "overlay", disk->node);
  json_object_set_string_member (action, "type", "blockdev-snapshot");
  json_object_set_object_member (action, "data", data);
  json_array_add_object_element (actions, action);
  return TRUE;
}

gboolean
live_attach (const LiveTake *take, GError **error)
{
  JsonArray *actions = json_array_new ();
  JsonObject *arguments = json_object_new ();
  json_object_set_array_member (arguments, "actions", actions);
  for (guint i = 0; i < take->disks->len; i++)
    if (!add_action (take, &g_array_index (take->disks, LiveDisk, i), actions, error)) {
      json_object_unref (arguments);
      return FALSE;
    }
  return qmp_do (take->machine->qmp, "transaction", arguments, QEMU_WORK, error);
}

/* ---- settling ---- */

static gboolean
has_node (const LiveTake *take, const char *name)
{
  return g_hash_table_contains (take->machine->nodes, name);
}

static gboolean
is_opened_as (const QemuLayer *layer, const char *file)
{
  g_autofree char *name = layer->path ? g_path_get_basename (layer->path) : NULL;
  return g_strcmp0 (name, file) == 0;
}

/* What is behind it stays open as it is, or, @by_headers, QEMU opens that anew. */
static gboolean
add_frozen (const LiveTake *take, const LiveDisk *disk, const QemuLayer *old, gboolean by_headers,
            GError **error)
{
  if (has_node (take, disk->below))
    return TRUE;
  JsonObject *node = qcow2_node (disk->below, old);
  json_object_set_object_member (node, "file", file_node (disk, disk->below, disk->frozen, old));
  json_object_set_boolean_member (node, "read-only", TRUE);
  if (!by_headers)
    set_backing (node, old->below ? old->below->node : NULL);
  return qmp_do (take->machine->qmp, "blockdev-add", node, QEMU_WORK, error);
}

static gboolean
put_below (const LiveTake *take, const LiveDisk *disk, const QemuLayer *top, GError **error)
{
  JsonObject *node = qcow2_node (top->node, top);
  JsonObject *arguments = json_object_new ();
  JsonArray *options = json_array_new ();
  json_object_set_string_member (node, "file", top->file_node);
  set_backing (node, disk->below);
  json_array_add_object_element (options, node);
  json_object_set_array_member (arguments, "options", options);
  return qmp_do (take->machine->qmp, "blockdev-reopen", arguments, QEMU_WORK, error);
}

/* The last user of a node must not go in the middle of a reopening: when a thread of its own works
 * for the disk, QEMU 7.2 then gives up a lock that it has not taken, and aborts (measured).  So
 * somebody else holds the old node until that is done. */
static char *
holder_name (const LiveDisk *disk)
{
  return g_strconcat (disk->below, "-o", NULL);
}

static gboolean
hold_old (const LiveTake *take, const LiveDisk *disk, const QemuLayer *old, GError **error)
{
  g_autofree char *name = holder_name (disk);
  if (has_node (take, name))
    return TRUE;
  JsonObject *node = json_object_new ();
  json_object_set_string_member (node, "driver", "raw");
  json_object_set_string_member (node, "node-name", name);
  json_object_set_string_member (node, "file", old->node);
  json_object_set_boolean_member (node, "read-only", TRUE);
  return qmp_do (take->machine->qmp, "blockdev-add", node, QEMU_WORK, error);
}

static gboolean
let_old_go (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  g_autofree char *name = holder_name (disk);
  return live_clean_node (take->machine, name, error);
}

/* QEMU refuses when that would be more files than it may have open. */
static gboolean
add_by_headers (const LiveTake *take, const LiveDisk *disk, const QemuLayer *old)
{
  return live_chain_is_spelled (old) && live_chain_is_of_headers (take, disk, old) &&
         add_frozen (take, disk, old, TRUE, NULL);
}

/* QEMU has the frozen image open by its name, and need not spell what is behind it. */
static gboolean
open_by_name (const LiveTake *take, const LiveDisk *disk, const QemuLayer *top, GError **error)
{
  const QemuLayer *old = top->below;
  if (!add_by_headers (take, disk, old)) {
    if (is_opened_as (old, disk->frozen))
      return TRUE;
    if (!add_frozen (take, disk, old, FALSE, error))
      return FALSE;
  }
  return hold_old (take, disk, old, error) && put_below (take, disk, top, error);
}

/* Adds the names of all that the disk was read through and that have an owner.  (A node whose name
 * QEMU made up goes by itself.) */
static void
note_names (const LiveDisk *disk, const QemuLayer *top, GPtrArray *names)
{
  const char *noted = disk->journal->node;
  for (const QemuLayer *layer = top; layer; layer = layer->below)
    if (*layer->node != '#')
      g_ptr_array_add (names, g_strdup (layer->node));
  if (noted && !g_ptr_array_find_with_equal_func (names, noted, g_str_equal, NULL))
    g_ptr_array_add (names, g_strdup (noted));
}

static gboolean
settle_disk (const LiveTake *take, const LiveDisk *disk, GPtrArray *names, GError **error)
{
  const QemuLayer *top = find_top (take, disk, disk->journal->overlay, error);
  if (!top)
    return FALSE;
  if (!top->below)
    return fail (error, BACKEND_ERROR_FAILED, "QEMU has nothing behind %s", disk->overlay);
  note_names (disk, top, names);
  return open_by_name (take, disk, top, error) && let_old_go (take, disk, error);
}

/* A node that the machine's owner made stays when nobody needs it any more, and may have the active
 * path for its name. */
gboolean
live_settle (const LiveTake *take, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  if (!take->machine)
    return TRUE;
  if (!qemu_look (take->machine, error))
    return FALSE;
  for (guint i = 0; i < take->disks->len; i++)
    if (!settle_disk (take, &g_array_index (take->disks, LiveDisk, i), names, error))
      return FALSE;
  return qemu_look (take->machine, error) && live_clean_unread (take->machine, names, error);
}
