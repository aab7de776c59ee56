/* What is inside the images of a domain's disks.
 *
 * Most frozen images hold no snapshot and, being frozen, never will: which those are is remembered
 * by their uuid, so that a picture of thousands of snapshots opens none of their images again.  The
 * others are few and are read each time.
 *
 * Images are gone through from the oldest to the active one, so that ids stay when the active image
 * is frozen.  An image that cannot be read holds none, and that is not remembered. */
#include "inside.h"
#include "../threads.h"
#include "fd.h"
#include "frozen.h"
#include <fcntl.h>
#include <string.h>

#define MAX_CACHED 262144

static Lock cache_lock = LOCK_INIT;
static GHashTable *without_any; /* uuids of frozen images; guarded by cache_lock */

static void
inside_free (gpointer data)
{
  Inside *inside = data;
  g_free (inside->id);
  g_free (inside->path);
  g_free (inside->snapshot.id);
  g_free (inside->snapshot.tag);
  g_free (inside);
}

static void
disk_list_free (gpointer data)
{
  DiskList *list = data;
  g_ptr_array_unref (list->found);
  g_hash_table_unref (list->tags);
  g_free (list);
}

static gboolean
is_without_any (const char *uuid)
{
  autolock held = lock_hold (&cache_lock);
  return without_any && g_hash_table_contains (without_any, uuid);
}

static void
remember_without_any (const char *uuid)
{
  autolock held = lock_hold (&cache_lock);
  if (!without_any)
    without_any = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (g_hash_table_size (without_any) >= MAX_CACHED)
    g_hash_table_remove_all (without_any);
  g_hash_table_add (without_any, g_strdup (uuid));
}

static char *
plain_id (const DiskList *list, const Inside *inside)
{
  return g_strdup_printf (INSIDE_ID_PREFIX "%s:%s:%s", list->disk->target, inside->snapshot.id,
                          inside->snapshot.tag);
}

/* The moment tells snapshots apart that are alike otherwise, in whatever order images are looked
 * into; "MOMENT:2", … are for those that nothing tells apart.  The count goes on, for an image may
 * hold many thousands alike. */
static char *
unused_id (GHashTable *taken, const Inside *inside, const char *plain)
{
  g_autofree char *moment =
      g_strdup_printf ("%s@%" G_GINT64_FORMAT ".%09u", plain, inside->snapshot.created,
                       inside->snapshot.created_nanoseconds);
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (taken, moment)) + 1;
  g_hash_table_replace (taken, g_strdup (moment), GUINT_TO_POINTER (count));
  return count == 1 ? g_steal_pointer (&moment) : g_strdup_printf ("%s:%u", moment, count);
}

/* Once all are known: "PLAIN" where that is unique. */
static void
give_ids (const DiskList *list)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < list->found->len; i++) {
    char *plain = plain_id (list, g_ptr_array_index (list->found, i));
    guint count = GPOINTER_TO_UINT (g_hash_table_lookup (counts, plain)) + 1;
    g_hash_table_replace (counts, plain, GUINT_TO_POINTER (count));
  }
  for (guint i = 0; i < list->found->len; i++) {
    Inside *inside = g_ptr_array_index (list->found, i);
    g_autofree char *plain = plain_id (list, inside);
    gboolean unique = GPOINTER_TO_UINT (g_hash_table_lookup (counts, plain)) == 1;
    inside->id = unique ? g_steal_pointer (&plain) : unused_id (taken, inside, plain);
  }
}

static void
note_number (GHashTable *numbers, Inside *inside)
{
  Inside *same = g_hash_table_lookup (numbers, inside->snapshot.id);
  if (!same)
    g_hash_table_insert (numbers, inside->snapshot.id, inside);
  else
    same->ambiguous = inside->ambiguous = TRUE;
}

static void
note_tag (const DiskList *list, Inside *inside)
{
  Inside *same = g_hash_table_lookup (list->tags, inside->snapshot.tag);
  if (!same)
    g_hash_table_insert (list->tags, inside->snapshot.tag, inside);
  else
    same->tag_repeats = TRUE;
}

/* @numbers: those of the same image so far -> the first Inside that has it. */
static void
list_add (DiskList *list, const char *path, const Qcow2Header *header,
          const Qcow2Snapshot *snapshot, GHashTable *numbers)
{
  Inside *inside = g_new0 (Inside, 1);
  inside->path = g_strdup (path);
  inside->image_size = header->size;
  inside->readable = qcow2_header_is_plain (header);
  inside->snapshot = *snapshot;
  inside->snapshot.id = g_strdup (snapshot->id);
  inside->snapshot.tag = g_strdup (snapshot->tag);
  g_ptr_array_add (list->found, inside);
  note_number (numbers, inside);
  note_tag (list, inside);
}

/* TRUE: it was read, and holds none. */
static gboolean
look_into (const Places *places, DiskList *list, const char *path)
{
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
  g_autoptr (Qcow2Header) header = fd < 0 ? NULL : qcow2_header_read (fd, NULL);
  if (!header)
    return FALSE;
  g_autoptr (GPtrArray) snapshots = qcow2_snapshots_read (fd, header, NULL);
  g_autoptr (GHashTable) numbers = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; snapshots && i < snapshots->len; i++)
    list_add (list, path, header, g_ptr_array_index (snapshots, i), numbers);
  return header->snapshots == 0;
}

static void
look_into_frozen (const Places *places, DiskList *list, const RecordImage *image)
{
  if (!g_str_equal (image->target, list->disk->target) || is_without_any (image->image))
    return;
  g_autofree char *path = frozen_path (places, image);
  if (look_into (places, list, path))
    remember_without_any (image->image);
}

static void
look_into_all_frozen (const Places *places, DiskList *list, const Records *records)
{
  g_autoptr (GPtrArray) sorted = frozen_by_age (records);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < sorted->len; i++) {
    const Record *record = g_ptr_array_index (sorted, i);
    for (guint j = 0; j < record->images->len; j++) {
      const RecordImage *image = g_ptr_array_index (record->images, j);
      if (g_hash_table_add (seen, image->image))
        look_into_frozen (places, list, image);
    }
  }
  for (guint i = 0; i < records->unnamed->len; i++) {
    const RecordImage *image = g_ptr_array_index (records->unnamed, i);
    if (g_hash_table_add (seen, image->image))
      look_into_frozen (places, list, image);
  }
}

static DiskList *
list_disk (const Places *places, const LocalDisk *disk, const Records *records)
{
  DiskList *list = g_new0 (DiskList, 1);
  g_autofree char *path = local_disk_path (disk);
  list->disk = disk;
  list->found = g_ptr_array_new_with_free_func (inside_free);
  list->tags = g_hash_table_new (g_str_hash, g_str_equal);
  if (records)
    look_into_all_frozen (places, list, records);
  if (g_str_equal (disk->format, "qcow2"))
    look_into (places, list, path);
  give_ids (list);
  return list;
}

GPtrArray *
inside_disks (const Places *places, const LocalDomain *domain, const Records *records)
{
  GPtrArray *lists = g_ptr_array_new_with_free_func (disk_list_free);
  for (guint i = 0; i < domain->disks->len; i++)
    g_ptr_array_add (lists, list_disk (places, g_ptr_array_index (domain->disks, i), records));
  return lists;
}
