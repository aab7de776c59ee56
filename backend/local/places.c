/* The directories that disks may be in.
 *
 * A path from a domain.xml or an image header is a wish of whoever wrote it.  It is granted only
 * by finding the place whose path it begins with and walking from that place's descriptor, with
 * the kernel refusing "..", symbolic links and mount magic on the way.  Block devices are known by
 * links, so below /dev, where only root makes any, device.c has the rule. */
#include "places.h"
#include "dataset.h"
#include "device.h"
#include "fd.h"
#include "file-names.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
  char *path;  /* absolute, links resolved */
  char *given; /* absolute, as it was named */
  int fd;
  gboolean devices; /* block devices in it may be disks: it is below /dev, and was named */
} Place;

struct Places {
  GPtrArray *places; /* of Place; the first is the store */
  char *hook;        /* NULL: none */
  guint hook_deadline;
};

static void
place_free (Place *place)
{
  if (place->fd >= 0)
    close (place->fd);
  g_free (place->path);
  g_free (place->given);
  g_free (place);
}

static gboolean
add_place (Places *places, const char *path, GError **error)
{
  Place *place = g_new0 (Place, 1);
  place->fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_ptr_array_add (places->places, place);
  if (place->fd < 0)
    return fail_errno (error, "%s", path);
  char *real = realpath (path, NULL);
  if (!real)
    return fail_errno (error, "%s", path);
  place->path = g_strdup (real);
  free (real);
  place->given = g_canonicalize_filename (path, NULL);
  place->devices = places->places->len > 1 && device_directory (place->path);
  return TRUE;
}

Places *
places_open (const char *store, const char *const *allow, GError **error)
{
  g_autoptr (Places) places = g_new0 (Places, 1);
  places->places = g_ptr_array_new_with_free_func ((GDestroyNotify)place_free);
  if (!add_place (places, store, error))
    return NULL;
  for (guint i = 0; allow && allow[i]; i++)
    if (!add_place (places, allow[i], error))
      return NULL;
  return g_steal_pointer (&places);
}

void
places_close (Places *places)
{
  if (!places)
    return;
  g_ptr_array_unref (places->places);
  g_free (places->hook);
  g_free (places);
}

void
places_set_hook (Places *places, const char *program, guint deadline)
{
  places->hook = g_strdup (program);
  places->hook_deadline = deadline;
}

const char *
places_hook (const Places *places)
{
  return places->hook;
}

guint
places_hook_deadline (const Places *places)
{
  return places->hook_deadline;
}

static const Place *
store_place (const Places *places)
{
  return g_ptr_array_index (places->places, 0);
}

int
places_store_fd (const Places *places)
{
  return store_place (places)->fd;
}

const char *
places_store_path (const Places *places)
{
  return store_place (places)->path;
}

guint
places_count (const Places *places)
{
  return places->places->len;
}

int
places_fd (const Places *places, guint index)
{
  return ((const Place *)g_ptr_array_index (places->places, index))->fd;
}

const char *
places_path (const Places *places, guint index)
{
  return ((const Place *)g_ptr_array_index (places->places, index))->path;
}

char *
places_absolute (const char *directory, const char *path)
{
  return g_canonicalize_filename (path, directory);
}

/* What follows @prefix in @path, "." for the directory itself; NULL: it is not below it. */
static const char *
below (const char *path, const char *prefix)
{
  gsize length = strlen (prefix);
  if (strncmp (path, prefix, length) != 0)
    return NULL;
  if (path[length] == '\0')
    return ".";
  if (path[length] == '/')
    return path + length + 1;
  return length > 0 && prefix[length - 1] == '/' ? path + length : NULL;
}

static const char *
below_place (const char *path, const Place *place)
{
  const char *rest = below (path, place->path);
  return rest ? rest : below (path, place->given);
}

char *
places_canonical (const Places *places, const char *path)
{
  for (guint i = 0; i < places->places->len; i++) {
    const Place *place = g_ptr_array_index (places->places, i);
    const char *rest = below_place (path, place);
    if (rest)
      return g_canonicalize_filename (rest, place->path);
  }
  return NULL;
}

gboolean
places_have_devices (const Places *places, const char *path)
{
  for (guint i = 0; i < places->places->len; i++) {
    const Place *place = g_ptr_array_index (places->places, i);
    if (below_place (path, place))
      return place->devices;
  }
  return FALSE;
}

static int
open_below (const Place *place, const char *rest, int flags)
{
  int always = O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK); /* openat2 is strict about O_PATH */
  struct open_how how = {
    .flags = (guint64)(flags | always),
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  return place->devices ? device_open (place->path, rest, flags)
                        : (int)syscall (SYS_openat2, place->fd, rest, &how, sizeof how);
}

/* What is in a snapshot of ZFS's that was made here, of a dataset that is mounted above a place, is
 * as good as the file itself: MOUNTPOINT/.zfs/snapshot/vmsnapfs-UUID/FILE as MOUNTPOINT/FILE.
 * FALSE: @path is no such name. */
static gboolean
split_snapshot (const Places *places, const char *path, char **mountpoint)
{
  const char *at = strstr (path, "/" ZFS_SNAPSHOTS "/" ZFS_SNAPSHOT_PREFIX);
  const char *file = at ? strchr (at + strlen ("/" ZFS_SNAPSHOTS "/"), '/') : NULL;
  if (!file)
    return FALSE;
  g_autofree char *before = g_strndup (path, (gsize)(at - path));
  g_autofree char *counterpart = g_strconcat (before, file, NULL);
  g_autofree char *plain = g_canonicalize_filename (counterpart, NULL);
  g_autofree char *canonical = places_canonical (places, plain);
  if (!canonical || !g_str_equal (plain, counterpart) || places_have_devices (places, plain))
    return FALSE;
  *mountpoint = g_strdup (*before ? before : "/");
  return TRUE;
}

/* -1 with errno: ENOENT also where @path is no such name. */
static int
open_in_snapshot (const Places *places, const char *path, int flags)
{
  g_autofree char *mountpoint = NULL;
  const struct open_how directory = {
    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
    .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  const struct open_how how = {
    .flags = (guint64)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK)),
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  errno = ENOENT;
  if (!split_snapshot (places, path, &mountpoint))
    return -1;
  autofd in = (int)syscall (SYS_openat2, AT_FDCWD, mountpoint, &directory, sizeof directory);
  if (in < 0 || !dataset_is_there (in))
    return -1;
  return (int)syscall (SYS_openat2, in, strstr (path, "/" ZFS_SNAPSHOTS "/") + 1, &how, sizeof how);
}

int
places_open_path (const Places *places, const char *path, int flags, GError **error)
{
  for (guint i = 0; i < places->places->len; i++) {
    const Place *place = g_ptr_array_index (places->places, i);
    const char *rest = below_place (path, place);
    if (!rest)
      continue;
    int fd = open_below (place, rest, flags);
    if (fd < 0) {
      int wrong = errno;
      fail_errno (error, "%s", path);
      errno = wrong;
    }
    return fd;
  }
  int fd = open_in_snapshot (places, path, flags);
  if (fd >= 0)
    return fd;
  fail (error, BACKEND_ERROR_DENIED,
        "%s is outside of the store; give its directory with -o allow=DIR", path);
  return -1;
}

char *
places_spell (const Places *places, const char *path)
{
  const char *rest = below_place (path, store_place (places));
  return g_strdup (rest ? rest : path);
}

char *
places_resolve (const Places *places, const char *spelling)
{
  return g_canonicalize_filename (spelling, places_store_path (places));
}
