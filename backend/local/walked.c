/* The statuses of frozen images by directory and name. */
#include "walked.h"
#include "../threads.h"
#include "backing.h"
#include "frozen.h"
#include <string.h>

#define MAX_REMEMBERED 65536

typedef struct {
  guint64 device; /* of the directory */
  guint64 inode;
  const char *name;
} Key;

typedef struct {
  Key key;
  guint64 number;
  struct stat status;
  char name[];
} Walked;

static Lock walked_lock = LOCK_INIT;
static GHashTable *walked; /* set of Walked, whose first member is its key; guarded by the lock */

static guint
key_hash (gconstpointer data)
{
  const Key *key = data;
  return g_str_hash (key->name) ^ (guint)(key->inode * 31 + key->device);
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  const Key *one = a, *other = b;
  return one->inode == other->inode && one->device == other->device &&
         strcmp (one->name, other->name) == 0;
}

static Key
key_of (const struct stat *directory, const char *name)
{
  return (Key){ directory->st_dev, directory->st_ino, name };
}

static gboolean
is_to_stay (const char *name, guint64 number, const struct stat *status)
{
  gboolean raw;
  return frozen_is_name (name, &raw) && number == status->st_ino &&
         (status->st_mode & WRITE_BITS) == 0 && backing_is_settled (status);
}

static void
forget (const Key *key)
{
  autolock held = lock_hold (&walked_lock);
  if (walked)
    g_hash_table_remove (walked, key);
}

void
walked_remember (const struct stat *directory, const char *name, guint64 number,
                 const struct stat *status)
{
  gsize size = strlen (name) + 1;
  if (!is_to_stay (name, number, status)) {
    const Key key = key_of (directory, name);
    forget (&key);
    return;
  }
  Walked *made = g_malloc (sizeof *made + size);
  memcpy (made->name, name, size);
  made->key = key_of (directory, made->name);
  made->number = number;
  made->status = *status;
  autolock held = lock_hold (&walked_lock);
  if (!walked)
    walked = g_hash_table_new_full (key_hash, key_equal, g_free, NULL);
  if (g_hash_table_size (walked) >= MAX_REMEMBERED)
    g_hash_table_remove_all (walked);
  g_hash_table_replace (walked, made, made);
}

gboolean
walked_recall (const struct stat *directory, const char *name, guint64 number, struct stat *status)
{
  Key key = key_of (directory, name);
  autolock held = lock_hold (&walked_lock);
  const Walked *found = walked ? g_hash_table_lookup (walked, &key) : NULL;
  if (!found || found->number != number)
    return FALSE;
  *status = found->status;
  return TRUE;
}

void
walked_forget (int directory, const char *name)
{
  struct stat status;
  if (fstat (directory, &status) < 0)
    return;
  const Key key = key_of (&status, name);
  forget (&key);
}
