/* What is inside the images of a domain's disks.
 *
 * Most frozen images hold no snapshot and, being frozen, never will: that is noted, so that a
 * picture of thousands of snapshots opens none of their images again.  The others are few and are
 * read each time.
 *
 * Images are gone through from the oldest to the active one, so that ids stay when the active image
 * is frozen.  An image that cannot be read holds none, and that is not remembered. */
#include "inside.h"
#include "fd.h"
#include "frozen.h"
#include <fcntl.h>
#include <string.h>

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

/* A tag may be chosen to look like what is made up here. */
static char *
new_id (GHashTable *taken, GHashTable *plains, const Inside *inside, const char *plain)
{
  char *id = unused_id (taken, inside, plain);
  while (g_hash_table_contains (plains, id)) {
    g_free (id);
    id = unused_id (taken, inside, plain);
  }
  return id;
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
    inside->id = unique ? g_steal_pointer (&plain) : new_id (taken, counts, inside, plain);
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

/* @numbers: those of the same image so far -> the first Inside that has it.  @tags: its tags. */
static void
list_add (DiskList *list, const char *path, const Qcow2Header *header,
          const Qcow2Snapshot *snapshot, GHashTable *numbers, GHashTable *tags)
{
  Inside *inside = g_new0 (Inside, 1);
  inside->path = g_strdup (path);
  inside->image_size = header->size;
  inside->readable = qcow2_header_is_plain (header);
  inside->snapshot = *snapshot;
  inside->snapshot.id = g_strdup (snapshot->id);
  inside->snapshot.tag = g_strdup (snapshot->tag);
  g_ptr_array_add (list->found, inside);
  inside->behind = !g_hash_table_add (tags, inside->snapshot.tag);
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
  g_autoptr (GHashTable) tags = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; snapshots && i < snapshots->len; i++)
    list_add (list, path, header, g_ptr_array_index (snapshots, i), numbers, tags);
  return header->snapshots == 0;
}

/* @seen: uuids; several snapshots may be of one image. */
static void
look_into_frozen (const Places *places, DiskList *list, const GPtrArray *images, GHashTable *seen)
{
  for (guint i = 0; i < images->len; i++) {
    RecordImage *image = g_ptr_array_index (images, i);
    if (image->raw || g_atomic_int_get (&image->plain) ||
        !g_str_equal (image->target, list->disk->target) || !g_hash_table_add (seen, image->image))
      continue;
    g_autofree char *path = frozen_path (places, image);
    if (look_into (places, list, path))
      g_atomic_int_set (&image->plain, TRUE);
  }
}

/* Those to look into, the oldest first. */
static GPtrArray *
records_to_read (const Records *records)
{
  GPtrArray *left = g_ptr_array_new ();
  TableIter iter = { records->unread };
  gpointer record;
  while (table_next (&iter, &record))
    if (record_is_unread (record))
      g_ptr_array_add (left, record);
  frozen_sort_by_age (left);
  return left;
}

static void
look_into_all_frozen (const Places *places, DiskList *list, const Records *records)
{
  g_autoptr (GPtrArray) left = records_to_read (records);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < left->len; i++)
    look_into_frozen (places, list, ((const Record *)g_ptr_array_index (left, i))->images, seen);
  look_into_frozen (places, list, records->unnamed, seen);
  look_into_frozen (places, list, records->kept, seen);
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
