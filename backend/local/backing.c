/* The backing files of images, remembered by the identity of the file that says so.
 *
 * Who reads whom is asked of the whole store at once, and nearly all of it is as it was: so a
 * header is read once, and what is no image is remembered too.  A file whose times or size changed
 * is another one; one that changed a moment ago is not remembered at all. */
#include "backing.h"
#include "../qcow2/header.h"
#include "../threads.h"
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_CACHED 65536
#define NO_IMAGE "" /* the empty name is no image's */

/* A file that was changed more recently than this may change again within the resolution of its
 * times. */
#define SETTLED_NANOSECONDS (G_GINT64_CONSTANT (100) * 1000 * 1000)

/* A file as it was at one time. */
typedef struct {
  guint64 device;
  guint64 inode;
  gint64 size;
  gint64 modified;
  gint64 changed;
} Identity;

static Lock cache_lock = LOCK_INIT;
static GHashTable *cache; /* Identity -> backing name, NULL or NO_IMAGE; guarded by cache_lock */

static gint64
nanoseconds (const struct timespec *time)
{
  return (gint64)time->tv_sec * 1000000000 + time->tv_nsec;
}

static Identity
identity_of (const struct stat *status)
{
  return (Identity){ status->st_dev, status->st_ino, status->st_size,
                     nanoseconds (&status->st_mtim), nanoseconds (&status->st_ctim) };
}

static guint
identity_hash (gconstpointer data)
{
  const Identity *identity = data;
  guint64 mixed = (identity->inode * 31 + identity->device) * 31 + (guint64)identity->changed;
  return (guint)(mixed ^ mixed >> 32);
}

static gboolean
identity_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (Identity)) == 0;
}

static Backing
backing_from (const char *value)
{
  gboolean image = g_strcmp0 (value, NO_IMAGE) != 0;
  return (Backing){ image, image ? g_strdup (value) : NULL };
}

gboolean
backing_recall (const struct stat *status, Backing *backing)
{
  Identity identity = identity_of (status);
  autolock held = lock_hold (&cache_lock);
  gpointer value = NULL;
  if (!cache || !g_hash_table_lookup_extended (cache, &identity, NULL, &value))
    return FALSE;
  *backing = backing_from (value);
  return TRUE;
}

gboolean
backing_is_settled (const struct stat *status)
{
  struct timespec now;
  clock_gettime (CLOCK_REALTIME, &now);
  return nanoseconds (&now) - nanoseconds (&status->st_ctim) >= SETTLED_NANOSECONDS;
}

/* @value: as the cache holds it. */
static void
remember (const struct stat *status, const char *value)
{
  Identity identity = identity_of (status);
  if (!backing_is_settled (status))
    return;
  autolock held = lock_hold (&cache_lock);
  if (!cache)
    cache = g_hash_table_new_full (identity_hash, identity_equal, g_free, g_free);
  if (g_hash_table_size (cache) >= MAX_CACHED)
    g_hash_table_remove_all (cache);
  g_hash_table_replace (cache, g_memdup2 (&identity, sizeof identity), g_strdup (value));
}

static gboolean
read_magic (int fd, gboolean *has, GError **error)
{
  char magic[4];
  gssize got;
  do
    got = pread (fd, magic, sizeof magic, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return fail_errno (error, "reading the header");
  *has = got == sizeof magic && memcmp (magic, "QFI\xfb", 4) == 0;
  return TRUE;
}

gboolean
backing_read (int fd, Backing *backing, GError **error)
{
  struct stat status;
  gboolean image = FALSE;
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "reading the header");
  if (!read_magic (fd, &image, error))
    return FALSE;
  g_autoptr (Qcow2Header) header = image ? qcow2_header_read (fd, error) : NULL;
  if (image && !header)
    return FALSE;
  const char *value = image ? header->backing : NO_IMAGE;
  remember (&status, value);
  *backing = backing_from (value);
  return TRUE;
}
