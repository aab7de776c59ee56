/* Who reads whom, from the image headers of the whole store.
 *
 * One readdir and one fstatat per file; headers are remembered by the file's identity, so that the
 * question costs a store of thousands of images a few milliseconds.  Whoever asks is about to
 * unlink or to write what nobody else may need, so whatever cannot be read is an error.
 *
 * A file *.qcow2 without qcow2's magic that no description calls qcow2 is left alone: formats are
 * always said and never guessed, so no such file is ever opened as something that has a backing
 * file.  The same goes for a disk that is described as raw: its bytes are the guest's to choose. */
#include "references.h"
#include "../qcow2/header.h"
#include "../threads.h"
#include "fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define IMAGE_SUFFIX ".qcow2"
#define FROZEN_PREFIX ".vmsnapfs-"
#define MAX_CACHED 65536

/* A file that was changed more recently than this may change again within the resolution of its
 * times, so its header is not remembered. */
#define SETTLED_NANOSECONDS (G_GINT64_CONSTANT (100) * 1000 * 1000)

/* A file as it was at one time. */
typedef struct {
  guint64 device;
  guint64 inode;
  gint64 size;
  gint64 modified;
  gint64 changed;
} Identity;

static Lock cache_lock = LOCK_INIT;
static GHashTable *cache; /* Identity -> backing name or NULL; guarded by cache_lock */

typedef struct {
  char *name;
  struct stat status;
} File;

typedef struct {
  const Places *places;
  char *target;     /* absolute path */
  const char *name; /* its last part */
  gboolean exists;  /* then @status is valid */
  struct stat status;
  GHashTable *formats; /* path of a described disk -> its format */
  GPtrArray *found;    /* of char * */
} Search;

typedef struct {
  const char *path;
  int fd;
  GPtrArray *files;  /* of File */
  GHashTable *known; /* name -> File */
} Directory;

static gint64
nanoseconds (const struct timespec *time)
{
  return (gint64)time->tv_sec * 1000000000 + time->tv_nsec;
}

static Identity
identity_of (const struct stat *status)
{
  return (Identity){ status->st_dev, status->st_ino, status->st_size,
                     nanoseconds (&status->st_mtim), nanoseconds (&status->st_ctim) };
}

static guint
identity_hash (gconstpointer data)
{
  const Identity *identity = data;
  guint64 mixed = (identity->inode * 31 + identity->device) * 31 + (guint64)identity->changed;
  return (guint)(mixed ^ mixed >> 32);
}

static gboolean
identity_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (Identity)) == 0;
}

static gboolean
cache_lookup (const Identity *identity, char **backing)
{
  autolock held = lock_hold (&cache_lock);
  gpointer value = NULL;
  if (!cache || !g_hash_table_lookup_extended (cache, identity, NULL, &value))
    return FALSE;
  *backing = g_strdup (value);
  return TRUE;
}

static void
cache_remember (const Identity *identity, const char *backing)
{
  struct timespec now;
  clock_gettime (CLOCK_REALTIME, &now);
  if (nanoseconds (&now) - identity->changed < SETTLED_NANOSECONDS)
    return;
  autolock held = lock_hold (&cache_lock);
  if (!cache)
    cache = g_hash_table_new_full (identity_hash, identity_equal, g_free, g_free);
  if (g_hash_table_size (cache) >= MAX_CACHED)
    g_hash_table_remove_all (cache);
  g_hash_table_replace (cache, g_memdup2 (identity, sizeof *identity), g_strdup (backing));
}

static gboolean
has_magic (int fd)
{
  char magic[4];
  return pread (fd, magic, sizeof magic, 0) == sizeof magic && memcmp (magic, "QFI\xfb", 4) == 0;
}

/* Whether the file counts as an image even though it does not look like one. */
static gboolean
must_be_image (const Search *search, const char *path, const char *name)
{
  return g_str_has_prefix (name, FROZEN_PREFIX) ||
         g_strcmp0 (g_hash_table_lookup (search->formats, path), "qcow2") == 0;
}

/* @backing: NULL when it has none. */
static gboolean
read_backing (const Search *search, const Directory *directory, const File *file, char **backing,
              GError **error)
{
  g_autofree char *path = g_build_filename (directory->path, file->name, NULL);
  g_autoptr (GError) wrong = NULL;
  Identity identity;
  struct stat status;
  autofd fd = openat (directory->fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    return TRUE; /* gone since it was listed */
  if (fd < 0 || fstat (fd, &status) < 0)
    return fail (error, BACKEND_ERROR_DAMAGED, "%s cannot be read: %s", path, g_strerror (errno));
  identity = identity_of (&status);
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, &wrong);
  if (header) {
    *backing = g_steal_pointer (&header->backing);
    cache_remember (&identity, *backing);
    return TRUE;
  }
  if (has_magic (fd) || must_be_image (search, path, file->name))
    return fail (error, BACKEND_ERROR_DAMAGED, "%s: %s", path, wrong->message);
  cache_remember (&identity, NULL);
  return TRUE;
}

static gboolean
is_target (const Search *search, const struct stat *status)
{
  return search->exists && status->st_dev == search->status.st_dev &&
         status->st_ino == search->status.st_ino;
}

/* As QEMU tells them apart: a ':' before the first '/'. */
static gboolean
has_protocol (const char *name)
{
  return name[strcspn (name, ":/")] == ':';
}

static gboolean
names_target (const Search *search, const Directory *directory, const char *backing)
{
  g_autofree char *path = NULL;
  g_autofree char *joined = NULL;
  struct stat status;
  if (has_protocol (backing))
    return strstr (backing, search->name) != NULL;
  const File *beside = g_hash_table_lookup (directory->known, backing);
  if (beside)
    return is_target (search, &beside->status);
  path = places_absolute (directory->path, backing);
  if (strcmp (path, search->target) == 0)
    return TRUE;
  /* Not @path: the kernel goes through links before it goes "..". */
  joined = *backing == '/' ? g_strdup (backing) : g_build_filename (directory->path, backing, NULL);
  return stat (joined, &status) == 0 && is_target (search, &status);
}

static gboolean
is_candidate (const Search *search, const Directory *directory, const char *name)
{
  g_autofree char *path = NULL;
  if (g_str_has_suffix (name, ".new") || g_str_has_suffix (name, ".t"))
    return FALSE;
  if (g_str_has_prefix (name, FROZEN_PREFIX)) /* most are; nobody describes them */
    return g_str_has_suffix (name, IMAGE_SUFFIX);
  path = g_build_filename (directory->path, name, NULL);
  const char *format = g_hash_table_lookup (search->formats, path);
  return format ? strcmp (format, "qcow2") == 0 : g_str_has_suffix (name, IMAGE_SUFFIX);
}

static void
file_free (gpointer data)
{
  File *file = data;
  g_free (file->name);
  g_free (file);
}

static gboolean
list_files (const Search *search, Directory *directory, GError **error)
{
  int fd = openat (directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *listing = fd < 0 ? NULL : fdopendir (fd);
  if (!listing)
    return fail_errno (error, "reading %s", directory->path);
  errno = 0;
  for (const struct dirent *entry = readdir (listing); entry; entry = readdir (listing)) {
    struct stat status;
    if ((entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) &&
        is_candidate (search, directory, entry->d_name) &&
        fstatat (fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG (status.st_mode)) {
      File *file = g_new0 (File, 1);
      file->name = g_strdup (entry->d_name);
      file->status = status;
      g_ptr_array_add (directory->files, file);
      g_hash_table_insert (directory->known, file->name, file);
    }
    errno = 0;
  }
  int wrong = errno;
  closedir (listing);
  errno = wrong;
  return wrong == 0 || fail_errno (error, "reading %s", directory->path);
}

static gboolean
search_files (Search *search, const Directory *directory, GError **error)
{
  for (guint i = 0; i < directory->files->len; i++) {
    const File *file = g_ptr_array_index (directory->files, i);
    g_autofree char *backing = NULL;
    Identity identity = identity_of (&file->status);
    if (!cache_lookup (&identity, &backing) &&
        !read_backing (search, directory, file, &backing, error))
      return FALSE;
    if (backing && names_target (search, directory, backing))
      g_ptr_array_add (search->found, g_build_filename (directory->path, file->name, NULL));
  }
  return TRUE;
}

static gboolean
search_directory (Search *search, const char *path, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (file_free);
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) wrong = NULL;
  autofd fd = places_open_path (search->places, path, O_RDONLY | O_DIRECTORY, &wrong);
  Directory directory = { path, fd, files, known };
  if (fd < 0 && g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return TRUE;
  if (fd < 0) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  return list_files (search, &directory, error) && search_files (search, &directory, error);
}

static void
add_disks (GHashTable *formats, GHashTable *directories, const LocalDomain *domain)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (domain->disks, i);
    if (!domain->bare) /* those have their format from their name only */
      g_hash_table_insert (formats, local_disk_path (disk), disk->format);
    g_hash_table_add (directories, g_strdup (disk->directory));
  }
}

GPtrArray *
references_to (const Places *places, const GPtrArray *domains, const char *directory,
               const char *file, GError **error)
{
  g_autoptr (GHashTable) formats = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) directories =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *target = g_build_filename (directory, file, NULL);
  Search search = {
    .places = places, .target = target, .name = file, .formats = formats, .found = found
  };
  GHashTableIter iterator;
  gpointer path;
  search.exists = lstat (target, &search.status) == 0;
  g_hash_table_add (directories, g_strdup (places_store_path (places)));
  g_hash_table_add (directories, g_strdup (directory));
  for (guint i = 0; i < domains->len; i++)
    add_disks (formats, directories, g_ptr_array_index (domains, i));
  g_hash_table_iter_init (&iterator, directories);
  while (g_hash_table_iter_next (&iterator, &path, NULL))
    if (!search_directory (&search, path, error))
      return NULL;
  return g_steal_pointer (&found);
}
