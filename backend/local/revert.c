/* Reverting: an overlay on the snapshot's image, or a clone of it, takes the disk's place.
 *
 * What is replaced is dropped, or becomes the image of a snapshot that is taken in the same step;
 * the commit is one, so there is no moment in which it has neither. */
#include "../create.h"
#include "internal.h"
#include "live-take.h"
#include "making.h"
#include "method.h"
#include "operations.h"

typedef struct {
  Change *change;
  const char *id;       /* of the snapshot */
  const Record *record; /* its own; NULL: it is inside images */
  Record *saved;        /* of the present state; NULL: that is dropped */
} Revert;

/* An overlay and what is behind it name each other by bare names, so they are neighbours; and what
 * takes the disk's place must be what its description says. */
static gboolean
check_image (const Change *change, const ChangeDisk *disk, const RecordImage *image, GError **error)
{
  g_autofree char *directory = places_resolve (change->store->places, image->directory);
  if (!record_image_is_elsewhere (image) && !g_str_equal (directory, disk->disk->directory))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s was in %s when the snapshot was taken: its image is still there",
                 disk->disk->target, directory);
  return image->raw == local_disk_is_raw (disk->disk) ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "%s was %s when the snapshot was taken, and is said to be %s now",
               disk->disk->target, image->raw ? "raw" : "qcow2", disk->disk->format);
}

static gboolean
bring_back (const Revert *revert, ChangeDisk *disk, const RecordImage *image, GError **error)
{
  if (!check_image (revert->change, disk, image, error))
    return FALSE;
  making_keep_internal (revert->change, disk);
  return image->method->bring_back (revert->change, disk, image, error);
}

/* By copying: the image that holds the snapshot is never written (qemu-img snapshot -a loses
 * snapshots when it is interrupted). */
static gboolean
copy_internal (const Revert *revert, ChangeDisk *disk, GError **error)
{
  Change *change = revert->change;
  g_autofree char *file = NULL, *number = NULL;
  guint64 size;
  if (!g_str_equal (disk->disk->format, "qcow2"))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is a %s disk, and the snapshot is a qcow2's",
                 disk->disk->target, disk->disk->format);
  if (!internal_locate (change->store->places, change->found, disk->disk, change->records,
                        revert->id, &file, &number, &size, error))
    return FALSE;
  making_keep_internal (change, disk);
  return change_copy_internal (change, disk, file, number, size, error);
}

static gboolean
is_left_out (const Record *record, const char *target)
{
  return record && g_ptr_array_find_with_equal_func (record->left_out, target, g_str_equal, NULL);
}

/* It stays as it is, which is saved like the others. */
static gboolean
leave_disk (const Revert *revert, ChangeDisk *disk, GError **error)
{
  const RecordImage *image = record_find_image (revert->saved, disk->disk->target);
  return disk->method->go_on (revert->change, disk, image, error);
}

static gboolean
revert_disk (const Revert *revert, ChangeDisk *disk, GError **error)
{
  const char *target = disk->disk->target;
  const Record *record = revert->record;
  if (revert->saved && !disk->method->freeze (revert->change, disk, revert->saved, error))
    return FALSE;
  if (!record)
    return copy_internal (revert, disk, error);
  if (is_left_out (record, target))
    return leave_disk (revert, disk, error);
  const RecordImage *image = record_find_image (record, target);
  if (!image)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s was not there when %s was taken", target,
                 record->name);
  return bring_back (revert, disk, image, error);
}

/* -------------------------------------------------------------------- checks */

static gboolean
check_options (const RevertOptions *options, GError **error)
{
  if (options->running || options->paused)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the local backend starts no machines");
  if (options->reset_nvram)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the local backend keeps no NVRAM");
  return TRUE;
}

static gboolean
check_record (const Change *change, const Record *record, GError **error)
{
  if (record->images->len == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s has no data here, only a description: there is nothing to revert to",
                 record->name);
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    if (!local_domain_disk (change->found, image->target))
      return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s has a disk %s that the domain lacks now",
                   record->name, image->target);
  }
  return TRUE;
}

static gboolean
find_target (Revert *revert, GError **error)
{
  if (internal_is_id (revert->id))
    return TRUE;
  revert->record = making_find_record (revert->change, revert->id, error);
  return revert->record && check_record (revert->change, revert->record, error);
}

static gboolean
begin_saving (Revert *revert, const char *name, GError **error)
{
  Change *change = revert->change;
  g_autoptr (Domain) picture = state_picture (change->store, change->state, error);
  g_autofree char *free_name = picture ? create_name (picture, name, error) : NULL;
  if (!free_name)
    return FALSE;
  revert->saved = making_record (change, free_name, NULL, change->records->current);
  return TRUE;
}

/* -------------------------------------------------------------------- all together */

/* By which the present state is saved; for all, before the first is prepared. */
static gboolean
choose_methods (const Change *change, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++) {
    ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    disk->method = method_choose (change->store->places, change->records, disk->disk, NULL, error);
    if (!disk->method)
      return FALSE;
  }
  return TRUE;
}

static gboolean
revert_disks (const Revert *revert, GError **error)
{
  Change *change = revert->change;
  const GPtrArray *left_out = revert->record && !revert->saved ? revert->record->left_out : NULL;
  if (!change_open_disks (change, left_out, error) ||
      !live_check_is_off (change->store->places, change->found, error) ||
      (revert->saved && !choose_methods (change, error)))
    return FALSE;
  for (guint i = 0; i < change->disks->len; i++)
    if (!revert_disk (revert, g_ptr_array_index (change->disks, i), error))
      return FALSE;
  if (revert->saved)
    change_put (change, revert->saved);
  change->together = change->disks->len > 1;
  change_current (change, revert->id);
  return change_commit (change, error);
}

gboolean
operation_revert (Store *store, const char *domain, const char *snapshot,
                  const RevertOptions *options, Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  Revert revert = { .change = change, .id = snapshot };
  if (!change || !check_options (options, error) || !find_target (&revert, error) ||
      (options->save && !begin_saving (&revert, options->save, error)))
    return FALSE;
  gboolean done = revert_disks (&revert, error);
  if (revert.saved)
    record_unref (revert.saved);
  return done;
}
