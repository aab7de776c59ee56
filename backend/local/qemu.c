/* What a running machine's block devices are, asked over QMP.
 *
 * query-blockstats tells which node is on which, and query-named-block-nodes what each is.
 * (query-block describes whole chains again and again.) */
#include "qemu.h"
#include "device.h"
#include "fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define DEEPEST 1024  /* layers of one disk */
#define STATE_ASK 300 /* milliseconds; who reads `info` does not wait */

/* ---- layers ---- */

static void
layer_free (gpointer data)
{
  for (QemuLayer *layer = data, *below; layer; layer = below) {
    below = layer->below;
    g_free (layer->node);
    g_free (layer->driver);
    g_free (layer->file_node);
    g_free (layer->path);
    g_free (layer->detect_zeroes);
    g_free (layer);
  }
}

/* QEMU's own directory counts for a relative path. */
static void
find_file (const Qemu *machine, QemuLayer *layer)
{
  g_autofree char *beside =
      g_strdup_printf ("/proc/%d/cwd/%s", (int)qmp_peer (machine->qmp), layer->path);
  if (stat (*layer->path == '/' ? layer->path : beside, &layer->file) < 0)
    layer->file = (struct stat){ 0 };
}

static char *
file_of (GHashTable *nodes, const char *node)
{
  static const char *const drivers[] = { "file", "host_device", NULL };
  JsonObject *found = node ? g_hash_table_lookup (nodes, node) : NULL;
  const char *driver = found ? qmp_string (found, "drv") : NULL;
  gboolean is_file = driver && g_strv_contains (drivers, driver);
  return is_file ? g_strdup (qmp_string (found, "file")) : NULL;
}

/* The node that @stats is of; NULL: it has no name, or is not what is looked for. */
static QemuLayer *
make_layer (const Qemu *machine, GHashTable *nodes, JsonObject *stats)
{
  const char *name = qmp_string (stats, "node-name");
  JsonObject *node = name ? g_hash_table_lookup (nodes, name) : NULL;
  JsonObject *cache = node ? qmp_object (node, "cache") : NULL;
  JsonObject *image = node ? qmp_object (node, "image") : NULL;
  JsonObject *file = qmp_object (stats, "parent");
  if (!node)
    return NULL;
  QemuLayer *layer = g_new0 (QemuLayer, 1);
  layer->node = g_strdup (name);
  layer->driver = g_strdup (qmp_string (node, "drv"));
  layer->file_node = g_strdup (file ? qmp_string (file, "node-name") : NULL);
  layer->path = file_of (nodes, layer->file_node);
  layer->size = image ? (guint64)MAX (qmp_number (image, "virtual-size"), 0) : 0;
  layer->bitmaps = json_object_has_member (node, "dirty-bitmaps");
  layer->read_only = qmp_flag (node, "ro");
  layer->direct = cache && qmp_flag (cache, "direct");
  layer->no_flush = cache && qmp_flag (cache, "no-flush");
  layer->detect_zeroes = g_strdup (qmp_string (node, "detect_zeroes"));
  if (layer->path)
    find_file (machine, layer);
  return layer;
}

static QemuLayer *
make_layers (const Qemu *machine, GHashTable *nodes, JsonObject *stats)
{
  QemuLayer *top = NULL, **end = &top;
  for (guint i = 0; stats && i < DEEPEST; i++, stats = qmp_object (stats, "backing")) {
    *end = make_layer (machine, nodes, stats);
    if (!*end)
      break;
    end = &(*end)->below;
  }
  return top;
}

/* ---- looking ---- */

gboolean
qemu_look_at_status (Qemu *machine, GError **error)
{
  g_autoptr (JsonNode) answer = qmp_execute (machine->qmp, "query-status", NULL, QEMU_ASK, error);
  if (!answer)
    return FALSE;
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  const char *status = object ? qmp_string (object, "status") : NULL;
  g_free (machine->status);
  machine->status = g_strdup (status ? status : "unknown");
  machine->running = object && qmp_flag (object, "running");
  return TRUE;
}

static GHashTable *
index_nodes (Qemu *machine, JsonNode *answer)
{
  GHashTable *nodes = g_hash_table_new (g_str_hash, g_str_equal);
  JsonObject *node;
  g_hash_table_remove_all (machine->nodes);
  for (guint i = 0; (node = qmp_element (answer, i)); i++) {
    const char *name = qmp_string (node, "node-name");
    if (!name)
      continue;
    g_hash_table_insert (nodes, (gpointer)name, node);
    g_hash_table_add (machine->nodes, g_strdup (name));
  }
  return nodes;
}

static JsonObject *
flat (void)
{
  JsonObject *arguments = json_object_new ();
  json_object_set_boolean_member (arguments, "flat", TRUE);
  return arguments;
}

/* Who hangs does not answer the first question.  The second may take QEMU long: it spells each node
 * with all that is behind it where that was attached while the machine ran, which grows with the
 * third power of a chain's length (0.6 s for one disk of 100 images, several on a busy host). */
gboolean
qemu_look (Qemu *machine, GError **error)
{
  if (!qemu_look_at_status (machine, error))
    return FALSE;
  g_autoptr (JsonNode) answer =
      qmp_execute (machine->qmp, "query-named-block-nodes", flat (), QEMU_WORK, error);
  g_autoptr (JsonNode) stats =
      answer ? qmp_execute (machine->qmp, "query-blockstats", NULL, QEMU_ASK, error) : NULL;
  if (!stats)
    return FALSE;
  g_autoptr (GHashTable) nodes = index_nodes (machine, answer);
  JsonObject *device;
  g_ptr_array_set_size (machine->disks, 0);
  for (guint i = 0; (device = qmp_element (stats, i)); i++) {
    QemuLayer *top = make_layers (machine, nodes, device);
    if (top)
      g_ptr_array_add (machine->disks, top);
  }
  return TRUE;
}

/* ---- finding files ---- */

const QemuLayer *
qemu_top (const Qemu *machine, const struct stat *file)
{
  const QemuLayer *found = NULL;
  for (guint i = 0; i < machine->disks->len; i++) {
    const QemuLayer *layer = g_ptr_array_index (machine->disks, i);
    if (!device_same (&layer->file, file))
      continue;
    if (found)
      return NULL;
    found = layer;
  }
  return found;
}

const QemuLayer *
qemu_find_disk (const Qemu *machine, const struct stat *file, const char *name, GError **error)
{
  const QemuLayer *layer = qemu_top (machine, file);
  if (!layer)
    fail (error, BACKEND_ERROR_BUSY,
          "%s is not what exactly one block device of the running machine has open: switch the "
          "machine off",
          name);
  return layer;
}

GArray *
qemu_open_files (const Qemu *machine)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", (int)qmp_peer (machine->qmp));
  DIR *descriptors = qmp_peer (machine->qmp) > 0 ? opendir (path) : NULL;
  if (!descriptors)
    return NULL;
  GArray *files = g_array_new (FALSE, FALSE, sizeof (struct stat));
  struct stat status;
  for (const struct dirent *entry; (entry = readdir (descriptors));)
    if (fstatat (dirfd (descriptors), entry->d_name, &status, 0) == 0)
      g_array_append_val (files, status);
  closedir (descriptors);
  return files;
}

gboolean
qemu_is_among (const GArray *files, const struct stat *file)
{
  for (guint i = 0; i < files->len; i++)
    if (device_same (&g_array_index (files, struct stat, i), file))
      return TRUE;
  return FALSE;
}

gboolean
qemu_has_open (const Qemu *machine, const struct stat *file)
{
  g_autoptr (GArray) files = qemu_open_files (machine);
  return !files || qemu_is_among (files, file);
}

/* ---- whose it is ---- */

static gboolean
has_node_of_libvirt (const Qemu *machine)
{
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init (&iter, machine->nodes);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (g_str_has_prefix (name, "libvirt-"))
      return TRUE;
  return FALSE;
}

/* libvirt calls the monitor that it speaks through charmonitor, and its nodes libvirt-N-format. */
static gboolean
check_is_nobodys (const Qemu *machine, GError **error)
{
  g_autoptr (JsonNode) answer = qmp_execute (machine->qmp, "query-chardev", NULL, QEMU_ASK, error);
  gboolean libvirt = answer && has_node_of_libvirt (machine);
  JsonObject *device;
  for (guint i = 0; answer && (device = qmp_element (answer, i)); i++)
    libvirt |= g_strcmp0 (qmp_string (device, "label"), "charmonitor") == 0;
  if (libvirt)
    return fail (error, BACKEND_ERROR_BUSY,
                 "libvirt manages this machine: mount its URI instead, such as qemu:///system");
  return answer != NULL;
}

/* blockdev-reopen is of 6.1. */
static gboolean
check_version (const Qemu *machine, GError **error)
{
  return qmp_is_at_least (machine->qmp, 6, 1) ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "the machine's QEMU is older than 6.1: switch the machine off");
}

int
qemu_open_socket (const Places *places, const char *path, GError **error)
{
  struct stat status;
  autofd fd = places_open_path (places, path, O_PATH | O_NOFOLLOW, error);
  if (fd < 0)
    return -1;
  if (fstat (fd, &status) == 0 && S_ISSOCK (status.st_mode))
    return fd_steal (&fd);
  fail (error, BACKEND_ERROR_INVALID, "%s is no socket", path);
  return -1;
}

Qemu *
qemu_open (const Places *places, const char *path, GError **error)
{
  autofd socket = qemu_open_socket (places, path, error);
  if (socket < 0)
    return NULL;
  g_autoptr (Qemu) machine = g_new0 (Qemu, 1);
  machine->disks = g_ptr_array_new_with_free_func (layer_free);
  machine->nodes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  machine->qmp = qmp_connect (socket, QEMU_ASK, error);
  if (!machine->qmp || !qemu_look (machine, error) || !check_is_nobodys (machine, error) ||
      !check_version (machine, error))
    return NULL;
  return g_steal_pointer (&machine);
}

Qemu *
qemu_open_of (const Places *places, const LocalDomain *found)
{
  g_autofree char *socket = NULL;
  return qemu_find_socket (places, found, "qmp", &socket, NULL) && socket
             ? qemu_open (places, socket, NULL)
             : NULL;
}

void
qemu_free (Qemu *machine)
{
  g_clear_pointer (&machine->qmp, qmp_free);
  g_ptr_array_unref (machine->disks);
  g_hash_table_unref (machine->nodes);
  g_free (machine->status);
  g_free (machine);
}

/* ---- its state ---- */

/* libvirt's word for @status; NULL: the guest runs, or will soon. */
static const char *
word_of (const char *status)
{
  static const char *const still[] = { "paused",   "prelaunch",      "io-error",
                                       "debug",    "save-vm",        "restore-vm",
                                       "watchdog", "guest-panicked", NULL };
  return g_strv_contains (still, status) ? "paused" : NULL;
}

static char *
ask_state (const Places *places, const char *path)
{
  autofd socket = qemu_open_socket (places, path, NULL);
  g_autoptr (Qmp) qmp = socket < 0 ? NULL : qmp_connect (socket, STATE_ASK, NULL);
  g_autoptr (JsonNode) answer =
      qmp ? qmp_execute (qmp, "query-status", NULL, STATE_ASK, NULL) : NULL;
  JsonObject *object =
      answer && JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  const char *status = object ? qmp_string (object, "status") : NULL;
  return g_strdup (status ? word_of (status) : NULL);
}

char *
qemu_state (const Places *places, const LocalDomain *found)
{
  g_autofree char *path = NULL;
  if (!qemu_find_socket (places, found, "qmp", &path, NULL) || !path)
    return g_strdup ("running");
  char *word = ask_state (places, path);
  return word ? word : g_strdup ("running");
}
