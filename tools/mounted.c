/* Reading a mounted tree.
 *
 * The tree is an interface of its own (vmsnapfs(5)), so nothing here knows a backend.  Texts are
 * bounded, because DIR is whatever somebody typed. */
#include "mounted.h"

#include "../backend/error.h"
#include "../backend/local/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define TEXT_LIMIT (16 * 1024 * 1024)
#define PIECE 8192

static gboolean
is_there (int at, const char *name)
{
  struct stat status;

  return fstatat (at, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static gboolean
find_kind (int fd, const char *path, MountedKind *kind, GError **error)
{
  struct statfs space;
  gboolean is_fuse = fstatfs (fd, &space) == 0 && space.f_type == FUSE_SUPER_MAGIC;

  *kind = is_fuse && is_there (fd, ".vmsnapfs/version") ? MOUNTED_TREE : MOUNTED_DOMAIN;
  if (*kind == MOUNTED_TREE || (is_fuse && is_there (fd, ".snapshots")))
    return TRUE;
  return fail (error, BACKEND_ERROR_INVALID,
               "%s: neither the top of a mounted tree nor a domain in one", path);
}

int
mounted_open (const char *path, MountedKind *kind, GError **error)
{
  autofd fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0) {
    fail_errno (error, "%s", path);
    return -1;
  }
  return find_kind (fd, path, kind, error) ? fd_steal (&fd) : -1;
}

int
mounted_open_domain (const char *path, GError **error)
{
  MountedKind kind = MOUNTED_DOMAIN;
  autofd fd = mounted_open (path, &kind, error);

  if (fd < 0 || kind == MOUNTED_DOMAIN)
    return fd_steal (&fd);
  fail (error, BACKEND_ERROR_INVALID, "%s: the whole tree; one domain in it is needed", path);
  return -1;
}

static gboolean
list_directory (DIR *directory, GPtrArray *names)
{
  const struct dirent *entry;

  errno = 0;
  while ((entry = readdir (directory)) != NULL)
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
      g_ptr_array_add (names, g_strdup (entry->d_name));
  return errno == 0;
}

GPtrArray *
mounted_list (int at, const char *name, GError **error)
{
  autofd fd = openat (at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  DIR *directory = fd < 0 ? NULL : fdopendir (fd);
  gboolean ok;

  if (directory == NULL) {
    fail_errno (error, "%s", name);
    return NULL;
  }
  fd_steal (&fd);
  ok = list_directory (directory, names) || fail_errno (error, "%s", name);
  closedir (directory);
  return ok ? g_steal_pointer (&names) : NULL;
}

char *
mounted_read (int at, const char *name, gsize *length, GError **error)
{
  autofd fd = openat (at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  g_autoptr (GString) text = g_string_new (NULL);
  char piece[PIECE];
  gssize got = 0;

  while (fd >= 0 && text->len <= TEXT_LIMIT && (got = read (fd, piece, sizeof piece)) > 0)
    g_string_append_len (text, piece, got);
  if (fd < 0 || got < 0) {
    fail_errno (error, "%s", name);
    return NULL;
  }
  if (text->len > TEXT_LIMIT) {
    fail (error, BACKEND_ERROR_TEXT_TOO_BIG, "%s: more than %d bytes", name, TEXT_LIMIT);
    return NULL;
  }
  if (length != NULL)
    *length = text->len;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
mounted_field (const char *info, const char *key)
{
  gsize length = strlen (key);

  while (info != NULL && *info != '\0') {
    gsize line = strcspn (info, "\n");

    if (line > length + 1 && strncmp (info, key, length) == 0 &&
        strncmp (info + length, ": ", 2) == 0)
      return g_strndup (info + length + 2, line - length - 2);
    info += line + (info[line] == '\n');
  }
  return NULL;
}

gboolean
mounted_field_is (const char *info, const char *key, const char *value)
{
  g_autofree char *found = mounted_field (info, key);

  return g_strcmp0 (found, value) == 0;
}

/* Bytes of the character at @at, when it can be shown; 0: it cannot. */
static gsize
shown_bytes (const char *at, gboolean ascii)
{
  gunichar character = g_utf8_get_char_validated (at, -1);
  GUnicodeType type;

  if (character == (gunichar)-1 || character == (gunichar)-2 || (ascii && character > 0x7e))
    return 0;
  type = g_unichar_type (character);
  if (type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT || type == G_UNICODE_LINE_SEPARATOR ||
      type == G_UNICODE_PARAGRAPH_SEPARATOR)
    return 0;
  return (gsize)(g_utf8_next_char (at) - at);
}

char *
mounted_printable (const char *text, gboolean ascii)
{
  g_autoptr (GString) out = g_string_new (NULL);

  while (*text != '\0') {
    gsize bytes = shown_bytes (text, ascii);

    if (bytes > 0)
      g_string_append_len (out, text, (gssize)bytes);
    else
      g_string_append_printf (out, "%%%02X", (guchar)*text);
    text += MAX (bytes, 1);
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
