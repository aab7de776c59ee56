/* Where frozen images are, and which came first.
 *
 * Records know how a directory is spelled and not what that means, and places know nothing of
 * records; this is the one home of what needs both.  Whether an image is really there is not asked
 * here. */
#include "frozen.h"
#include <string.h>

char *
frozen_path (const Places *places, const RecordImage *image)
{
  g_autofree char *directory = places_resolve (places, image->directory);
  g_autofree char *file = record_image_file (image);
  return g_build_filename (directory, file, NULL);
}

static gint
compare_age (gconstpointer a, gconstpointer b)
{
  const Record *one = *(const Record *const *)a, *other = *(const Record *const *)b;
  if (one->created != other->created)
    return one->created < other->created ? -1 : 1;
  return strcmp (one->uuid, other->uuid);
}

GPtrArray *
frozen_by_age (const Records *records)
{
  GPtrArray *sorted = g_ptr_array_sized_new (g_hash_table_size (records->records));
  GHashTableIter iterator;
  gpointer record;
  g_hash_table_iter_init (&iterator, records->records);
  while (g_hash_table_iter_next (&iterator, NULL, &record))
    g_ptr_array_add (sorted, record);
  g_ptr_array_sort (sorted, compare_age);
  return sorted;
}
