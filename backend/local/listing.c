/* What is in a directory, as names that stay as they are while their files are changed. */
#include "listing.h"
#include "fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

static gint
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* FALSE: errno says why. */
static gboolean
read_names (int fd, GPtrArray *names)
{
  int copy = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = copy < 0 ? NULL : fdopendir (copy);
  if (!directory) {
    fd_close_pointer (&copy);
    return FALSE;
  }
  errno = 0;
  for (const struct dirent *entry; (entry = readdir (directory)); errno = 0)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      g_ptr_array_add (names, g_strdup (entry->d_name));
  int wrong = errno;
  closedir (directory);
  errno = wrong;
  return wrong == 0;
}

GPtrArray *
listing_of (int fd, const char *what, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  if (!read_names (fd, names)) {
    fail_errno (error, "reading %s", what);
    return NULL;
  }
  g_ptr_array_sort (names, compare);
  return g_steal_pointer (&names);
}
