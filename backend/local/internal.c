/* Snapshots inside images, as a domain's own.
 *
 * Most frozen images hold none and, being frozen, never will: which those are is remembered by
 * their uuid, so that a picture of thousands of snapshots opens none of their images again.  The
 * others are few and are read each time.
 *
 * Images are gone through from the oldest to the active one, so that ids stay when the active image
 * is frozen. */
#include "internal.h"
#include "../qcow2/snapshots.h"
#include "../threads.h"
#include "../xml.h"
#include "fd.h"
#include <fcntl.h>
#include <string.h>

#define ID_PREFIX "i:"
#define MAX_CACHED 262144

static Lock cache_lock = LOCK_INIT;
static GHashTable *without_any; /* uuids of frozen images; guarded by cache_lock */

/* One snapshot in one image. */
typedef struct {
  char *id;
  char *directory;
  char *file;
  Qcow2Snapshot snapshot;
} Inside;

/* What one disk's images hold. */
typedef struct {
  const LocalDisk *disk;
  GPtrArray *found; /* of Inside */
  GHashTable *ids;  /* those in use */
  GHashTable *tags; /* tag -> how often it is there */
} DiskList;

gboolean
internal_is_id (const char *id)
{
  return g_str_has_prefix (id, ID_PREFIX);
}

static void
inside_free (gpointer data)
{
  Inside *inside = data;
  g_free (inside->id);
  g_free (inside->directory);
  g_free (inside->file);
  g_free (inside->snapshot.id);
  g_free (inside->snapshot.tag);
  g_free (inside);
}

static void
disk_list_free (DiskList *list)
{
  g_ptr_array_unref (list->found);
  g_hash_table_unref (list->ids);
  g_hash_table_unref (list->tags);
  g_free (list);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DiskList, disk_list_free)

static void
disk_list_release (gpointer list)
{
  disk_list_free (list);
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
unused_id (const DiskList *list, const Qcow2Snapshot *snapshot)
{
  g_autofree char *plain =
      g_strdup_printf (ID_PREFIX "%s:%s:%s", list->disk->target, snapshot->id, snapshot->tag);
  char *id = g_strdup (plain);
  for (guint i = 2; g_hash_table_contains (list->ids, id); i++) {
    g_free (id);
    id = g_strdup_printf ("%s:%u", plain, i);
  }
  return id;
}

static void
list_add (DiskList *list, const char *directory, const char *file, const Qcow2Snapshot *snapshot)
{
  Inside *inside = g_new0 (Inside, 1);
  inside->id = unused_id (list, snapshot);
  inside->directory = g_strdup (directory);
  inside->file = g_strdup (file);
  inside->snapshot = *snapshot;
  inside->snapshot.id = g_strdup (snapshot->id);
  inside->snapshot.tag = g_strdup (snapshot->tag);
  g_ptr_array_add (list->found, inside);
  g_hash_table_add (list->ids, inside->id);
  guint before = GPOINTER_TO_UINT (g_hash_table_lookup (list->tags, inside->snapshot.tag));
  g_hash_table_replace (list->tags, inside->snapshot.tag, GUINT_TO_POINTER (before + 1));
}

/* TRUE: it was read, and holds none. */
static gboolean
look_into (const Places *places, DiskList *list, const char *directory, const char *file)
{
  g_autofree char *path = g_build_filename (directory, file, NULL);
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
  g_autoptr (Qcow2Header) header = fd < 0 ? NULL : qcow2_header_read (fd, NULL);
  if (!header)
    return FALSE;
  g_autoptr (GPtrArray) snapshots = qcow2_snapshots_read (fd, header, NULL);
  for (guint i = 0; snapshots && i < snapshots->len; i++)
    list_add (list, directory, file, g_ptr_array_index (snapshots, i));
  return header->snapshots == 0;
}

static void
look_into_frozen (const Places *places, DiskList *list, const RecordImage *image)
{
  if (!g_str_equal (image->target, list->disk->target) || is_without_any (image->image))
    return;
  g_autofree char *directory = places_resolve (places, image->directory);
  g_autofree char *file = record_image_file (image);
  if (look_into (places, list, directory, file))
    remember_without_any (image->image);
}

static gint
compare_age (gconstpointer a, gconstpointer b)
{
  const Record *one = *(const Record *const *)a, *other = *(const Record *const *)b;
  if (one->created != other->created)
    return one->created < other->created ? -1 : 1;
  return strcmp (one->uuid, other->uuid);
}

static GPtrArray *
records_by_age (const Records *records)
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

static void
look_into_all_frozen (const Places *places, DiskList *list, const Records *records)
{
  g_autoptr (GPtrArray) sorted = records_by_age (records);
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
  list->disk = disk;
  list->found = g_ptr_array_new_with_free_func (inside_free);
  list->ids = g_hash_table_new (g_str_hash, g_str_equal);
  list->tags = g_hash_table_new (g_str_hash, g_str_equal);
  if (records)
    look_into_all_frozen (places, list, records);
  if (g_str_equal (disk->format, "qcow2"))
    look_into (places, list, disk->directory, disk->file);
  return list;
}

/* ---- as snapshots of the domain ---- */

static void
add_part (Snapshot *snapshot, const DiskList *list, const Inside *inside)
{
  g_autofree char *path = g_build_filename (inside->directory, inside->file, NULL);
  g_autofree char *xml = xml_disk (list->disk->target, "qcow2", path);
  g_ptr_array_add (snapshot->disks, disk_new (list->disk->target, inside->snapshot.disk_size, xml));
  if (inside->snapshot.vm_state_size > 0 || !snapshot->state) {
    g_free (snapshot->state);
    snapshot->state = g_strdup (inside->snapshot.vm_state_size > 0 ? "running" : "shutoff");
  }
}

static const Inside *
find_tag (const DiskList *list, const char *tag)
{
  for (guint i = 0; i < list->found->len; i++) {
    const Inside *inside = g_ptr_array_index (list->found, i);
    if (g_str_equal (inside->snapshot.tag, tag))
      return inside;
  }
  return NULL;
}

static gboolean
tag_is_unique (const GPtrArray *lists, const char *tag)
{
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    if (g_hash_table_lookup (list->tags, tag) != GUINT_TO_POINTER (1))
      return FALSE;
  }
  return *tag != '\0';
}

static Snapshot *
snapshot_of (const GPtrArray *lists, const DiskList *list, const Inside *inside, gboolean whole)
{
  Snapshot *snapshot = snapshot_new (inside->id, inside->snapshot.tag);
  snapshot->mark = g_strdup (inside->snapshot.id);
  snapshot->created = snapshot->changed = inside->snapshot.created;
  add_part (snapshot, list, inside);
  for (guint i = 0; whole && i < lists->len; i++) {
    const DiskList *other = g_ptr_array_index (lists, i);
    if (other != list)
      add_part (snapshot, other, find_tag (other, inside->snapshot.tag));
  }
  /* A domain is only ever reverted as a whole. */
  snapshot->can = snapshot->disks->len == lists->len ? CAN_REVERT : 0;
  return snapshot;
}

static void
snapshot_release (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

GPtrArray *
internal_list (const Places *places, const LocalDomain *domain, const Records *records)
{
  g_autoptr (GPtrArray) lists = g_ptr_array_new_with_free_func (disk_list_release);
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (snapshot_release);
  for (guint i = 0; i < domain->disks->len; i++)
    g_ptr_array_add (lists, list_disk (places, g_ptr_array_index (domain->disks, i), records));
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    for (guint j = 0; j < list->found->len; j++) {
      const Inside *inside = g_ptr_array_index (list->found, j);
      gboolean whole = lists->len > 1 && tag_is_unique (lists, inside->snapshot.tag);
      if (!whole || i == 0) /* those of several disks stand with the first */
        g_ptr_array_add (snapshots, snapshot_of (lists, list, inside, whole));
    }
  }
  return snapshots;
}

/* ---- for reverting ---- */

/* The entry that is @id, or that has its tag when @id is another disk's. */
static const Inside *
find_id (const DiskList *list, const char *id)
{
  g_auto (GStrv) parts = g_strsplit (id, ":", 4);
  if (g_strv_length (parts) < 4)
    return NULL;
  for (guint i = 0; i < list->found->len; i++) {
    const Inside *inside = g_ptr_array_index (list->found, i);
    if (g_str_equal (inside->id, id))
      return inside;
  }
  if (g_str_equal (parts[1], list->disk->target) ||
      g_hash_table_lookup (list->tags, parts[3]) != GUINT_TO_POINTER (1))
    return NULL;
  return find_tag (list, parts[3]);
}

gboolean
internal_locate (const Places *places, const LocalDisk *disk, const Records *records,
                 const char *id, char **file, char **number, GError **error)
{
  g_autoptr (DiskList) list = list_disk (places, disk, records);
  const Inside *inside = find_id (list, id);
  if (!inside)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "no image of %s has this snapshot", disk->target);
  if (!g_str_equal (inside->directory, disk->directory))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s was in %s when the snapshot was taken: its image is still there", disk->target,
                 inside->directory);
  *file = g_strdup (inside->file);
  *number = g_strdup (inside->snapshot.id);
  return TRUE;
}

gboolean
internal_image_size (int directory, const char *file, guint64 *size, GError **error)
{
  autofd fd = openat (directory, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return fail_errno (error, "%s", file);
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header) {
    g_prefix_error (error, "%s: ", file);
    return FALSE;
  }
  *size = header->size;
  return TRUE;
}
