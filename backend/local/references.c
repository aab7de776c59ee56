/* Who needs a file: from the image headers below every place, and from the descriptions.
 *
 * Each time everything is walked anew (walk.c); what their headers say is remembered (backing.c),
 * and, where nothing is to be removed, which of them were frozen (walked.c), so that a store of
 * thousands of images is answered in milliseconds.  A file is judged by its magic and not by its
 * name: a clone is a clone, whoever made it and wherever below the places it lies.  Only a disk
 * that is described as raw is not: its bytes are the guest's to choose.
 *
 * A file that must be an image (a frozen one, or described as qcow2) and is none is an error. */
#include "references.h"
#include "backing.h"
#include "device.h"
#include "fd.h"
#include "file-names.h"
#include "frozen.h"
#include "walk.h"
#include "walked.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  char *path;       /* absolute */
  const char *name; /* its last part */
  gboolean exists;  /* then @status is valid */
  struct stat status;
  GPtrArray *readers; /* of char *: absolute paths, as far as was searched */
} Target;

typedef struct {
  GPtrArray *targets;  /* of Target */
  GHashTable *formats; /* path of a described disk -> its format */
} Search;

/* ---- the files that are asked for ---- */

static void
target_free (gpointer data)
{
  Target *target = data;
  g_ptr_array_unref (target->readers);
  g_free (target->path);
  g_free (target);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Target, target_free)

static Target *
target_find (const char *path, GError **error)
{
  g_autoptr (Target) target = g_new0 (Target, 1);
  target->path = g_strdup (path);
  target->name = strrchr (target->path, '/') + 1;
  target->readers = g_ptr_array_new_with_free_func (g_free);
  target->exists = stat (target->path, &target->status) == 0; /* a device's name is a link */
  if (target->exists || errno == ENOENT || errno == ENOTDIR)
    return g_steal_pointer (&target);
  fail_errno (error, "%s", target->path);
  return NULL;
}

static gboolean
is_target (const Target *target, const struct stat *status)
{
  return target->exists && device_same (status, &target->status);
}

/* ---- what a backing name leads to ---- */

typedef struct {
  const char *name;
  gboolean protocol; /* it is no plain path */
  gboolean exists;   /* what it leads to; then @status is valid */
  struct stat status;
  char *path; /* as it would be without links; NULL: it is beside the image */
} Lead;

static void
lead_clear (Lead *lead)
{
  g_free (lead->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lead, lead_clear)

/* As QEMU tells them apart: a ':' before the first '/'. */
static gboolean
has_protocol (const char *name)
{
  return name[strcspn (name, ":/")] == ':';
}

/* A path that leads nowhere, or to where we may not look, does not lead to a target. */
static gboolean
leads_nowhere (int number)
{
  return number == ENOENT || number == ENOTDIR || number == ELOOP || number == EACCES ||
         number == ENAMETOOLONG;
}

static gboolean
lead_follow (Lead *lead, const WalkDirectory *directory, const char *name, GError **error)
{
  const WalkFile *beside = g_hash_table_lookup (directory->known, name);
  *lead = (Lead){ .name = name, .protocol = !beside && has_protocol (name) };
  lead->exists = beside != NULL;
  if (beside)
    lead->status = beside->status;
  if (beside || lead->protocol)
    return TRUE;
  lead->path = places_absolute (directory->path, name);
  /* Not that: the kernel goes through links before it goes "..". */
  g_autofree char *joined =
      *name == '/' ? g_strdup (name) : g_build_filename (directory->path, name, NULL);
  lead->exists = stat (joined, &lead->status) == 0;
  return lead->exists || leads_nowhere (errno) || fail_errno (error, "%s", joined);
}

static gboolean
lead_is_to (const Lead *lead, const Target *target)
{
  if (lead->protocol)
    return strstr (lead->name, target->name) != NULL;
  return (lead->exists && is_target (target, &lead->status)) ||
         g_strcmp0 (lead->path, target->path) == 0;
}

/* ---- one image ---- */

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

static gboolean search_file (const Search *search, const WalkDirectory *directory,
                             const WalkFile *file, GError **error);

/* What it read is gone: whoever folded it away may have put another file into the place of this. */
static gboolean
search_anew (const Search *search, const WalkDirectory *directory, const char *name, GError **error)
{
  WalkFile file = { .name = name };
  walked_forget (directory->fd, name);
  if (fstatat (directory->fd, name, &file.status, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || fail_errno (error, "%s/%s", directory->path, name);
  return search_file (search, directory, &file, error);
}

static gboolean
add_reader (const Search *search, const WalkDirectory *directory, const WalkFile *file,
            const char *backing, GError **error)
{
  g_auto (Lead) lead = { 0 };
  if (!lead_follow (&lead, directory, backing, error))
    return FALSE;
  if (file->recalled && !lead.exists && !lead.protocol)
    return search_anew (search, directory, file->name, error);
  for (guint i = 0; i < search->targets->len; i++) {
    const Target *target = g_ptr_array_index (search->targets, i);
    if (lead_is_to (&lead, target))
      g_ptr_array_add (target->readers, g_build_filename (directory->path, file->name, NULL));
  }
  return TRUE;
}

static gboolean
search_file (const Search *search, const WalkDirectory *directory, const WalkFile *file,
             GError **error)
{
  Backing backing = { TRUE, NULL };
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
  return !name || add_reader (search, directory, file, name, error);
}

/* ---- the questions ---- */

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

/* Finds the readers of all of @targets. */
static gboolean
search_store (const Asking *asking, GPtrArray *targets, GError **error)
{
  const GPtrArray *domains = asking->domains;
  g_autoptr (GHashTable) formats = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) directories = g_ptr_array_new_with_free_func (g_free);
  Search search = { targets, formats };
  const WalkOrder order = { .places = asking->places,
                            .more = directories,
                            .listing = asking->listing,
                            .trusting = asking->trusting,
                            .job = asking->job };
  for (guint i = 0; i < targets->len; i++)
    g_ptr_array_add (directories,
                     g_path_get_dirname (((Target *)g_ptr_array_index (targets, i))->path));
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    for (guint j = 0; j < domain->disks->len; j++) {
      const LocalDisk *disk = g_ptr_array_index (domain->disks, j);
      g_ptr_array_add (directories, g_strdup (disk->directory));
      if (!domain->bare) /* those have their format from their name only */
        add_format (formats, disk);
    }
  }
  return walk_places (&order, search_directory, &search, error);
}

GPtrArray *
references_to_all (const Asking *asking, const GPtrArray *paths, GError **error)
{
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func (target_free);
  for (guint i = 0; i < paths->len; i++) {
    Target *target = target_find (g_ptr_array_index (paths, i), error);
    if (!target)
      return NULL;
    g_ptr_array_add (targets, target);
  }
  if (!search_store (asking, targets, error))
    return NULL;
  GPtrArray *readers = g_ptr_array_new_with_free_func ((GDestroyNotify)g_ptr_array_unref);
  for (guint i = 0; i < targets->len; i++)
    g_ptr_array_add (readers,
                     g_ptr_array_ref (((Target *)g_ptr_array_index (targets, i))->readers));
  return readers;
}

GPtrArray *
references_to (const Asking *asking, const char *path, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  g_ptr_array_add (paths, (gpointer)path);
  g_autoptr (GPtrArray) all = references_to_all (asking, paths, error);
  return all ? g_ptr_array_ref (g_ptr_array_index (all, 0)) : NULL;
}

static gboolean
has_as_disk (const LocalDomain *domain, const Target *target, gboolean *has, GError **error)
{
  *has = FALSE;
  for (guint i = 0; i < domain->files->len && !*has; i++) {
    const char *path = g_ptr_array_index (domain->files, i);
    struct stat status;
    gboolean exists = stat (path, &status) == 0;
    if (!exists && !leads_nowhere (errno))
      return fail_errno (error, "%s", path);
    *has = (exists && is_target (target, &status)) || strcmp (path, target->path) == 0;
  }
  return TRUE;
}

GPtrArray *
references_as_disk (const GPtrArray *domains, const char *path, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (Target) target = target_find (path, error);
  if (!target)
    return NULL;
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    gboolean has;
    if (!has_as_disk (domain, target, &has, error))
      return NULL;
    if (has)
      g_ptr_array_add (found, g_strdup (domain->name));
  }
  return g_steal_pointer (&found);
}
