/* Every directory below the places, each once.
 *
 * It goes by descriptors, follows no link and stays on the mount where it began, so it can neither
 * be led elsewhere nor run into a mount of ours.  Whoever walks wants to know all: what cannot be
 * looked into is an error, and only what is gone meanwhile is not. */
#include "walk.h"
#include "fd.h"
#include "file-names.h"
#include "walked.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#define MAX_DEPTH 32
#define ZFS_CONTROL ".zfs"
#define ZFS_CONTROL_INODE G_GUINT64_CONSTANT (0xffffffffffff)
#define FSCK_DIRECTORY "lost+found" /* root's alone; what is in it has no names */

typedef struct {
  const WalkOrder *order;
  WalkVisit visit;
  gpointer data;
  GHashTable *visited; /* "DEVICE:INODE" of directories, and paths asked for */
} Walk;

/* One directory. */
typedef struct {
  const WalkOrder *order;
  WalkDirectory shown;
  struct stat status;
  GPtrArray *directories; /* of const char *: names of those in it */
} Step;

static void
add_file (Step *step, const WalkFile *found)
{
  WalkFile *file = g_memdup2 (found, sizeof *found);
  g_ptr_array_add (step->shown.files, file);
  g_hash_table_insert (step->shown.known, (char *)file->name, file);
}

/* All snapshots of a dataset are below that, where it is made visible: nobody else's disks. */
static gboolean
is_zfs_control (int directory, const char *name)
{
  struct stat status;
  return strcmp (name, ZFS_CONTROL) == 0 &&
         fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
         status.st_ino == ZFS_CONTROL_INODE;
}

/* What is gone has no type. */
static gboolean
find_status (const Step *step, const ListingEntry *entry, WalkFile *file, GError **error)
{
  const char *name = entry->name;
  *file = (WalkFile){ .name = name };
  file->recalled =
      step->order->trusting && walked_recall (&step->status, name, entry->number, &file->status);
  if (file->recalled)
    return TRUE;
  if (fstatat (step->shown.fd, name, &file->status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
    file->status.st_mode = 0;
    return errno == ENOENT || fail_errno (error, "%s/%s", step->shown.path, name);
  }
  if (S_ISREG (file->status.st_mode))
    walked_remember (&step->status, name, entry->number, &file->status);
  return TRUE;
}

static gboolean
add_entry (Step *step, const ListingEntry *entry, GError **error)
{
  unsigned char type = entry->type;
  WalkFile file;
  if (step->order->job && job_cancelled (step->order->job, error))
    return FALSE;
  if (is_zfs_control (step->shown.fd, entry->name) || strcmp (entry->name, RECORDS_DIRECTORY) == 0)
    return TRUE;
  if (type == DT_UNKNOWN || type == DT_REG) {
    if (!find_status (step, entry, &file, error))
      return FALSE;
    type = IFTODT (file.status.st_mode);
  }
  if (type == DT_REG)
    add_file (step, &file);
  if (type == DT_DIR)
    g_ptr_array_add (step->directories, (char *)entry->name);
  return TRUE;
}

static gboolean
add_entries (Step *step, const Listing *listing, GError **error)
{
  for (guint i = 0; i < listing->entries->len; i++)
    if (!add_entry (step, &g_array_index (listing->entries, ListingEntry, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
is_visited (const Walk *walk, const struct stat *status)
{
  return !g_hash_table_add (walk->visited,
                            g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                             (guint64)status->st_dev, (guint64)status->st_ino));
}

static int
open_directory (const WalkDirectory *directory, const char *name, guint64 flags, guint64 resolve)
{
  const struct open_how how = {
    .flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | flags,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | resolve,
  };
  return (int)syscall (SYS_openat2, directory->fd, name, &how, sizeof how);
}

/* What is mounted below a place belongs to it, unless it is a tree of ours: to look into that would
 * be to wait for ourselves.  The table of mounts knows it without asking the file system. */
static gboolean
is_tree_of_ours (const WalkDirectory *directory, const char *name)
{
  g_autofree char *mounts = NULL;
  struct statx status;
  autofd fd = open_directory (directory, name, O_PATH, 0);
  if (fd < 0 || statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &status) < 0 ||
      !g_file_get_contents ("/proc/self/mountinfo", &mounts, NULL, NULL))
    return FALSE;
  g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT " ", (guint64)status.stx_mnt_id);
  g_auto (GStrv) lines = g_strsplit (mounts, "\n", -1);
  for (char **line = lines; *line; line++)
    if (g_str_has_prefix (*line, number))
      return strstr (*line, " - fuse.vmsnapfs ") != NULL;
  return FALSE;
}

/* -1 with @error, or without one: there is nothing to walk. */
static int
open_below (const WalkDirectory *directory, const char *name, GError **error)
{
  int fd = open_directory (directory, name, O_RDONLY, RESOLVE_NO_XDEV);
  if (fd < 0 && errno == EXDEV) {
    if (is_tree_of_ours (directory, name))
      return -1;
    fd = open_directory (directory, name, O_RDONLY, 0);
  }
  gboolean of_fsck = errno == EACCES && strcmp (name, FSCK_DIRECTORY) == 0;
  if (fd < 0 && errno != ENOENT && !of_fsck)
    fail_errno (error, "reading %s/%s", directory->path, name);
  return fd;
}

static gboolean walk_open (Walk *walk, int fd, const char *path, guint depth, GError **error);

static gboolean
walk_below (Walk *walk, const Step *step, guint depth, GError **error)
{
  for (guint i = 0; i < step->directories->len; i++) {
    const char *name = g_ptr_array_index (step->directories, i);
    g_autofree char *path = g_build_filename (step->shown.path, name, NULL);
    g_autoptr (GError) wrong = NULL;
    autofd fd = open_below (&step->shown, name, &wrong);
    if (wrong) {
      g_propagate_error (error, g_steal_pointer (&wrong));
      return FALSE;
    }
    if (fd >= 0 && !walk_open (walk, fd, path, depth + 1, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
walk_listed (Walk *walk, int fd, const char *path, const struct stat *status,
             const Listing *listing, guint depth, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) directories = g_ptr_array_new ();
  Step step = { walk->order, { path, fd, files, known }, *status, directories };
  return add_entries (&step, listing, error) && walk->visit (&step.shown, walk->data, error) &&
         walk_below (walk, &step, depth, error);
}

/* The directory @fd (borrowed) and all below it, once. */
static gboolean
walk_open (Walk *walk, int fd, const char *path, guint depth, GError **error)
{
  struct stat status;
  if (depth > MAX_DEPTH)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is too deep to be looked into", path);
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "reading %s", path);
  if (is_visited (walk, &status))
    return TRUE;
  if (walk->order->listing && fd == places_store_fd (walk->order->places))
    return walk_listed (walk, fd, path, &status, walk->order->listing, depth, error);
  g_autoptr (GError) wrong = NULL;
  g_autoptr (Listing) listing = listing_read (fd, path, walk->order->job, &wrong);
  if (listing)
    return walk_listed (walk, fd, path, &status, listing, depth, error);
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* A directory on another file system below a place, perhaps. */
static gboolean
walk_path (Walk *walk, const char *path, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (!g_hash_table_add (walk->visited, g_strdup (path)))
    return TRUE;
  autofd fd = places_open_path (walk->order->places, path, O_RDONLY | O_DIRECTORY, &wrong);
  if (fd < 0 && g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return TRUE;
  if (fd < 0) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  return walk_open (walk, fd, path, 0, error);
}

gboolean
walk_places (const WalkOrder *order, WalkVisit visit, gpointer data, GError **error)
{
  const Places *places = order->places;
  g_autoptr (GHashTable) visited = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Walk walk = { order, visit, data, visited };
  for (guint i = 0; i < places_count (places); i++)
    if (!walk_open (&walk, places_fd (places, i), places_path (places, i), 0, error))
      return FALSE;
  for (guint i = 0; i < order->more->len; i++)
    if (!walk_path (&walk, g_ptr_array_index (order->more, i), error))
      return FALSE;
  return TRUE;
}
