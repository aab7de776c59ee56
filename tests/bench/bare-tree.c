/* The tree mode of bare: the shape, names, modes and bytes of another tree, in memory.
 *
 * A node's inode number is its index, an entry's cookie its position: there is nothing left to
 * save.  Of a disk (*.raw) only what stat says is kept; it cannot be read. */
#include "bare.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_SIZE (1u << 20)
#define ROOT 1

typedef struct {
  char *name;
  char *bytes; /* of a file or a link */
  struct stat st;
  double timeout;
  int unlisted;
  unsigned first, children, next_in_hash; /* the children of a directory stand in a row */
  unsigned parent;
} Node;

static Node *nodes;
static unsigned node_count = ROOT + 1, node_room;
static unsigned hash[HASH_SIZE];

/* ---- reading the tree */

static const char *const unlisted_names[] = { ".snapshots", ".vmsnapfs" };
static const char *const changing_names[] = { "info", "current", "error", "jobs", "stats" };

#define CONTAINS(list, name) contains (list, sizeof list / sizeof list[0], name)

static int
contains (const char *const *list, size_t length, const char *name)
{
  for (size_t i = 0; i < length; i++)
    if (strcmp (list[i], name) == 0)
      return 1;
  return 0;
}

static int
is_disk (const char *name)
{
  const char *suffix = strrchr (name, '.');

  return suffix != NULL && strcmp (suffix, ".raw") == 0;
}

static unsigned
hash_of (unsigned parent, const char *name)
{
  unsigned value = parent * 2654435761u;

  for (; *name != '\0'; name++)
    value = (value ^ (unsigned char)*name) * 16777619u;
  return value & (HASH_SIZE - 1);
}

static void
add_node (unsigned parent, int dir, const char *name, int unlisted)
{
  unsigned place = hash_of (parent, name);
  Node *node;

  if (node_count >= node_room) {
    node_room = node_room * 2 + 1024;
    nodes = realloc (nodes, node_room * sizeof *nodes);
  }
  node = &nodes[node_count];
  *node = (Node){ .name = strdup (name), .unlisted = unlisted, .parent = parent };
  if (fstatat (dir, name, &node->st, AT_SYMLINK_NOFOLLOW) < 0)
    err (1, "%s", name);
  node->st.st_ino = node_count;
  node->timeout = CONTAINS (changing_names, name) ? 0 : TIMEOUT;
  node->next_in_hash = hash[place];
  hash[place] = node_count++;
  nodes[parent].children++;
}

static void
read_bytes (unsigned number, int dir)
{
  Node *node = &nodes[number];
  size_t size = (size_t)node->st.st_size;

  node->bytes = malloc (size + 1);
  node->bytes[size] = '\0';
  if (S_ISLNK (node->st.st_mode)) {
    if (readlinkat (dir, node->name, node->bytes, size) != node->st.st_size)
      err (1, "%s", node->name);
    return;
  }
  int fd = openat (dir, node->name, O_RDONLY);
  if (fd < 0 || read (fd, node->bytes, size) != node->st.st_size)
    err (1, "%s", node->name);
  close (fd);
}

static void
read_directory (unsigned number, int fd)
{
  DIR *stream = fdopendir (dup (fd));
  struct dirent *entry;
  struct stat st;

  nodes[number].first = node_count;
  while ((entry = readdir (stream)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      add_node (number, fd, entry->d_name, 0);
  closedir (stream);
  for (unsigned i = 0; i < sizeof unlisted_names / sizeof unlisted_names[0]; i++)
    if (fstatat (fd, unlisted_names[i], &st, 0) == 0)
      add_node (number, fd, unlisted_names[i], 1);

  unsigned first = nodes[number].first, end = node_count;
  for (unsigned i = first; i < end; i++) {
    if (!S_ISDIR (nodes[i].st.st_mode)) {
      if (!is_disk (nodes[i].name))
        read_bytes (i, fd);
      continue;
    }
    int child = openat (fd, nodes[i].name, O_RDONLY | O_DIRECTORY);
    if (child < 0)
      err (1, "%s", nodes[i].name);
    read_directory (i, child);
    close (child);
  }
}

/* ---- serving it */

static unsigned
find (unsigned parent, const char *name)
{
  unsigned number = hash[hash_of (parent, name)];

  while (number != 0 && (nodes[number].parent != parent || strcmp (nodes[number].name, name) != 0))
    number = nodes[number].next_in_hash;
  return number;
}

static struct fuse_entry_param
entry_of (unsigned number)
{
  return (struct fuse_entry_param){ .ino = number,
                                    .attr = nodes[number].st,
                                    .attr_timeout = nodes[number].timeout,
                                    .entry_timeout = nodes[number].timeout };
}

static void
op_lookup (fuse_req_t req, fuse_ino_t parent, const char *name)
{
  unsigned number = find ((unsigned)parent, name);

  if (number == 0) {
    fuse_reply_err (req, ENOENT);
    return;
  }
  struct fuse_entry_param entry = entry_of (number);
  fuse_reply_entry (req, &entry);
}

static void
op_getattr (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  fuse_reply_attr (req, &nodes[ino].st, nodes[ino].timeout);
}

static void
op_readlink (fuse_req_t req, fuse_ino_t ino)
{
  fuse_reply_readlink (req, nodes[ino].bytes);
}

static void
op_opendir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  fuse_reply_open (req, file);
}

/* Cookies: 1 is ".", 2 is "..", then the children. */
static void
list (fuse_req_t req, unsigned dir, size_t size, off_t offset, int plus)
{
  static char buffer[1 << 20];
  size_t used = 0, most = size < sizeof buffer ? size : sizeof buffer;

  for (unsigned i = (unsigned)offset; i < nodes[dir].children + 2; i++) {
    unsigned number = i < 2 ? dir : nodes[dir].first + i - 2;
    const char *name = i == 0 ? "." : i == 1 ? ".." : nodes[number].name;
    struct fuse_entry_param entry = entry_of (number);
    size_t length;

    if (i >= 2 && nodes[number].unlisted)
      continue;
    if (i < 2 || entry.attr_timeout == 0)
      entry.ino = 0; /* the kernel takes the name and asks for the rest when it wants it */
    length = plus ? fuse_add_direntry_plus (req, buffer + used, most - used, name, &entry, i + 1)
                  : fuse_add_direntry (req, buffer + used, most - used, name, &entry.attr, i + 1);
    if (length > most - used)
      break;
    used += length;
  }
  fuse_reply_buf (req, buffer, used);
}

static void
op_readdir (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file)
{
  list (req, (unsigned)ino, size, offset, 0);
}

static void
op_readdirplus (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file)
{
  list (req, (unsigned)ino, size, offset, 1);
}

static void
op_open (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  if (is_disk (nodes[ino].name)) {
    fuse_reply_err (req, EACCES);
    return;
  }
  file->direct_io = nodes[ino].timeout == 0;
  file->keep_cache = !file->direct_io;
  file->noflush = 1;
  fuse_reply_open (req, file);
}

static void
op_read (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file)
{
  size_t all = (size_t)nodes[ino].st.st_size, from = (size_t)offset;

  if (from > all)
    from = all;
  fuse_reply_buf (req, nodes[ino].bytes + from, all - from < size ? all - from : size);
}

static const struct fuse_lowlevel_ops operations = {
  .init = bare_init,
  .lookup = op_lookup,
  .getattr = op_getattr,
  .readlink = op_readlink,
  .opendir = op_opendir,
  .readdir = op_readdir,
  .readdirplus = op_readdirplus,
  .open = op_open,
  .read = op_read,
  .release = bare_release,
  .releasedir = bare_release,
};

const struct fuse_lowlevel_ops *
bare_tree (const char *directory)
{
  int fd = open (directory, O_RDONLY | O_DIRECTORY);

  if (fd < 0)
    err (1, "%s", directory);
  node_room = 1024;
  nodes = calloc (node_room, sizeof *nodes);
  nodes[ROOT] = (Node){ .name = (char *)"", .timeout = TIMEOUT };
  fstat (fd, &nodes[ROOT].st);
  nodes[ROOT].st.st_ino = ROOT;
  read_directory (ROOT, fd);
  close (fd);
  return &operations;
}
