/* What the images of a chain take, for st_blocks.
 *
 * The sum behind a frozen image does not change (folding two images makes it smaller, and at most
 * is all that it has to be), so it is remembered by the image's path: a picture of thousands of
 * snapshots asks each image once. */
#include "stored.h"
#include "../threads.h"
#include "backing.h"
#include "fd.h"
#include "file-names.h"
#include <fcntl.h>
#include <string.h>

#define MAX_CACHED 65536

static Lock cache_lock = LOCK_INIT;
static GHashTable *cache; /* path -> guint64 *; guarded by cache_lock */

static gboolean
recall (const char *path, guint64 *sum)
{
  autolock held = lock_hold (&cache_lock);
  const guint64 *known = cache ? g_hash_table_lookup (cache, path) : NULL;
  if (known)
    *sum = *known;
  return known != NULL;
}

static void
remember (const char *path, guint64 sum)
{
  autolock held = lock_hold (&cache_lock);
  if (!cache)
    cache = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (g_hash_table_size (cache) >= MAX_CACHED)
    g_hash_table_remove_all (cache);
  g_hash_table_replace (cache, g_strdup (path), g_memdup2 (&sum, sizeof sum));
}

static gboolean
is_frozen (const char *path)
{
  g_autofree char *file = g_path_get_basename (path);
  return g_str_has_prefix (file, IMAGE_PREFIX);
}

/* What one file takes; *@next: the path of what is behind it, or NULL.  FALSE: that is not known.
 */
static gboolean
look_at (const Places *places, const char *path, gboolean raw, guint64 *bytes, char **next)
{
  struct stat status;
  Backing backing = { 0 };
  *next = NULL;
  *bytes = 0;
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
  if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode))
    return FALSE;
  *bytes = (guint64)status.st_blocks * 512;
  if (raw)
    return TRUE;
  if (!backing_recall (&status, &backing) && !backing_read (fd, &backing, NULL))
    return FALSE;
  if (backing.name) {
    g_autofree char *directory = g_path_get_dirname (path);
    *next = places_absolute (directory, backing.name);
  }
  g_free (backing.name);
  return TRUE;
}

char *
stored_behind (const Places *places, const char *path)
{
  guint64 bytes;
  char *next;
  look_at (places, path, FALSE, &bytes, &next);
  return next;
}

guint64
stored_bytes (const Places *places, const char *path, gboolean raw)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) own = g_array_new (FALSE, FALSE, sizeof (guint64));
  guint64 sum = 0;
  gboolean all = TRUE; /* of it was looked at */
  for (char *at = g_strdup (path), *next; at; at = next) {
    g_ptr_array_add (paths, at);
    if (recall (at, &sum) || paths->len > STORED_LAYERS)
      break;
    guint64 bytes;
    all &= look_at (places, at, raw, &bytes, &next);
    g_array_append_val (own, bytes);
  }
  for (guint i = own->len; i > 0; i--) {
    sum += g_array_index (own, guint64, i - 1);
    if (all && is_frozen (g_ptr_array_index (paths, i - 1)))
      remember (g_ptr_array_index (paths, i - 1), sum);
  }
  return sum;
}
