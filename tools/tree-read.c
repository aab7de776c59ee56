/* What `vmsnap tree` shows, from a mounted tree.
 *
 * Snapshots are read from .snapshots, where all are side by side: nested paths may be longer than
 * the kernel takes.  They are listed depth first, so each one's parent is the one listed before it
 * or among that one's ancestors; that also tells parents of the same name apart.  Those of single
 * disks follow, each by its path. */
#include "mounted.h"
#include "tree.h"

#include "../backend/error.h"
#include "../backend/local/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTION_LIMIT 72 /* characters; a line is to be read at a glance */
#define BLOCK 512            /* bytes that st_blocks counts in */

typedef struct {
  GArray *nodes;    /* of TreeNode */
  GPtrArray *names; /* for each node its true name as info says it; NULL: no snapshot */
} Reading;

static void
clear_node (gpointer data)
{
  TreeNode *node = data;

  g_free (node->name);
  g_free (node->marks);
  g_free (node->description);
}

static void
add_node (Reading *reading, TreeNode node, char *name)
{
  g_array_append_val (reading->nodes, node);
  g_ptr_array_add (reading->names, name);
}

static char *
first_line (const char *text)
{
  g_autofree char *line = g_strndup (text, strcspn (text, "\n\r"));
  g_autofree char *valid = g_utf8_make_valid (line, -1);
  g_autofree char *start = NULL;

  if (g_utf8_strlen (valid, -1) <= DESCRIPTION_LIMIT)
    return g_strdup (line);
  start = g_utf8_substring (valid, 0, DESCRIPTION_LIMIT - 3);
  return g_strconcat (start, "...", NULL);
}

/* What people wrote about it; else what is wrong with it, if anything is. */
static char *
read_description (int fd, const char *info)
{
  g_autofree char *text = NULL;
  g_autofree char *problem = NULL;
  struct stat status;

  if (fd >= 0 && fstatat (fd, "description", &status, 0) == 0 && status.st_size > 0)
    text = mounted_read (fd, "description", NULL, NULL);
  if (text != NULL)
    return first_line (text);
  problem = mounted_field (info, "problem");
  return first_line (problem != NULL ? problem : "");
}

static char *
join_marks (const char *const *marks)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (; *marks != NULL; marks++)
    g_string_append_printf (out, "%s%s", out->len > 0 ? ", " : "", *marks);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
read_marks (const char *info, gboolean current, gboolean damaged)
{
  const char *marks[5];
  guint count = 0;

  if (current)
    marks[count++] = "current";
  if (damaged)
    marks[count++] = "damaged";
  if (mounted_field_is (info, "held", "yes"))
    marks[count++] = "held";
  if (mounted_field_is (info, "data", "none"))
    marks[count++] = "no data";
  marks[count] = NULL;
  return join_marks (marks);
}

/* What is stored for the disks below @directory. */
static guint64
add_disks (DIR *directory)
{
  guint64 stored = TREE_UNKNOWN;
  const struct dirent *entry;
  struct stat status;

  while ((entry = readdir (directory)) != NULL) {
    if (!g_str_has_suffix (entry->d_name, ".raw") ||
        fstatat (dirfd (directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    stored = (stored == TREE_UNKNOWN ? 0 : stored) + (guint64)status.st_blocks * BLOCK;
  }
  return stored;
}

/* @disks: where they are in the snapshot's directory. */
static guint64
read_stored (int fd, const char *disks_path)
{
  autofd disks = openat (fd, disks_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = disks < 0 ? NULL : fdopendir (disks);
  guint64 stored;

  if (directory == NULL)
    return TREE_UNKNOWN;
  fd_steal (&disks);
  stored = add_disks (directory);
  closedir (directory);
  return stored;
}

/* The snapshot called @name in true, looked for from the last one on up to @domain. */
static guint
find_parent (const Reading *reading, guint domain, const char *name)
{
  guint at = reading->nodes->len - 1;

  while (name != NULL && at != domain) {
    if (strcmp (g_ptr_array_index (reading->names, at), name) == 0)
      return at;
    at = g_array_index (reading->nodes, TreeNode, at).parent;
  }
  return domain;
}

static gboolean
has_problem (const char *info)
{
  g_autofree char *problem = mounted_field (info, "problem");

  return problem != NULL;
}

/* One that went away since it was listed is left out. */
static gboolean
read_snapshot (Reading *reading, guint domain, int snapshots, const char *file_name, GError **error)
{
  g_autoptr (GError) problem = NULL;
  autofd fd = openat (snapshots, file_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *info = fd < 0 ? NULL : mounted_read (fd, "info", NULL, &problem);
  g_autofree char *parent = mounted_field (info, "parent");
  char *name = mounted_field (info, "name");
  TreeNode node = { .snapshot = TRUE };
  struct stat status;

  if (info == NULL || fstat (fd, &status) != 0) {
    g_free (name);
    return problem == NULL || g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND) ||
           g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_STALE) ||
           fail (error, BACKEND_ERROR_FAILED, "%s: %s", file_name, problem->message);
  }
  node.parent = find_parent (reading, domain, parent);
  node.current = mounted_field_is (info, "current", "yes");
  node.damaged = has_problem (info);
  node.name = g_strdup (file_name);
  node.marks = read_marks (info, node.current, node.damaged);
  node.description = read_description (fd, info);
  node.created = status.st_mtim.tv_sec;
  node.stored = read_stored (fd, "disks");
  add_node (reading, node, name != NULL ? name : g_strdup (file_name));
  return TRUE;
}

/* -------------------------------------------------------------------- of one disk */

/* The same: one that went away is left out. */
static void
read_disk_snapshot (Reading *reading, guint domain, int disk, const char *target,
                    const char *file_name)
{
  autofd fd = openat (disk, file_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *info = fd < 0 ? NULL : mounted_read (fd, "info", NULL, NULL);
  TreeNode node = { .snapshot = TRUE, .parent = domain };
  struct stat status;

  if (info == NULL || fstat (fd, &status) != 0)
    return;
  node.damaged = has_problem (info);
  node.name = g_strdup_printf ("disks/%s/%s", target, file_name);
  node.marks = read_marks (info, FALSE, node.damaged);
  node.description = read_description (-1, info);
  node.created = status.st_mtim.tv_sec;
  node.stored = read_stored (fd, ".");
  add_node (reading, node, g_strdup (node.name));
}

static gboolean
read_disk (Reading *reading, guint domain, int disks, const char *target, GError **error)
{
  autofd disk = openat (disks, target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (GPtrArray) names = NULL;

  if (disk < 0) /* it is gone */
    return TRUE;
  names = mounted_list (disk, ".", error);
  for (guint i = 0; names != NULL && i < names->len; i++)
    read_disk_snapshot (reading, domain, disk, target, g_ptr_array_index (names, i));
  return names != NULL;
}

static gboolean
read_disks (Reading *reading, guint domain, int fd, GError **error)
{
  g_autoptr (GPtrArray) names = mounted_list (fd, "disks", error);
  autofd disks = openat (fd, "disks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (names == NULL)
    return FALSE;
  if (disks < 0)
    return fail_errno (error, "disks");
  for (guint i = 0; i < names->len; i++)
    if (!read_disk (reading, domain, disks, g_ptr_array_index (names, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
read_snapshots (Reading *reading, guint domain, int fd, GError **error)
{
  g_autoptr (GPtrArray) names = mounted_list (fd, ".snapshots", error);
  autofd snapshots = openat (fd, ".snapshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (names == NULL)
    return FALSE;
  if (snapshots < 0)
    return fail_errno (error, ".snapshots");
  for (guint i = 0; i < names->len; i++)
    if (!read_snapshot (reading, domain, snapshots, g_ptr_array_index (names, i), error))
      return FALSE;
  return TRUE;
}

/* @fd: the domain's directory. */
static gboolean
read_domain (Reading *reading, guint parent, int fd, const char *name, GError **error)
{
  g_autofree char *info = mounted_read (fd, "info", NULL, error);
  g_autofree char *state = mounted_field (info, "state");
  TreeNode node = { .parent = parent, .stored = TREE_UNKNOWN };
  guint domain;

  if (info == NULL)
    return FALSE;
  node.name = g_strdup (name);
  node.marks = g_strdup (state != NULL ? state : "");
  node.description = read_description (-1, info);
  node.damaged = has_problem (info);
  add_node (reading, node, NULL);
  domain = reading->nodes->len - 1;
  return read_snapshots (reading, domain, fd, error) && read_disks (reading, domain, fd, error);
}

static gboolean
read_domains (Reading *reading, int fd, const char *path, GError **error)
{
  g_autoptr (GPtrArray) names = mounted_list (fd, ".", error);
  TreeNode node = { .parent = TREE_NO_PARENT, .stored = TREE_UNKNOWN };

  if (names == NULL)
    return FALSE;
  node.name = g_strdup (path);
  node.marks = g_strdup ("");
  node.description = g_strdup ("");
  add_node (reading, node, NULL);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    autofd domain = openat (fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (domain >= 0 && !read_domain (reading, 0, domain, name, error))
      return fail_in (error, "%s", name);
    if (domain < 0 && errno != ENOENT)
      return fail_errno (error, "%s", name);
  }
  return TRUE;
}

/* From the end, so that the first child seen of each parent is its last. */
static void
note_last (GArray *nodes)
{
  g_autofree gboolean *seen = g_new0 (gboolean, nodes->len);

  for (guint i = nodes->len; i-- > 1;) {
    TreeNode *node = &g_array_index (nodes, TreeNode, i);

    node->last = !seen[node->parent];
    seen[node->parent] = TRUE;
  }
}

static char *
domain_name (const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);

  return g_path_get_basename (absolute);
}

GArray *
tree_read (const char *path, GError **error)
{
  g_autoptr (GArray) nodes = g_array_new (FALSE, FALSE, sizeof (TreeNode));
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  Reading reading = { .nodes = nodes, .names = names };
  MountedKind kind = MOUNTED_TREE;
  autofd fd = mounted_open (path, &kind, error);
  g_autofree char *name = kind == MOUNTED_DOMAIN ? domain_name (path) : NULL;

  g_array_set_clear_func (nodes, clear_node);
  if (fd < 0 || (kind == MOUNTED_TREE ? !read_domains (&reading, fd, path, error)
                                      : !read_domain (&reading, TREE_NO_PARENT, fd, name, error)))
    return NULL;
  note_last (nodes);
  return g_steal_pointer (&nodes);
}
