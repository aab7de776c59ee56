/* Where a domain's sockets are. */
#include "fd.h"
#include "qemu.h"
#include <fcntl.h>
#include <string.h>

#define CONFIGURATION "vmsnapfs.conf"
#define LONGEST 65536 /* bytes of that file */

/* FALSE without an error: there is no such file. */
static gboolean
read_configuration (const Places *places, const char *directory, GKeyFile *keys, GError **error)
{
  g_autofree char *path = g_build_filename (directory, CONFIGURATION, NULL);
  g_autofree char *text = g_malloc (LONGEST);
  g_autoptr (GError) wrong = NULL;
  struct stat status;
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, &wrong);
  if (fd < 0 && errno == ENOENT)
    return FALSE;
  ssize_t length = fd >= 0 && fstat (fd, &status) == 0 && S_ISREG (status.st_mode)
                       ? read (fd, text, LONGEST)
                       : -1;
  if (length < 0 || length == LONGEST)
    return fail (error, BACKEND_ERROR_INVALID, "%s cannot be read", path);
  if (length == 0 || g_key_file_load_from_data (keys, text, (gsize)length, 0, &wrong))
    return TRUE;
  return fail (error, BACKEND_ERROR_INVALID, "%s: %s", path, wrong->message);
}

/* What the domain's own file says; *@path NULL: nothing. */
static gboolean
configured (const Places *places, const char *directory, const char *which, char **path,
            GError **error)
{
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (GError) wrong = NULL;
  if (!read_configuration (places, directory, keys, &wrong) && wrong) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  g_autofree char *value = g_key_file_get_string (keys, "machine", which, NULL);
  *path = value && *value ? places_absolute (directory, value) : NULL;
  return TRUE;
}

gboolean
qemu_find_socket (const Places *places, const LocalDomain *found, const char *which, char **path,
                  GError **error)
{
  const char *store = places_store_path (places);
  g_autofree char *directory = g_build_filename (store, found->name, NULL);
  g_autofree char *usual = found->bare ? g_strdup_printf ("%s.%s.sock", directory, which)
                                       : g_strdup_printf ("%s/%s.sock", directory, which);
  struct stat status;
  *path = NULL;
  if (!found->bare && !configured (places, directory, which, path, error))
    return FALSE;
  if (!*path && lstat (usual, &status) == 0)
    *path = g_steal_pointer (&usual);
  return TRUE;
}
