/* Who uses a mount, from /proc.
 *
 * Only the names of what processes hold are read: a stat of it would ask the mount itself, which
 * may not answer. */
#include "in-the-way.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#define NAMED 5 /* that many are enough to know what to do */

typedef struct {
  const char *path;
  GString *words;
  guint found;
} Search;

static gboolean
is_in (const char *name, const char *path)
{
  gsize length = strlen (path);

  return strncmp (name, path, length) == 0 && (name[length] == '/' || name[length] == '\0');
}

static gboolean
leads_into (const char *link, const char *path)
{
  g_autofree char *target = g_file_read_link (link, NULL);

  return target != NULL && is_in (target, path);
}

static gboolean
has_open (const char *process, const char *path)
{
  g_autofree char *name = g_build_filename (process, "fd", NULL);
  GDir *directory = g_dir_open (name, 0, NULL);
  const char *entry;
  gboolean found = FALSE;

  while (directory != NULL && !found && (entry = g_dir_read_name (directory)) != NULL) {
    g_autofree char *link = g_build_filename (name, entry, NULL);

    found = leads_into (link, path);
  }
  g_clear_pointer (&directory, g_dir_close);
  return found;
}

static gboolean
has_mapped (const char *process, const char *path)
{
  g_autofree char *name = g_build_filename (process, "maps", NULL);
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean found = FALSE;

  if (!g_file_get_contents (name, &maps, NULL, NULL))
    return FALSE;
  lines = g_strsplit (maps, "\n", -1);
  for (char **line = lines; *line != NULL && !found; line++) {
    const char *file = strchr (*line, '/');

    found = file != NULL && is_in (file, path);
  }
  return found;
}

/* NULL: nothing. */
static const char *
what_it_uses (const char *process, const char *path)
{
  g_autofree char *cwd = g_build_filename (process, "cwd", NULL);
  g_autofree char *root = g_build_filename (process, "root", NULL);

  if (leads_into (cwd, path))
    return "whose working directory is in it";
  if (has_open (process, path))
    return "which has something in it open";
  if (has_mapped (process, path))
    return "which has something in it mapped";
  return leads_into (root, path) ? "whose root directory is in it" : NULL;
}

static void
look_at (Search *search, const char *id)
{
  g_autofree char *process = g_build_filename ("/proc", id, NULL);
  g_autofree char *file = g_build_filename (process, "comm", NULL);
  const char *use = what_it_uses (process, search->path);
  g_autofree char *name = NULL;

  if (use == NULL || search->found++ >= NAMED)
    return;
  if (g_file_get_contents (file, &name, NULL, NULL))
    g_strchomp (name);
  g_string_append_printf (search->words, "%s%s (%s), %s", search->found > 1 ? "; " : "",
                          name != NULL ? name : "a process", id, use);
}

char *
in_the_way (const char *path)
{
  g_autoptr (GString) words = g_string_new (NULL);
  Search search = { .path = path, .words = words };
  GDir *processes = g_dir_open ("/proc", 0, NULL);
  const char *id;

  while (processes != NULL && (id = g_dir_read_name (processes)) != NULL)
    if (g_ascii_isdigit (id[0]) && g_ascii_strtoll (id, NULL, 10) != getpid ())
      look_at (&search, id);
  g_clear_pointer (&processes, g_dir_close);
  if (search.found > NAMED)
    g_string_append_printf (words, "; and %u more", search.found - NAMED);
  return search.found > 0 ? g_string_free (g_steal_pointer (&words), FALSE) : NULL;
}
