/* The operations on snapshots, each as the records and images that it changes.
 *
 *              records                      active disk
 *   create     + the new one, current       frozen as the new one's image; an overlay on it
 *   discard    - it; current -> its parent  as it was
 *   revert     current                      an overlay on the snapshot's image; the old one is
 *                                           dropped, or kept without a name when snapshots are
 *                                           inside it
 *   describe   that record                  as it was
 *   rename     that record                  as it was
 */
#include "operations.h"
#include "change.h"
#include "internal.h"
#include <string.h>

/* -------------------------------------------------------------------- helpers */

static gint64
now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static Record *
find_record (const Change *change, const char *id, GError **error)
{
  Record *record = g_hash_table_lookup (change->records->records, id);
  if (record)
    return record;
  if (internal_is_id (id))
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "this snapshot is inside a disk image and has no record that could be changed");
  else
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", change->found->name);
  return NULL;
}

static gboolean
check_name_is_free (const Change *change, const char *name, GError **error)
{
  g_autoptr (Domain) picture = state_picture (change->store, change->state, error);
  if (!picture)
    return FALSE;
  if (domain_named (picture, name, 0))
    return fail (error, BACKEND_ERROR_EXISTS, "%s has a snapshot %s already", change->found->name,
                 name);
  return TRUE;
}

static RecordImage *
image_for_disk (const Change *change, const ChangeDisk *disk, const char *uuid)
{
  RecordImage *image = g_new0 (RecordImage, 1);
  image->target = g_strdup (disk->disk->target);
  image->image = g_strdup (uuid);
  image->directory = places_spell (change->store->places, disk->disk->directory);
  image->size = disk->size;
  return image;
}

static RecordImage *
find_image (const GPtrArray *images, const char *target)
{
  for (guint i = 0; i < images->len; i++) {
    RecordImage *image = g_ptr_array_index (images, i);
    if (g_str_equal (image->target, target))
      return image;
  }
  return NULL;
}

/* -------------------------------------------------------------------- create */

static gboolean
check_place (const Change *change, const char *under, GError **error)
{
  const char *current = change->records->current;
  if (!under || g_strcmp0 (under, current ? current : "") == 0)
    return TRUE;
  const Record *record = current ? g_hash_table_lookup (change->records->records, current) : NULL;
  return fail (error, BACKEND_ERROR_NOT_CURRENT,
               "a new snapshot's parent is the current one, which is %s",
               record    ? record->name
               : current ? current
                         : "none");
}

/* Seconds since the epoch, as libvirt has it, moved on while that is taken. */
static char *
make_up_name (const Change *change, GError **error)
{
  for (gint64 second = now ();; second++) {
    g_autofree char *name = g_strdup_printf ("%" G_GINT64_FORMAT, second);
    g_autoptr (GError) wrong = NULL;
    if (check_name_is_free (change, name, &wrong))
      return g_steal_pointer (&name);
    if (!g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_EXISTS)) {
      g_propagate_error (error, g_steal_pointer (&wrong));
      return NULL;
    }
  }
}

/* NULL with an error when the name cannot be had. */
static char *
choose_name (const Change *change, const char *wanted, GError **error)
{
  if (!wanted)
    return make_up_name (change, error);
  return check_name_is_free (change, wanted, error) ? g_strdup (wanted) : NULL;
}

static Record *
new_record (const Change *change, const char *name, const CreateOptions *options)
{
  const char *xml = change->found->xml;
  Record *record = record_new ();
  record->uuid = g_uuid_string_random ();
  record->name = g_strdup (name);
  record->parent = g_strdup (change->records->current);
  record->description = g_strdup (options->description);
  record->state = g_strdup ("shutoff");
  record->domain_xml = xml && g_utf8_validate (xml, -1, NULL) ? g_strdup (xml) : NULL;
  record->created = record->changed = now ();
  return record;
}

static gboolean
freeze_disk (Change *change, ChangeDisk *disk, Record *record, GError **error)
{
  change_freeze (disk);
  RecordImage *image = image_for_disk (change, disk, disk->freeze);
  g_ptr_array_add (record->images, image);
  g_autofree char *backing = record_image_file (image);
  return change_overlay (change, disk, backing, disk->size, error);
}

char *
operation_create (Store *store, const char *domain, const CreateOptions *options, Job *job,
                  GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autofree char *name = change ? choose_name (change, options->name, error) : NULL;
  if (!name || !check_place (change, options->under, error) || !change_open_disks (change, error))
    return NULL;
  g_autoptr (Record) record = new_record (change, name, options);
  for (guint i = 0; i < change->disks->len; i++)
    if (!freeze_disk (change, g_ptr_array_index (change->disks, i), record, error))
      return NULL;
  change_put (change, record);
  change_current (change, record->uuid);
  return change_commit (change, error) ? g_strdup (record->uuid) : NULL;
}

/* -------------------------------------------------------------------- discard */

static gboolean
check_is_leaf (const Change *change, const Record *record, GError **error)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, change->records->records);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Record *other = value;
    if (g_strcmp0 (other->parent, record->uuid) == 0)
      return fail (error, BACKEND_ERROR_NOT_EMPTY, "%s has children: %s is one of them",
                   record->name, other->name);
  }
  return TRUE;
}

/* The images live on without a name for as long as something is read through them. */
static void
drop_name (Change *change, const Record *record)
{
  for (guint i = 0; i < record->images->len; i++)
    g_ptr_array_add (change->records->unnamed,
                     record_image_copy (g_ptr_array_index (record->images, i)));
  change->head = TRUE;
}

gboolean
operation_discard (Store *store, const char *domain, const char *snapshot, DiscardMode mode,
                   Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  Record *found = change ? find_record (change, snapshot, error) : NULL;
  if (!found || !check_is_leaf (change, found, error))
    return FALSE;
  g_autoptr (Record) record = record_ref (found);
  drop_name (change, record);
  if (g_strcmp0 (change->records->current, record->uuid) == 0)
    change_current (change, record->parent);
  change_remove (change, record->uuid);
  return change_commit (change, error);
}

/* -------------------------------------------------------------------- revert */

/* The overlay and what is behind it name each other by bare names, so they are neighbours. */
static gboolean
check_image (const Change *change, const ChangeDisk *disk, const RecordImage *image, GError **error)
{
  g_autofree char *directory = places_resolve (change->store->places, image->directory);
  if (!g_str_equal (directory, disk->disk->directory))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s was in %s when the snapshot was taken: its image is still there",
                 disk->disk->target, directory);
  return TRUE;
}

/* What the active image holds inside stays readable: it is kept, without a name. */
static void
keep_if_it_has_snapshots (Change *change, ChangeDisk *disk)
{
  if (!disk->has_snapshots)
    return;
  change_freeze (disk);
  g_ptr_array_add (change->records->unnamed, image_for_disk (change, disk, disk->freeze));
}

static gboolean
revert_disk (Change *change, ChangeDisk *disk, const Record *record, GError **error)
{
  const RecordImage *image = find_image (record->images, disk->disk->target);
  guint64 size;
  if (!image)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s was not there when %s was taken",
                 disk->disk->target, record->name);
  if (!check_image (change, disk, image, error))
    return FALSE;
  g_autofree char *backing = record_image_file (image);
  if (!internal_image_size (disk->directory, backing, &size, error))
    return FALSE;
  keep_if_it_has_snapshots (change, disk);
  return change_overlay (change, disk, backing, size, error);
}

static gboolean
check_all_disks_are_there (const Change *change, const Record *record, GError **error)
{
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    if (!local_domain_disk (change->found, image->target))
      return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s has a disk %s that the domain lacks now",
                   record->name, image->target);
  }
  return TRUE;
}

static gboolean
revert_to_record (Change *change, const Record *record, GError **error)
{
  if (!check_all_disks_are_there (change, record, error))
    return FALSE;
  for (guint i = 0; i < change->disks->len; i++)
    if (!revert_disk (change, g_ptr_array_index (change->disks, i), record, error))
      return FALSE;
  return TRUE;
}

/* By copying: the image that holds the snapshot is never written (qemu-img snapshot -a loses
 * snapshots when it is interrupted). */
static gboolean
revert_to_internal (Change *change, const char *id, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    g_autofree char *file = NULL, *number = NULL;
    guint64 size;
    if (!internal_locate (change->store->places, change->found, disk->disk, change->records, id,
                          &file, &number, &size, error))
      return FALSE;
    keep_if_it_has_snapshots (change, disk);
    if (!change_copy_internal (change, disk, file, number, size, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
operation_revert (Store *store, const char *domain, const char *snapshot,
                  const RevertOptions *options, Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  if (!change)
    return FALSE;
  gboolean internal = internal_is_id (snapshot);
  const Record *record = internal ? NULL : find_record (change, snapshot, error);
  if ((!internal && !record) || !change_open_disks (change, error))
    return FALSE;
  if (internal ? !revert_to_internal (change, snapshot, error)
               : !revert_to_record (change, record, error))
    return FALSE;
  change->together = change->disks->len > 1;
  change_current (change, snapshot);
  return change_commit (change, error);
}

/* -------------------------------------------------------------------- one record */

static gboolean
change_one_record (Change *change, const Record *record, const char *name, const char *description,
                   GError **error)
{
  g_autoptr (Record) changed = record_copy (record);
  g_free (changed->name);
  g_free (changed->description);
  changed->name = g_strdup (name);
  changed->description = description && *description ? g_strdup (description) : NULL;
  changed->changed = now ();
  change_put (change, changed);
  return change_commit (change, error);
}

gboolean
operation_describe (Store *store, const char *domain, const char *snapshot, const char *text,
                    Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  const Record *record = change ? find_record (change, snapshot, error) : NULL;
  return record && change_one_record (change, record, record->name, text, error);
}

gboolean
operation_rename (Store *store, const char *domain, const char *snapshot, const char *name,
                  Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  const Record *record = change ? find_record (change, snapshot, error) : NULL;
  if (!record)
    return FALSE;
  if (g_str_equal (record->name, name))
    return TRUE;
  return check_name_is_free (change, name, error) &&
         change_one_record (change, record, name, record->description, error);
}
