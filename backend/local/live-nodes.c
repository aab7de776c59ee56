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

/* What is behind it stays open as it is; @by_headers: QEMU opens that anew. */
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
  return g_strconcat (disk->below, LIVE_HOLDER_SUFFIX, NULL);
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

/* ---- settling one disk ---- */

static gboolean
replace_old (const LiveTake *take, const LiveDisk *disk, const QemuLayer *top, gboolean by_headers,
             GError **error)
{
  return add_frozen (take, disk, top->below, by_headers, error) &&
         hold_old (take, disk, top->below, error) && put_below (take, disk, top, error);
}

/* Whether @old is what has been frozen: its path was the active one before, or is its frozen one.
 * (An owner may have had it streamed away meanwhile.) */
static gboolean
is_frozen_here (const LiveDisk *disk, const QemuLayer *old)
{
  struct stat directory;
  const JournalDisk *journal = disk->journal;
  return old && fstat (disk->directory, &directory) == 0 && old->file.st_dev == directory.st_dev &&
         (old->file.st_ino == journal->inode || old->file.st_ino == journal->overlay);
}

/* QEMU's description of the chain becomes short.  It may refuse, as for want of files that it may
 * open or because of somebody's job; then the chain stays as it is. */
static gboolean
shorten (const LiveTake *take, const LiveDisk *disk, const QemuLayer *top, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (g_str_equal (top->below->node, disk->below) || !live_chain_is_spelled (top->below) ||
      !live_chain_is_ours (take, disk, top->below) || replace_old (take, disk, top, TRUE, &wrong))
    return TRUE;
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_FAILED))
    return let_old_go (take, disk, error) && live_clean_node (take->machine, disk->below, error);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static gboolean
open_by_name (const LiveTake *take, const LiveDisk *disk, const QemuLayer *top, GError **error)
{
  if (!is_frozen_here (disk, top->below))
    return TRUE;
  return is_opened_as (top->below, disk->frozen) ? shorten (take, disk, top, error)
                                                 : replace_old (take, disk, top, FALSE, error);
}

static void
note_name (const char *name, GPtrArray *names)
{
  if (name && *name != '#' && !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_ptr_array_add (names, g_strdup (name));
}

/* Adds the names of what is not needed any more when the disk is read otherwise: of the node that
 * its owner had on top, with its file's, and of those that we have made.  (What QEMU has made goes
 * by itself, and what else its owner has made is his.) */
static void
note_names (const LiveDisk *disk, const QemuLayer *top, GPtrArray *names)
{
  note_name (disk->journal->node, names);
  for (const QemuLayer *layer = top->below; layer; layer = layer->below) {
    if (g_str_has_prefix (layer->node, LIVE_NODE_PREFIX))
      note_name (layer->node, names);
    if (g_strcmp0 (layer->node, disk->journal->node) == 0)
      note_name (layer->file_node, names);
  }
}

static gboolean
settle_disk (const LiveTake *take, const LiveDisk *disk, GPtrArray *names, GError **error)
{
  const QemuLayer *top = find_top (take, disk, disk->journal->overlay, error);
  if (!top)
    return FALSE;
  note_names (disk, top, names);
  return open_by_name (take, disk, top, error) && let_old_go (take, disk, error);
}

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
