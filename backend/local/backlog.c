/* How much waits to be tidied away, and when that is too much. */
#include "backlog.h"
#include "frozen.h"
#include "method.h"
#include "spare.h"
#include "storage.h"
#include "stored.h"

/* For each disk: one that is being folded, and one that waits. */
#define WAITING 2
#define MANY_ELSEWHERE 16

/* The files of those that are here; of char *, which it frees. */
static GHashTable *
files_here (const Records *records)
{
  GHashTable *files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < records->unnamed->len; i++) {
    const RecordImage *image = g_ptr_array_index (records->unnamed, i);
    if (!record_image_is_elsewhere (image))
      g_hash_table_add (files, record_image_file (image));
  }
  return files;
}

/* A raw image is the last: what its bytes look like is the guest's to choose. */
static guint
count_behind_disk (const Places *places, GHashTable *files, const LocalDisk *disk)
{
  guint count = 0;
  gboolean raw = local_disk_is_raw (disk);
  char *path = raw ? NULL : local_disk_path (disk);
  for (guint layer = 0; path && layer < STORED_LAYERS; layer++) {
    g_autofree char *image = path, *file = g_path_get_basename (path);
    count += g_hash_table_contains (files, file);
    path = frozen_is_name (file, &raw) && raw ? NULL : stored_behind (places, image);
  }
  g_free (path);
  return count;
}

/* Most often there are none, and chains are long. */
static guint
count_behind (const Places *places, const LocalDomain *found, GHashTable *files)
{
  guint count = 0;
  for (guint i = 0; g_hash_table_size (files) > 0 && i < found->disks->len; i++)
    count += count_behind_disk (places, files, g_ptr_array_index (found->disks, i));
  return count;
}

gboolean
backlog_may_wait_for (const RecordImage *image)
{
  return record_image_is_elsewhere (image) && image->method->storage->ends;
}

static guint
count_elsewhere (const Records *records)
{
  guint count = 0;
  for (guint i = 0; i < records->unnamed->len; i++)
    count += backlog_may_wait_for (g_ptr_array_index (records->unnamed, i));
  return count;
}

Backlog
backlog_of (const Places *places, const LocalDomain *found, const Records *records)
{
  g_autoptr (GHashTable) files = files_here (records);
  return (Backlog){ g_hash_table_size (files), count_behind (places, found, files),
                    count_elsewhere (records) };
}

gboolean
backlog_is_due_elsewhere (const Records *records, const Backlog *left)
{
  return count_elsewhere (records) >= left->elsewhere + MANY_ELSEWHERE;
}

gboolean
backlog_is_due (const Places *places, const LocalDomain *found, const Records *records,
                const Backlog *left)
{
  g_autoptr (GHashTable) files = files_here (records);
  guint here = g_hash_table_size (files);
  guint few = left->behind + WAITING * MAX (1, found->disks->len);
  return backlog_is_due_elsewhere (records, left) || here >= left->here + SPARE_IMAGES_AT_ONCE ||
         (here >= few && count_behind (places, found, files) >= few);
}
