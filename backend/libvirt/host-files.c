/* Opening what libvirt names.
 *
 * A path in libvirt's XML was written by whoever may define machines, and libvirt reads it for
 * them; but a path inside an image was written by a guest.  So the directories of the files that
 * the XML lists are places that may be read below, and nothing else is.
 *
 * A snapshot inside an image is looked for by its whole tag: QEMU would take a number for an ID. */
#include "host-files.h"
#include "../local/fd.h"
#include "../local/locks.h"
#include "../local/opener.h"
#include "../qcow2/snapshots.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- where */

static gboolean
is_this_host (const char *host)
{
  return !host || !*host || g_str_equal (host, "localhost") || g_str_equal (host, "127.0.0.1") ||
         g_str_equal (host, "::1");
}

/* "qemu+ssh" leads elsewhere even to localhost: another user, another root directory, perhaps.
 * The test driver only has the names of files. */
gboolean
host_files_are_here (const char *uri)
{
  g_autoptr (GUri) parsed = g_uri_parse (uri, G_URI_FLAGS_NON_DNS, NULL);
  if (!parsed || !is_this_host (g_uri_get_host (parsed)))
    return FALSE;
  g_auto (GStrv) scheme = g_strsplit (g_uri_get_scheme (parsed), "+", 2);
  if (!scheme[0] || g_str_equal (scheme[0], "test"))
    return FALSE;
  return !scheme[1] || g_str_equal (scheme[1], "unix") || g_str_equal (scheme[1], "tcp") ||
         g_str_equal (scheme[1], "tls");
}

/* ---- which */

static gboolean
is_directory (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_DIR);
}

/* The directories of the listed files, and those that are allowed; the first is the top's. */
static Places *
open_places (const HostFiles *files, const LayoutDisk *disk, GError **error)
{
  g_autoptr (GPtrArray) directories = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < disk->files->len; i++) {
    const char *file = layout_file (disk, i);
    g_autofree char *directory = file && *file == '/' ? g_path_get_dirname (file) : NULL;
    if (directory && (i == 0 || is_directory (directory)) &&
        !g_ptr_array_find_with_equal_func (directories, directory, g_str_equal, NULL))
      g_ptr_array_add (directories, g_steal_pointer (&directory));
  }
  if (directories->len == 0) {
    fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is in no file", disk->target);
    return NULL;
  }
  for (guint i = 0; files->allow && files->allow[i]; i++)
    g_ptr_array_add (directories, g_strdup (files->allow[i]));
  g_ptr_array_add (directories, NULL);
  const char *const *all = (const char *const *)directories->pdata;
  return places_open (all[0], all + 1, error);
}

static gboolean
format_of (const LayoutDisk *disk, ImageFormat *format, GError **error)
{
  const LayoutFile *top = g_ptr_array_index (disk->files, 0);
  *format = g_strcmp0 (top->format, "qcow2") == 0 ? IMAGE_QCOW2 : IMAGE_RAW;
  if (*format == IMAGE_QCOW2 || g_strcmp0 (top->format, "raw") == 0)
    return TRUE;
  return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s: images of format %s cannot be read",
               disk->target, top->format ? top->format : "(not said)");
}

static Places *
open_way (const HostFiles *files, const LayoutDisk *disk, ImageFormat *format, GError **error)
{
  const char *top = layout_file (disk, 0);
  if (!files->here)
    fail (error, BACKEND_ERROR_UNSUPPORTED, "the files of %s are on another host", disk->target);
  else if (!top)
    fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is in no file", disk->target);
  else if (format_of (disk, format, error))
    return open_places (files, disk, error);
  return NULL;
}

/* ---- inside */

/* It may be a pipe, whose opening waits for nobody here. */
static Qcow2Header *
read_header (int fd)
{
  struct stat status;
  if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode))
    return NULL;
  return qcow2_header_read (fd, NULL);
}

GPtrArray *
host_files_inside (const char *path)
{
  autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  g_autoptr (Qcow2Header) header = read_header (fd);
  return header ? qcow2_snapshots_read (fd, header, NULL) : NULL;
}

char *
host_files_behind (const char *path)
{
  autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  g_autoptr (Qcow2Header) header = read_header (fd);
  if (!header || !header->backing)
    return NULL;
  g_autofree char *directory = g_path_get_dirname (path);
  return g_canonicalize_filename (header->backing, directory);
}

/* The only snapshot with this tag; NULL: there is none, or more. */
static const Qcow2Snapshot *
find_tag (const GPtrArray *snapshots, const char *path, const char *tag, GError **error)
{
  const Qcow2Snapshot *found = NULL;
  for (guint i = 0; i < snapshots->len; i++) {
    const Qcow2Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    if (!g_str_equal (snapshot->tag, tag))
      continue;
    if (found) {
      fail (error, BACKEND_ERROR_DAMAGED, "%s has more than one snapshot %s inside", path, tag);
      return NULL;
    }
    found = snapshot;
  }
  if (!found)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no snapshot %s inside", path, tag);
  return found;
}

static gboolean
look_inside (int fd, const Qcow2Header *header, const char *path, const char *tag, FileLook *look,
             GError **error)
{
  g_autoptr (GPtrArray) snapshots = qcow2_snapshots_read (fd, header, error);
  if (!snapshots)
    return fail_in (error, "%s", path);
  const Qcow2Snapshot *snapshot = find_tag (snapshots, path, tag, error);
  if (!snapshot)
    return FALSE;
  look->size = snapshot->disk_size;
  look->id = g_strdup (snapshot->id);
  return TRUE;
}

static gboolean
look_at (int fd, ImageFormat format, const char *path, const char *tag, FileLook *look,
         GError **error)
{
  struct stat status;
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "%s", path);
  if (!S_ISREG (status.st_mode))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is no regular file", path);
  look->allocated = (guint64)status.st_blocks * 512;
  look->modified = (gint64)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
  look->changes = locks_writer_lives (fd);
  look->size = image_raw_size ((guint64)status.st_size);
  if (format == IMAGE_RAW)
    return !tag || fail (error, BACKEND_ERROR_NOT_FOUND, "%s is raw: nothing is inside", path);
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header)
    return fail_in (error, "%s", path);
  look->size = header->size;
  return !tag || look_inside (fd, header, path, tag, look, error);
}

gboolean
host_files_look (const HostFiles *files, const LayoutDisk *disk, const char *tag, FileLook *look,
                 GError **error)
{
  ImageFormat format = IMAGE_RAW;
  const char *path = layout_file (disk, 0);
  *look = (FileLook){ 0 };
  g_autoptr (Places) places = open_way (files, disk, &format, error);
  if (!places)
    return FALSE;
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, error);
  return fd >= 0 && look_at (fd, format, path, tag, look, error);
}

/* ---- reading */

static int
open_listed (gpointer places, const char *path, GError **error)
{
  g_autofree char *canonical = places_canonical (places, path);
  ImageOpener locking = opener_for_reading (places);
  if (canonical)
    return locking.open (locking.data, path, error);
  fail (error, BACKEND_ERROR_DENIED,
        "%s is in no directory that libvirt lists for the disk; give it with -o allow=DIR", path);
  return -1;
}

/* The reader looks for the ID again: whoever changes the table has the image open for writing, and
 * the reader's locks keep such away. */
DiskReader *
host_files_open (const HostFiles *files, const LayoutDisk *disk, const char *tag, GError **error)
{
  ImageFormat format = IMAGE_RAW;
  FileLook look;
  if (!host_files_look (files, disk, tag, &look, error))
    return NULL;
  g_autofree char *id = look.id;
  g_autoptr (Places) places = open_way (files, disk, &format, error);
  if (!places)
    return NULL;
  ImageOpener opener = { open_listed, places };
  g_autoptr (DiskReader) reader =
      image_reader_open (&opener, layout_file (disk, 0), format, id, error);
  if (!reader || !tag)
    return g_steal_pointer (&reader);
  g_autofree char *before = g_steal_pointer (&id);
  gboolean same = host_files_look (files, disk, tag, &look, error);
  id = look.id;
  if (same && g_strcmp0 (before, id) == 0)
    return g_steal_pointer (&reader);
  if (same)
    fail (error, BACKEND_ERROR_BUSY, "the snapshots inside %s are changing", layout_file (disk, 0));
  return NULL;
}

void
host_files_drop (const HostFiles *files, const char *path)
{
  struct stat status;
  if (files->here && lstat (path, &status) == 0 && S_ISREG (status.st_mode))
    unlink (path);
}
