/* How much waits to be tidied away, and when that is too much. */
#include "backlog.h"
#include "spare.h"
#include "stored.h"

/* For each disk: one that is being folded, and one that waits. */
#define WAITING 2

static guint
count_behind_disk (const Places *places, const Records *records, const LocalDisk *disk)
{
  guint count = 0;
  char *path = local_disk_is_raw (disk) ? NULL : local_disk_path (disk);
  for (guint layer = 0; path && layer < STORED_LAYERS; layer++) {
    g_autofree char *image = path, *file = g_path_get_basename (path);
    count += record_images_have (records->unnamed, file);
    path = stored_behind (places, image);
  }
  g_free (path);
  return count;
}

static guint
count_here (const Records *records)
{
  guint count = 0;
  for (guint i = 0; i < records->unnamed->len; i++)
    count += !record_image_is_elsewhere (g_ptr_array_index (records->unnamed, i));
  return count;
}

static guint
count_behind (const Places *places, const LocalDomain *found, const Records *records)
{
  guint count = 0;
  for (guint i = 0; i < found->disks->len; i++)
    count += count_behind_disk (places, records, g_ptr_array_index (found->disks, i));
  return count;
}

Backlog
backlog_of (const Places *places, const LocalDomain *found, const Records *records)
{
  return (Backlog){ count_here (records), count_behind (places, found, records) };
}

gboolean
backlog_is_due (const Places *places, const LocalDomain *found, const Records *records,
                const Backlog *left)
{
  guint here = count_here (records);
  guint few = left->behind + WAITING * MAX (1, found->disks->len);
  return here >= left->here + SPARE_IMAGES_AT_ONCE ||
         (here >= few && count_behind (places, found, records) >= few);
}
