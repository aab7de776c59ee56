/* Snapshots inside images, as a domain's own: which of them make one, and what can be done with it.
 *
 * What the images hold comes from inside.c.  The one rule of what can be reverted to serves both
 * who lists and who reverts. */
#include "internal.h"
#include "../xml.h"
#include "fd.h"
#include "inside.h"
#include "stored.h"
#include <fcntl.h>
#include <string.h>

gboolean
internal_is_id (const char *id)
{
  return g_str_has_prefix (id, INSIDE_ID_PREFIX);
}

/* Whether every disk has it once, so that it is one snapshot of them all. */
static gboolean
tag_is_shared (const GPtrArray *lists, const char *tag)
{
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    const Inside *first = g_hash_table_lookup (list->tags, tag);
    if (!first || first->tag_repeats)
      return FALSE;
  }
  return *tag != '\0' && lists->len > 1;
}

/* What the disk @list holds of the snapshot that @inside of the disk @home stands for; NULL:
 * nothing.
 */
static const Inside *
part_of (const GPtrArray *lists, const DiskList *home, const Inside *inside, const DiskList *list)
{
  if (list == home)
    return inside;
  return tag_is_shared (lists, inside->snapshot.tag)
             ? g_hash_table_lookup (list->tags, inside->snapshot.tag)
             : NULL;
}

/* One of several disks stands for them all: the first. */
static gboolean
is_shown (const GPtrArray *lists, const DiskList *list, const Inside *inside)
{
  return list == g_ptr_array_index (lists, 0) || !tag_is_shared (lists, inside->snapshot.tag);
}

static gboolean
check_number (const LocalDisk *disk, const Inside *part, GError **error)
{
  const char *number = part->snapshot.id;
  if (*number == '\0' || strspn (number, G_CSET_DIGITS) != strlen (number))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the snapshot's ID in the image of %s is no number", disk->target);
  if (part->ambiguous)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the image of %s has more than one snapshot with the ID %s: which one is meant "
                 "cannot be said to qemu-img",
                 disk->target, number);
  return TRUE;
}

/* Whether the bytes of one disk can be had.  qemu-img reads a snapshot as large as its image is
 * now: what a smaller one cuts off would be lost without a word. */
static gboolean
check_part (const LocalDisk *disk, const Inside *part, GError **error)
{
  g_autofree char *directory = NULL;
  /* A domain is only ever reverted as a whole. */
  if (!part)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s has no part in this snapshot: a domain is only reverted as a whole",
                 disk->target);
  directory = g_path_get_dirname (part->path);
  if (!g_str_equal (directory, disk->directory))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s was in %s when the snapshot was taken: its image is still there", disk->target,
                 directory);
  if (part->snapshot.disk_size > part->image_size)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the image of %s was made smaller since the snapshot: its end cannot be read",
                 disk->target);
  return check_number (disk, part, error);
}

/* The one rule of what can be reverted to. */
static gboolean
check_revert (const GPtrArray *lists, const DiskList *home, const Inside *inside, GError **error)
{
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    if (!check_part (list->disk, part_of (lists, home, inside, list), error))
      return FALSE;
  }
  return TRUE;
}

/* Whether QEMU, which looks for the tag, would take this one out of its image. */
static gboolean
check_can_go (const DiskList *list, const Inside *part, GError **error)
{
  if (*part->snapshot.tag != '\0' && !part->behind)
    return TRUE;
  return fail (error, BACKEND_ERROR_UNSUPPORTED,
               "the image of %s holds another snapshot of this tag, or it has none: qemu-img can "
               "only be told the tag",
               list->disk->target);
}

/* The one rule of what can be discarded. */
static gboolean
check_discard (const GPtrArray *lists, const DiskList *home, const Inside *inside, GError **error)
{
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    const Inside *part = part_of (lists, home, inside, list);
    if (part && !check_can_go (list, part, error))
      return FALSE;
  }
  return TRUE;
}

static void
add_part (const Places *places, Snapshot *snapshot, const DiskList *list, const Inside *part)
{
  const char *tag = part->snapshot.tag;
  g_autofree char *xml =
      xml_frozen_disk (list->disk->target, "qcow2", part->path, *tag ? tag : part->snapshot.id);
  Disk *disk = disk_new (list->disk->target, part->snapshot.disk_size, xml);
  disk->allocated = stored_bytes (places, part->path, FALSE);
  disk->readable = part->readable && !part->ambiguous;
  g_ptr_array_add (snapshot->disks, disk);
  if (part->snapshot.vm_state_size > 0 || !snapshot->state) {
    g_free (snapshot->state);
    snapshot->state = g_strdup (part->snapshot.vm_state_size > 0 ? "running" : "shutoff");
  }
}

static Snapshot *
snapshot_of (const Places *places, const GPtrArray *lists, const DiskList *home,
             const Inside *inside)
{
  Snapshot *snapshot = snapshot_new (inside->id, inside->snapshot.tag);
  snapshot->mark = g_strdup (inside->snapshot.id);
  snapshot->created = snapshot->changed = inside->snapshot.created;
  snapshot->created_nanoseconds = inside->snapshot.created_nanoseconds;
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    const Inside *part = part_of (lists, home, inside, list);
    if (part)
      add_part (places, snapshot, list, part);
  }
  snapshot->can = CAN_CURRENT | CAN_NO_CURRENT |
                  (check_revert (lists, home, inside, NULL) ? CAN_REVERT | CAN_SAVE : 0) |
                  (check_discard (lists, home, inside, NULL) ? CAN_DISCARD : 0);
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
  g_autoptr (GPtrArray) lists = inside_disks (places, domain, records);
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (snapshot_release);
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    for (guint j = 0; j < list->found->len; j++) {
      const Inside *inside = g_ptr_array_index (list->found, j);
      if (is_shown (lists, list, inside))
        g_ptr_array_add (snapshots, snapshot_of (places, lists, list, inside));
    }
  }
  return snapshots;
}

/* ---- for reverting ---- */

static const Inside *
find_shown (const GPtrArray *lists, const char *id, const DiskList **home)
{
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    for (guint j = 0; j < list->found->len; j++) {
      const Inside *inside = g_ptr_array_index (list->found, j);
      if (g_str_equal (inside->id, id) && is_shown (lists, list, inside)) {
        *home = list;
        return inside;
      }
    }
  }
  return NULL;
}

static const DiskList *
find_disk (const GPtrArray *lists, const char *target)
{
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    if (g_str_equal (list->disk->target, target))
      return list;
  }
  return NULL;
}

/* NULL: no image of this disk has it. */
static const Inside *
find_part (const GPtrArray *lists, const char *target, const char *id)
{
  const DiskList *home = NULL, *list = find_disk (lists, target);
  const Inside *inside = find_shown (lists, id, &home);
  return inside && list ? part_of (lists, home, inside, list) : NULL;
}

gboolean
internal_find_bytes (const Places *places, const LocalDomain *domain, const Records *records,
                     const char *id, const char *target, char **path, char **number, GError **error)
{
  g_autoptr (GPtrArray) lists = inside_disks (places, domain, records);
  const Inside *part = find_part (lists, target, id);
  if (!part)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "no image of %s has this snapshot of %s",
                 domain->name, target);
  *path = g_strdup (part->path);
  *number = g_strdup (part->snapshot.id);
  return TRUE;
}

gboolean
internal_locate (const Places *places, const LocalDomain *domain, const LocalDisk *disk,
                 const Records *records, const char *id, char **file, char **number, guint64 *size,
                 GError **error)
{
  g_autoptr (GPtrArray) lists = inside_disks (places, domain, records);
  const DiskList *home = NULL, *list = find_disk (lists, disk->target);
  const Inside *inside = find_shown (lists, id, &home);
  const Inside *part = inside && list ? part_of (lists, home, inside, list) : NULL;
  if (inside && !check_revert (lists, home, inside, error))
    return FALSE;
  if (!part)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "no image of %s has this snapshot", domain->name);
  *file = g_path_get_basename (part->path);
  *number = g_strdup (part->snapshot.id);
  *size = part->snapshot.disk_size;
  return TRUE;
}

static void
internal_part_free (gpointer data)
{
  InternalPart *part = data;
  g_free (part->target);
  g_free (part->path);
  g_free (part->inside.id);
  g_free (part->inside.tag);
  g_free (part);
}

static InternalPart *
internal_part_new (const DiskList *list, const Inside *inside)
{
  g_autofree char *active = local_disk_path (list->disk);
  InternalPart *part = g_new0 (InternalPart, 1);
  part->target = g_strdup (list->disk->target);
  part->path = g_strdup (inside->path);
  part->active = g_str_equal (active, inside->path);
  part->inside = inside->snapshot;
  part->inside.id = g_strdup (inside->snapshot.id);
  part->inside.tag = g_strdup (inside->snapshot.tag);
  return part;
}

GPtrArray *
internal_parts (const Places *places, const LocalDomain *domain, const Records *records,
                const char *id, GError **error)
{
  g_autoptr (GPtrArray) lists = inside_disks (places, domain, records);
  const DiskList *home = NULL;
  const Inside *inside = find_shown (lists, id, &home);
  if (!inside)
    fail (error, BACKEND_ERROR_NOT_FOUND, "no image of %s has this snapshot", domain->name);
  if (!inside || !check_discard (lists, home, inside, error))
    return NULL;
  GPtrArray *parts = g_ptr_array_new_with_free_func (internal_part_free);
  for (guint i = 0; i < lists->len; i++) {
    const DiskList *list = g_ptr_array_index (lists, i);
    const Inside *part = part_of (lists, home, inside, list);
    if (part)
      g_ptr_array_add (parts, internal_part_new (list, part));
  }
  return parts;
}

gboolean
internal_image_size (int directory, const char *file, guint64 *size, GError **error)
{
  autofd fd = openat (directory, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return fail_errno (error, "%s", file);
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header)
    return fail_in (error, "%s", file);
  *size = header->size;
  return TRUE;
}
