/* When images lose their names faster than they are tidied away. */
#include "change.h"
#include "spare.h"
#include "stored.h"
#include "tidy.h"

/* For each disk: one that is being folded, and one that waits. */
#define BACKLOG 2

/* How many images without a name the disk is read through. */
static guint
unnamed_behind (const Places *places, const Records *records, const LocalDisk *disk)
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
unnamed_here (const Records *records)
{
  guint count = 0;
  for (guint i = 0; i < records->unnamed->len; i++)
    count += !record_image_is_elsewhere (g_ptr_array_index (records->unnamed, i));
  return count;
}

/* A chain must not grow; what no disk is read through can wait until there is enough of it: that is
 * unlinked at the price of one. */
static gboolean
is_behind (const Change *change)
{
  g_autoptr (Records) records = state_records (change->store, change->state, NULL);
  const GPtrArray *disks = change->found->disks;
  guint left = change->state->stuck, behind = 0;
  guint few = left + BACKLOG * MAX (1, disks->len), here = records ? unnamed_here (records) : 0;
  for (guint i = 0; here >= few && i < disks->len; i++)
    behind += unnamed_behind (change->store->places, records, g_ptr_array_index (disks, i));
  return behind >= few || here >= left + SPARE_IMAGES_AT_ONCE;
}

void
change_catch_up (Change *change)
{
  if (is_behind (change))
    tidy_now (change->store, change->state, FALSE);
}
