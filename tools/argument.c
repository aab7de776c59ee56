/* From FILE[@SNAPSHOT] to a disk that can be read.
 *
 * Whoever names a file trusts it to be what it is, but not what is written in it: backing files are
 * only followed into the directory of FILE and those that were allowed, and a format is never
 * guessed but from qcow2's magic.  (A guest that owns a raw disk can write that magic; what it
 * gains is that its own disk is read wrongly, and its backing file is looked for in the same
 * places.) */
#include "argument.h"

#include "../backend/error.h"
#include "../backend/local/fd.h"
#include "../backend/local/locks.h"
#include "../backend/local/places.h"
#include "../backend/qcow2/snapshots.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC "QFI\xfb"

typedef struct {
  Places *places;
  char *path;     /* absolute */
  char *snapshot; /* as it was named; NULL: none */
} Argument;

static void
argument_clear (Argument *argument)
{
  places_close (argument->places);
  g_free (argument->path);
  g_free (argument->snapshot);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Argument, argument_clear)

static gboolean
is_there (const char *path)
{
  struct stat status;

  return lstat (path, &status) == 0;
}

/* The part of @text that is a file's name; sets the other. */
static char *
split (const char *text, char **snapshot, GError **error)
{
  const char *at = strrchr (text, '@');
  g_autofree char *name = at != NULL ? g_strndup (text, (gsize)(at - text)) : g_strdup (text);

  if (is_there (text))
    return g_strdup (text);
  if (at == NULL || !is_there (name)) {
    fail_errno (error, "%s", name);
    return NULL;
  }
  *snapshot = g_strdup (at + 1);
  return g_steal_pointer (&name);
}

/* The directory's links are resolved and the file's own are not: as the kernel and QEMU see it,
 * backing files are beside the name that was given. */
static gboolean
find_file (const char *name, const char *const *allow, Argument *argument, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (name);
  g_autofree char *base = g_path_get_basename (name);

  argument->places = places_open (directory, allow, error);
  if (argument->places == NULL)
    return FALSE;
  argument->path = g_build_filename (places_store_path (argument->places), base, NULL);
  return TRUE;
}

static int
open_file (gpointer data, const char *path, GError **error)
{
  const Places *places = data;
  g_autofree char *allowed = places_canonical (places, path);
  autofd fd = -1;

  if (allowed == NULL) {
    fail (error, BACKEND_ERROR_DENIED,
          "%s is not below %s; give its directory with --allow DIR, if it is to be read", path,
          places_store_path (places));
    return -1;
  }
  fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, error);
  if (fd < 0 || !locks_exclude_writers (fd, path, error))
    return -1;
  return fd_steal (&fd);
}

static gboolean
has_magic (int fd)
{
  char magic[4];

  return pread (fd, magic, sizeof magic, 0) == (gssize)sizeof magic &&
         memcmp (magic, MAGIC, sizeof magic) == 0;
}

static gboolean
find_format (const Argument *argument, const ArgumentOptions *options, int fd, ImageFormat *format,
             GError **error)
{
  *format = options->format_given ? options->format : IMAGE_QCOW2;
  if (!options->format_given && !has_magic (fd))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s: not a qcow2 image; if it is a raw disk, say so with -f raw", argument->path);
  return *format == IMAGE_QCOW2 || argument->snapshot == NULL ||
         fail (error, BACKEND_ERROR_INVALID, "%s: a raw disk has no snapshots inside",
               argument->path);
}

/* The one of @snapshots that @name means: by ID, else by tag.  Borrowed. */
static const char *
find_id (const GPtrArray *snapshots, const char *name, const char *path, GError **error)
{
  const char *id = NULL;
  guint tagged = 0;

  for (guint i = 0; i < snapshots->len; i++) {
    const Qcow2Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (strcmp (snapshot->id, name) == 0)
      return snapshot->id;
    if (strcmp (snapshot->tag, name) == 0) {
      id = snapshot->id;
      tagged++;
    }
  }
  if (tagged == 1)
    return id;
  if (tagged == 0)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s: there is no snapshot \"%s\" inside", path, name);
  else
    fail (error, BACKEND_ERROR_INVALID,
          "%s: %u snapshots have the tag \"%s\"; name the one by its ID", path, tagged, name);
  return NULL;
}

static char *
read_id (int fd, const Argument *argument, GError **error)
{
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  g_autoptr (GPtrArray) snapshots =
      header != NULL ? qcow2_snapshots_read (fd, header, error) : NULL;

  if (snapshots == NULL) {
    fail_in (error, "%s", argument->path);
    return NULL;
  }
  return g_strdup (find_id (snapshots, argument->snapshot, argument->path, error));
}

DiskReader *
argument_open (const char *text, const ArgumentOptions *options, GError **error)
{
  g_auto (Argument) argument = { 0 };
  g_autofree char *name = split (text, &argument.snapshot, error);
  g_autofree char *id = NULL;
  ImageOpener opener = { .open = open_file };
  ImageFormat format;
  autofd fd = -1;

  if (name == NULL || !find_file (name, options->allow, &argument, error))
    return NULL;
  opener.data = argument.places;
  fd = open_file (argument.places, argument.path, error);
  if (fd < 0 || !find_format (&argument, options, fd, &format, error))
    return NULL;
  if (argument.snapshot != NULL) {
    id = read_id (fd, &argument, error);
    if (id == NULL)
      return NULL;
  }
  return image_reader_open (&opener, argument.path, format, id, error);
}
