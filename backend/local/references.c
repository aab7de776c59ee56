/* Who needs a file: from the image headers below every place, and from the descriptions.
 *
 * Each time everything is walked anew (walk.c); what their headers say is remembered (backing.c),
 * and, where nothing is to be removed, which of them were frozen (walked.c), so that a store of
 * thousands of images is answered in milliseconds.  A
 * file is judged by its magic and not by its name: a clone is a clone, whoever made it and wherever
 * below the places it lies.  Only a disk that is described as raw is not: its bytes are the guest's
 * to choose.
 *
 * A file that must be an image (a frozen one, or described as qcow2) and is none is an error. */
#include "references.h"
#include "backing.h"
#include "device.h"
#include "fd.h"
#include "file-names.h"
#include "frozen.h"
#include "journal.h"
#include "moving.h"
#include "walk.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *path;       /* absolute */
  const char *name; /* its last part */
  gboolean exists;  /* then @status is valid */
  struct stat status;
} Target;

typedef struct {
  Target target;
  GHashTable *formats; /* path of a described disk -> its format */
  GPtrArray *found;    /* of char * */
} Search;

/* ---- the file that is asked for ---- */

/* A path that leads nowhere, or to where we may not look, does not lead to the target. */
static gboolean
leads_nowhere (int number)
{
  return number == ENOENT || number == ENOTDIR || number == ELOOP || number == EACCES ||
         number == ENAMETOOLONG;
}

static gboolean
target_find (Target *target, const char *directory, const char *file, GError **error)
{
  target->path = g_build_filename (directory, file, NULL);
  target->name = file;
  target->exists = stat (target->path, &target->status) == 0; /* a device's name is a link */
  return target->exists || errno == ENOENT || errno == ENOTDIR ||
         fail_errno (error, "%s", target->path);
}

static void
target_clear (Target *target)
{
  g_free (target->path);
}

static gboolean
is_target (const Target *target, const struct stat *status)
{
  return target->exists && device_same (status, &target->status);
}

static gboolean
leads_to_target (const Target *target, const char *path, gboolean *leads, GError **error)
{
  struct stat status;
  int wrong = stat (path, &status);
  *leads = wrong == 0 && is_target (target, &status);
  return wrong == 0 || leads_nowhere (errno) || fail_errno (error, "%s", path);
}

/* ---- one image ---- */

/* As QEMU tells them apart: a ':' before the first '/'. */
static gboolean
has_protocol (const char *name)
{
  return name[strcspn (name, ":/")] == ':';
}

static gboolean
names_target (const Search *search, const WalkDirectory *directory, const char *backing,
              gboolean *names, GError **error)
{
  const Target *target = &search->target;
  g_autofree char *joined = NULL;
  const WalkFile *beside = g_hash_table_lookup (directory->known, backing);
  if (beside || has_protocol (backing)) {
    *names = beside ? is_target (target, &beside->status) : strstr (backing, target->name) != NULL;
    return TRUE;
  }
  g_autofree char *path = places_absolute (directory->path, backing);
  *names = strcmp (path, target->path) == 0;
  if (*names)
    return TRUE;
  /* Not @path: the kernel goes through links before it goes "..". */
  joined = *backing == '/' ? g_strdup (backing) : g_build_filename (directory->path, backing, NULL);
  return leads_to_target (target, joined, names, error);
}

static const char *
described_format (const Search *search, const WalkDirectory *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory->path, name, NULL);
  return g_hash_table_lookup (search->formats, path);
}

static gboolean
may_be_image (const Search *search, const WalkDirectory *directory, const char *name)
{
  gboolean raw;
  if (g_str_has_prefix (name, IMAGE_PREFIX)) /* most are; else it is prepared, or a raw disk's */
    return frozen_is_name (name, &raw) && !raw;
  return g_strcmp0 (described_format (search, directory, name), "raw") != 0;
}

static gboolean
must_be_image (const Search *search, const WalkDirectory *directory, const char *name)
{
  return g_str_has_prefix (name, IMAGE_PREFIX) ||
         g_strcmp0 (described_format (search, directory, name), "qcow2") == 0;
}

/* It may be gone since it was listed: then it is no image. */
static gboolean
read_backing (const WalkDirectory *directory, const WalkFile *file, gboolean must_be,
              Backing *backing, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  autofd fd = openat (directory->fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT || fail_errno (error, "%s/%s", directory->path, file->name);
  if (backing_read (fd, backing, &wrong))
    return TRUE;
  /* What QEMU cannot open reads nothing.  A guest may write anything to a disk that is not
   * described here, and must not stop everybody's changes by that. */
  if (!must_be && g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DAMAGED)) {
    *backing = (Backing){ 0 };
    return TRUE;
  }
  g_propagate_error (error, g_steal_pointer (&wrong));
  return fail_in (error, "%s/%s", directory->path, file->name);
}

static gboolean
search_file (Search *search, const WalkDirectory *directory, const WalkFile *file, GError **error)
{
  Backing backing = { TRUE, NULL };
  gboolean names = FALSE;
  if (!may_be_image (search, directory, file->name))
    return TRUE;
  gboolean must_be = must_be_image (search, directory, file->name);
  if (!backing_recall (&file->status, &backing) &&
      !read_backing (directory, file, must_be, &backing, error))
    return FALSE;
  g_autofree char *name = backing.name;
  if (!backing.image && must_be)
    return fail (error, BACKEND_ERROR_DAMAGED, "%s/%s: not a qcow2 image", directory->path,
                 file->name);
  if (name && !names_target (search, directory, name, &names, error))
    return FALSE;
  if (names)
    g_ptr_array_add (search->found, g_build_filename (directory->path, file->name, NULL));
  return TRUE;
}

/* ---- the questions ---- */

static void
search_clear (Search *search)
{
  target_clear (&search->target);
}

/* Those that say qcow2 count where descriptions disagree. */
static void
add_format (GHashTable *formats, const LocalDisk *disk)
{
  g_autofree char *path = local_disk_path (disk);
  if (strcmp (disk->format, "qcow2") == 0 || !g_hash_table_contains (formats, path))
    g_hash_table_replace (formats, g_steal_pointer (&path), disk->format);
}

static gboolean
search_directory (const WalkDirectory *directory, gpointer data, GError **error)
{
  for (guint i = 0; i < directory->files->len; i++)
    if (!search_file (data, directory, g_ptr_array_index (directory->files, i), error))
      return FALSE;
  return TRUE;
}

GPtrArray *
references_to (const Asking *asking, const char *directory, const char *file, GError **error)
{
  const GPtrArray *domains = asking->domains;
  g_autoptr (GHashTable) formats = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) directories = g_ptr_array_new (); /* borrowed */
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  __attribute__ ((cleanup (search_clear))) Search search = { .formats = formats, .found = found };
  const WalkOrder order = { asking->places, directories, asking->listing, asking->trusting,
                            asking->job };
  g_ptr_array_add (directories, (char *)directory);
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    for (guint j = 0; j < domain->disks->len; j++) {
      const LocalDisk *disk = g_ptr_array_index (domain->disks, j);
      g_ptr_array_add (directories, disk->directory);
      if (!domain->bare) /* those have their format from their name only */
        add_format (formats, disk);
    }
  }
  if (!target_find (&search.target, directory, file, error) ||
      !walk_places (&order, search_directory, &search, error))
    return NULL;
  return g_steal_pointer (&found);
}

static gboolean
has_as_disk (const LocalDomain *domain, const Target *target, gboolean *has, GError **error)
{
  *has = FALSE;
  for (guint i = 0; i < domain->files->len && !*has; i++) {
    const char *path = g_ptr_array_index (domain->files, i);
    if (!leads_to_target (target, path, has, error))
      return FALSE;
    *has = *has || strcmp (path, target->path) == 0;
  }
  return TRUE;
}

GPtrArray *
references_as_disk (const Places *places, const GPtrArray *domains, const char *directory,
                    const char *file, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  __attribute__ ((cleanup (target_clear))) Target target = { 0 };
  if (!target_find (&target, directory, file, error))
    return NULL;
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    gboolean has;
    if (!has_as_disk (domain, &target, &has, error))
      return NULL;
    if (has)
      g_ptr_array_add (found, g_strdup (domain->name));
  }
  return g_steal_pointer (&found);
}

/* A running machine's disk has two names (second-name.h), and is one reader. */
static const char *
only_reader (const GPtrArray *readers)
{
  const char *one = readers->len > 0 ? g_ptr_array_index (readers, 0) : NULL;
  const char *other = readers->len > 1 ? g_ptr_array_index (readers, 1) : NULL;
  struct stat first, second;
  gboolean raw;
  if (readers->len < 2)
    return one;
  g_autofree char *name = g_path_get_basename (one), *other_name = g_path_get_basename (other);
  gboolean frozen = frozen_is_name (name, &raw);
  if (readers->len > 2 || frozen == frozen_is_name (other_name, &raw) || lstat (one, &first) < 0 ||
      lstat (other, &second) < 0 || first.st_ino != second.st_ino || first.st_dev != second.st_dev)
    return NULL;
  return frozen ? other : one;
}

gboolean
references_unlink_unread (const Places *places, int directory, const char *path, const char *file,
                          Job *job, gboolean *gone, char **reader, GError **error)
{
  autolock held = moving_hold ();
  g_autoptr (Listing) listing = scan_list (places, job, error);
  g_autoptr (GPtrArray) domains = listing ? scan_listed (places, listing, error) : NULL;
  const Asking asking = { places, domains, listing, FALSE, job };
  g_autoptr (GPtrArray) readers = domains ? references_to (&asking, path, file, error) : NULL;
  g_autoptr (GPtrArray) users =
      readers ? references_as_disk (places, domains, path, file, error) : NULL;
  *gone = FALSE;
  *reader = NULL;
  if (!users)
    return FALSE;
  if (users->len == 0)
    *reader = g_strdup (only_reader (readers));
  if (users->len > 0 || readers->len > 0)
    return TRUE;
  if (unlinkat (directory, file, 0) < 0 && errno != ENOENT)
    return fail_errno (error, "removing %s", file);
  *gone = TRUE;
  return journal_sync (directory, file, error);
}
