/* All images below the places: what each says, who reads whom, and whether that can be.
 *
 * Who reads whom is a graph of one walk, so that a store of thousands of images is looked at once.
 * A fault is told where it is, and not again by whoever reads that image. */
#include "../qcow2/header.h"
#include "../qcow2/reader.h"
#include "alone.h"
#include "backing.h"
#include "chain.h"
#include "check-findings.h"
#include "child.h"
#include "fd.h"
#include "frozen.h"
#include "journal.h"
#include "locks.h"
#include <fcntl.h>
#include <string.h>

#define DEADLINE (24 * 60 * 60) /* seconds */
#define STATUS_CORRUPT 2        /* of qemu-img check */
#define STATUS_LEAKS 3

/* -------------------------------------------------------------------- finding them */

typedef struct {
  Check *check;
  CheckImages *images;
  GHashTable *formats; /* path of a described disk -> its format */
} Finding;

static void
check_image_free (gpointer data)
{
  CheckImage *image = data;
  g_free (image->path);
  g_free (image->directory);
  g_free (image->backing);
  g_free (image->backing_format);
  g_free (image);
}

void
check_images_free (CheckImages *images)
{
  g_ptr_array_unref (images->images);
  g_ptr_array_unref (images->prepared);
  g_hash_table_unref (images->by_inode);
  g_free (images);
}

static char *
inode_key (const struct stat *status)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)status->st_dev,
                          (guint64)status->st_ino);
}

static CheckImage *
add_image (CheckImages *images, const WalkDirectory *directory, const WalkFile *file)
{
  CheckImage *image = g_new0 (CheckImage, 1);
  image->path = g_build_filename (directory->path, file->name, NULL);
  image->directory = g_strdup (directory->path);
  image->file = image->path + strlen (image->path) - strlen (file->name);
  image->frozen = frozen_is_name (file->name, &image->raw);
  image->raw = image->raw && image->frozen;
  image->status = file->status;
  g_ptr_array_add (images->images, image);
  g_hash_table_insert (images->by_inode, inode_key (&file->status), image);
  return image;
}

static void
read_header (CheckImage *image, int fd, GError **error)
{
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header)
    return;
  image->readable = TRUE;
  image->plain = qcow2_header_is_plain (header);
  image->size = header->size;
  image->backing = g_strdup (header->backing);
  image->backing_format = g_strdup (header->backing_format);
}

/* Its bytes say nothing. */
static void
add_raw (CheckImages *images, const WalkDirectory *directory, const WalkFile *file)
{
  CheckImage *image = add_image (images, directory, file);
  image->readable = TRUE;
  image->size = image_raw_size ((guint64)file->status.st_size);
}

static gboolean
must_be_image (const Finding *finding, const char *path, gboolean frozen)
{
  return frozen || g_strcmp0 (g_hash_table_lookup (finding->formats, path), "qcow2") == 0;
}

static void
find_file (const Finding *finding, const WalkDirectory *directory, const WalkFile *file)
{
  g_autofree char *path = g_build_filename (directory->path, file->name, NULL);
  g_autoptr (GError) error = NULL;
  Backing backing = { FALSE, NULL };
  gboolean raw, frozen = frozen_is_name (file->name, &raw);
  if (frozen && raw) {
    add_raw (finding->images, directory, file);
    return;
  }
  if (g_strcmp0 (g_hash_table_lookup (finding->formats, path), "raw") == 0)
    return; /* its bytes are the guest's to choose */
  autofd fd = openat (directory->fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    fail_errno (&error, "opening it");
  gboolean known = fd >= 0 && backing_read (fd, &backing, &error);
  g_free (backing.name);
  if (known && !backing.image && !must_be_image (finding, path, frozen))
    return;
  CheckImage *image = add_image (finding->images, directory, file);
  if (fd >= 0 && !error)
    read_header (image, fd, &error);
  if (!error)
    return;
  image->broken = TRUE;
  check_say (finding->check, CHECK_FAULT, path, "%s", error->message);
}

static gboolean
find_in_directory (const WalkDirectory *directory, gpointer data, GError **error)
{
  const Finding *finding = data;
  for (guint i = 0; i < directory->files->len; i++) {
    const WalkFile *file = g_ptr_array_index (directory->files, i);
    if (journal_is_prepared_name (file->name))
      g_ptr_array_add (finding->images->prepared,
                       g_build_filename (directory->path, file->name, NULL));
    else
      find_file (finding, directory, file);
  }
  return TRUE;
}

GPtrArray *
check_disk_directories (const Check *check)
{
  GPtrArray *directories = g_ptr_array_new ();
  for (guint i = 0; i < check->found->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (check->found, i);
    for (guint j = 0; j < domain->disks->len; j++)
      g_ptr_array_add (directories, ((LocalDisk *)g_ptr_array_index (domain->disks, j))->directory);
  }
  return directories;
}

/* Those that say qcow2 count where descriptions disagree. */
static void
add_formats (const Check *check, GHashTable *formats)
{
  for (guint i = 0; i < check->found->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (check->found, i);
    for (guint j = 0; j < domain->disks->len; j++) {
      const LocalDisk *disk = g_ptr_array_index (domain->disks, j);
      g_autofree char *path = local_disk_path (disk);
      if (strcmp (disk->format, "qcow2") == 0 || !g_hash_table_contains (formats, path))
        g_hash_table_replace (formats, g_steal_pointer (&path), disk->format);
    }
  }
}

/* -------------------------------------------------------------------- who reads whom */

CheckImage *
check_images_at (const Check *check, const CheckImages *images, const char *path, GError **error)
{
  autofd fd = places_open_path (check->places, path, O_RDONLY, error);
  struct stat status;
  if (fd < 0)
    return NULL;
  if (fstat (fd, &status) < 0) {
    fail_errno (error, "%s", path);
    return NULL;
  }
  g_autofree char *key = inode_key (&status);
  return g_hash_table_lookup (images->by_inode, key);
}

static void
link_image (Check *check, const CheckImages *images, CheckImage *image)
{
  g_autoptr (GError) error = NULL;
  const char *name = image->backing;
  if (!image->readable || !name)
    return;
  if (name[strcspn (name, ":/")] == ':') {
    check_say (check, CHECK_FAULT, image->path, "its backing file %s is no file", name);
    image->broken = TRUE;
    return;
  }
  g_autofree char *path = places_absolute (image->directory, name);
  image->below = check_images_at (check, images, path, &error);
  if (image->below && !image->below->reader)
    image->below->reader = image;
  if (error)
    check_say (check, CHECK_FAULT, image->path, "its backing file: %s", error->message);
  else if (!image->backing_format)
    check_say (check, CHECK_FAULT, image->path, "does not say which format %s has", name);
  image->broken |= error || !image->backing_format;
}

CheckImages *
check_images_find (Check *check, GError **error)
{
  g_autoptr (CheckImages) images = g_new0 (CheckImages, 1);
  g_autoptr (GHashTable) formats = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) directories = check_disk_directories (check);
  images->images = g_ptr_array_new_with_free_func (check_image_free);
  images->prepared = g_ptr_array_new_with_free_func (g_free);
  images->by_inode = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  add_formats (check, formats);
  Finding finding = { check, images, formats };
  const WalkOrder order = { .places = check->places, .more = directories };
  if (!walk_places (&order, find_in_directory, &finding, error))
    return NULL;
  for (guint i = 0; i < images->images->len; i++)
    link_image (check, images, g_ptr_array_index (images->images, i));
  return g_steal_pointer (&images);
}

/* Each image reads one at most, so a walk down that meets itself has found a loop. */
static void
find_loop (Check *check, CheckImage *image, guint walk)
{
  for (; image && image->walk == 0; image = image->below)
    image->walk = walk;
  for (; image && image->walk == walk && !image->broken; image = image->below) {
    check_say (check, CHECK_FAULT, image->path, "is behind itself as a backing file");
    image->broken = TRUE;
  }
}

/* The reader's own opinion of whole chains: too many layers, external data, … */
static void
check_chain (Check *check, CheckImage *image)
{
  g_autoptr (GError) error = NULL;
  for (const CheckImage *layer = image; layer; layer = layer->below)
    if (layer->broken || (!layer->plain && !layer->raw))
      return;
  if (image->raw)
    return;
  if (chain_check (check->places, image->directory, image->file, &error))
    return;
  check_say (check, CHECK_FAULT, image->path, "%s", error->message);
  image->broken = TRUE;
}

/* -------------------------------------------------------------------- qemu-img check */

static void
tell_status (Check *check, const CheckImage *image, int status)
{
  if (status == STATUS_LEAKS)
    check_say (check, CHECK_NOTE, image->path,
               "qemu-img check finds clusters that nothing uses: space is lost, and no bytes");
  else if (status == STATUS_CORRUPT)
    check_say (check, CHECK_FAULT, image->path, "qemu-img check finds errors");
  else if (status != 0)
    check_say (check, CHECK_FAULT, image->path, "qemu-img check ends with status %d", status);
}

static gboolean
ask_qemu (Check *check, const CheckImage *image, GError **error)
{
  int status = 0;
  autofd directory =
      places_open_path (check->places, image->directory, O_RDONLY | O_DIRECTORY, error);
  autofd fd = directory < 0 ? -1 : openat (directory, image->file, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return directory >= 0 && fail_errno (error, "%s", image->path);
  if (locks_writer_lives (fd)) {
    check_say (check, CHECK_NOTE, image->path, "is in use: qemu-img check is left out");
    return TRUE;
  }
  g_autofree char *name = alone_name (image->file);
  if (!name) {
    check_say (check, CHECK_NOTE, image->path, "its name is no UTF-8: qemu-img check is left out");
    return TRUE;
  }
  const char *const arguments[] = { "check", "-q", name, NULL };
  if (!child_qemu_img_status (directory, arguments, NULL, DEADLINE, &status, error))
    return FALSE;
  tell_status (check, image, status);
  return TRUE;
}

gboolean
check_images (Check *check, CheckImages *images, GError **error)
{
  for (guint i = 0; i < images->images->len; i++)
    find_loop (check, g_ptr_array_index (images->images, i), i + 1);
  for (guint i = 0; i < images->images->len; i++) {
    CheckImage *image = g_ptr_array_index (images->images, i);
    if (!image->reader)
      check_chain (check, image);
    if (!check->options->quick && image->readable && image->plain && !image->marked &&
        !ask_qemu (check, image, error))
      return FALSE;
  }
  return TRUE;
}
