/* What is in a directory, as it is at one time: names stay as they are while their files change. */
#include "listing.h"
#include "fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define NAMES_AT_ONCE 16384 /* bytes; names of thousands of images are long */

static Listing *
listing_new (void)
{
  Listing *listing = g_new (Listing, 1);
  listing->entries = g_array_new (FALSE, FALSE, sizeof (ListingEntry));
  listing->names = g_string_chunk_new (NAMES_AT_ONCE);
  return listing;
}

void
listing_free (Listing *listing)
{
  g_array_unref (listing->entries);
  g_string_chunk_free (listing->names);
  g_free (listing);
}

static void
add_entry (Listing *listing, const struct dirent *entry)
{
  if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
    return;
  const ListingEntry added = { g_string_chunk_insert (listing->names, entry->d_name), entry->d_ino,
                               entry->d_type };
  g_array_append_val (listing->entries, added);
}

static gboolean
read_entries (int fd, Listing *listing, const char *what, Job *job, GError **error)
{
  int copy = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = copy < 0 ? NULL : fdopendir (copy);
  if (!directory) {
    fd_close_pointer (&copy);
    return fail_errno (error, "reading %s", what);
  }
  gboolean cancelled = FALSE;
  errno = 0;
  for (const struct dirent *entry; !cancelled && (entry = readdir (directory)); errno = 0) {
    add_entry (listing, entry);
    cancelled = job && job_cancelled (job, error);
  }
  int wrong = errno;
  closedir (directory);
  errno = wrong;
  return !cancelled && (wrong == 0 || fail_errno (error, "reading %s", what));
}

Listing *
listing_read (int fd, const char *what, Job *job, GError **error)
{
  g_autoptr (Listing) listing = listing_new ();
  return read_entries (fd, listing, what, job, error) ? g_steal_pointer (&listing) : NULL;
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
listing_of (int fd, const char *what, GError **error)
{
  g_autoptr (Listing) listing = listing_read (fd, what, NULL, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  if (!listing)
    return NULL;
  for (guint i = 0; i < listing->entries->len; i++)
    g_ptr_array_add (names, g_strdup (g_array_index (listing->entries, ListingEntry, i).name));
  g_ptr_array_sort (names, compare);
  return g_steal_pointer (&names);
}
