/* Taking a snapshot: of the present state, or as a copy of another one. */
#include "../create.h"
#include "live-take.h"
#include "making.h"
#include "method.h"
#include "operations.h"
#include <string.h>

/* -------------------------------------------------------------------- what is not for this store
 */

/* A running machine's memory is not at hand here. */
static gboolean
check_flags (const CreateOptions *options, GError **error)
{
  if (options->flags & CREATE_LIVE)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the local backend saves no memory, live or otherwise");
  if (options->flags & CREATE_REUSE_EXTERNAL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the local backend makes its files itself: the disk keeps its path");
  if (options->memory && !g_str_equal (options->memory, "no"))
    return fail (error, BACKEND_ERROR_INVALID,
                 "a machine that is shut off has no memory that could be saved");
  return TRUE;
}

static gboolean
check_request (const DiskRequest *request, const LocalDisk *disk, GError **error)
{
  g_autofree char *path = local_disk_path (disk);
  if (!request)
    return TRUE;
  if (g_strcmp0 (request->snapshot, "internal") == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the local backend takes no snapshots inside images (disk %s)", disk->target);
  if (g_strcmp0 (request->type, "block") == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "disks here are files (disk %s)", disk->target);
  if (request->file && !g_str_equal (request->file, path))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the disk keeps its path here, which is %s: the overlay cannot be %s", path,
                 request->file);
  return TRUE;
}

/* Whether the method does what is asked for besides.  The format that is asked for is that of the
 * file which the disk goes on with. */
static gboolean
check_method (const Method *method, const LocalDisk *disk, const DiskRequest *request,
              const char *compression, GError **error)
{
  const char *format = method->goes_on ? method->goes_on : disk->format;
  if (compression && !method->compresses)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "what is frozen of disk %s (method %s) is as the disk is and cannot be compressed",
                 disk->target, method->name);
  if (!request || !request->driver || g_str_equal (request->driver, format))
    return TRUE;
  return fail (error, BACKEND_ERROR_UNSUPPORTED, "disk %s goes on as %s (method %s), not as %s",
               disk->target, format, method->name, request->driver);
}

/* Targets of the disks that are not to be part of it; NULL with an error. */
static GPtrArray *
choose_left_out (const Change *change, const CreateOptions *options, GError **error)
{
  const GPtrArray *disks = change->found->disks;
  g_autoptr (GPtrArray) left_out = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (disks, i);
    g_autofree char *path = local_disk_path (disk);
    const DiskRequest *request = create_disk_request (options, disk->target, path);
    if (!check_request (request, disk, error))
      return NULL;
    if (disk_request_leaves_out (request))
      g_ptr_array_add (left_out, g_strdup (disk->target));
  }
  if (disks->len > 0 && left_out->len == disks->len) {
    fail (error, BACKEND_ERROR_INVALID, "no disk is left that the snapshot would be of");
    return NULL;
  }
  return g_steal_pointer (&left_out);
}

/* -------------------------------------------------------------------- of the present state */

static gboolean
choose_method (const Change *change, ChangeDisk *disk, const CreateOptions *options, GError **error)
{
  const LocalDisk *local = disk->disk;
  g_autofree char *path = local_disk_path (local);
  const DiskRequest *request = create_disk_request (options, local->target, path);
  disk->method =
      method_choose (change->store->places, change->records, local, options->method, error);
  return disk->method && check_method (disk->method, local, request, options->compression, error);
}

/* For all, before the first is prepared. */
static gboolean
choose_methods (const Change *change, const CreateOptions *options, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++)
    if (!choose_method (change, g_ptr_array_index (change->disks, i), options, error))
      return FALSE;
  return TRUE;
}

static gboolean
freeze_disk (Change *change, ChangeDisk *disk, Record *record, GError **error)
{
  return disk->method->freeze (change, disk, record, error) &&
         disk->method->go_on (change, disk, record_find_image (record, disk->disk->target), error);
}

static gboolean
freeze_disks (Change *change, Record *record, GError **error)
{
  for (guint i = 0; i < change->disks->len; i++)
    if (!freeze_disk (change, g_ptr_array_index (change->disks, i), record, error))
      return FALSE;
  return TRUE;
}

/* libvirt's word for the disks of a running machine without its memory. */
static gboolean
prepare_live (const Change *change, const CreateOptions *options, Record *record, GError **error)
{
  if (!change->machine)
    return TRUE;
  g_free (record->state);
  record->state = g_strdup ("disk-snapshot");
  return live_check_options (change, options, error);
}

static gboolean
open_disks (Change *change, const GPtrArray *left_out, const CreateOptions *options, Record *record,
            GError **error)
{
  return live_meet (change, error) && change_open_disks (change, left_out, error) &&
         choose_methods (change, options, error) && prepare_live (change, options, record, error);
}

/* How it went is known only after the commit: until then the record promises nothing. */
static gboolean
prepare_rest (Change *change, const CreateOptions *options, Record *record, GError **error)
{
  if (!change->machine)
    return create_quiesced_off (options, &record->quiesced, error);
  change->quiesce = options->flags & CREATE_QUIESCE;
  change->must_rest = options->flags & CREATE_QUIESCE_REQUIRED;
  record->quiesced = create_quiesced (options, "it was interrupted before that was known");
  return TRUE;
}

static gboolean
note_rest (Change *change, const CreateOptions *options, const Record *record, GError **error)
{
  if (!change_again (change, error))
    return FALSE;
  g_autoptr (Record) noted = record_copy (record);
  g_free (noted->quiesced);
  noted->quiesced = create_quiesced (options, change->restless);
  change_put (change, noted);
  return change_commit (change, error);
}

/* It was taken of a guest that had to be at rest, and was not to the end.  @former: who was current
 * before it. */
static gboolean
take_back (Change *change, const CreateOptions *options, const Record *record, const char *former,
           GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (change_again (change, &wrong)) {
    if (options->flags & CREATE_NO_METADATA)
      making_unkeep (change, record);
    else
      change_remove (change, record->uuid);
    making_unname (change, record);
    change_current (change, former);
  }
  if (wrong || !change_commit (change, &wrong))
    return fail (error, BACKEND_ERROR_BUSY, "the guest was not at rest (%s), and %s stays: %s",
                 change->restless, record->name, wrong->message);
  return fail (error, BACKEND_ERROR_BUSY, "the guest was not at rest: %s", change->restless);
}

/* After the commit. */
static gboolean
conclude_rest (Change *change, const CreateOptions *options, const Record *record,
               const char *former, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  gboolean nameless = options->flags & CREATE_NO_METADATA;
  if (!change->quiesce)
    return TRUE;
  if (change->must_rest && change->restless)
    return take_back (change, options, record, former, error);
  if (!nameless && !note_rest (change, options, record, &wrong))
    g_warning ("%s: it is not noted that the guest was asked to be at rest: %s", record->name,
               wrong->message);
  return TRUE;
}

static gboolean
commit (Change *change, const CreateOptions *options, const Record *record, const char *former,
        GError **error)
{
  return change_commit (change, error) && conclude_rest (change, options, record, former, error);
}

/* All disks but @target; of char *. */
static GPtrArray *
all_but (const Change *change, const char *target)
{
  GPtrArray *others = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < change->found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (change->found->disks, i);
    if (!g_str_equal (disk->target, target))
      g_ptr_array_add (others, g_strdup (disk->target));
  }
  return others;
}

/* Beside the tree: what is current stays that. */
static char *
take_disk (Change *change, const CreateOptions *options, Record *record, GError **error)
{
  g_autoptr (GPtrArray) others = all_but (change, options->disk);
  if (!open_disks (change, others, options, record, error) ||
      !prepare_rest (change, options, record, error))
    return NULL;
  record->compression = g_strdup (options->compression);
  if (!freeze_disks (change, record, error))
    return NULL;
  change_put (change, record);
  g_autofree char *current = g_strdup (change->records->current);
  return commit (change, options, record, current, error) ? g_strdup (record->uuid) : NULL;
}

static char *
take_present (Change *change, const CreateOptions *options, Record *record, GError **error)
{
  gboolean nameless = options->flags & CREATE_NO_METADATA;
  g_autoptr (GPtrArray) left_out = choose_left_out (change, options, error);
  if (!left_out || !open_disks (change, left_out, options, record, error) ||
      !prepare_rest (change, options, record, error))
    return NULL;
  g_ptr_array_extend_and_steal (record->left_out, g_steal_pointer (&left_out));
  record->compression = g_strdup (options->compression);
  if (!freeze_disks (change, record, error))
    return NULL;
  g_autofree char *former = g_strdup (change->records->current);
  if (nameless) {
    making_keep (change, record); /* nobody but the overlay will know of them */
  } else {
    change_put (change, record);
    change_current (change, record->uuid);
  }
  return commit (change, options, record, former, error) ? g_strdup (nameless ? "" : record->uuid)
                                                         : NULL;
}

/* -------------------------------------------------------------------- as a copy */

/* Two names of the same images, which never change. */
static char *
take_copy (Change *change, const CreateOptions *options, Record *record, GError **error)
{
  const Record *from = making_find_record (change, options->from, error);
  if (!from)
    return NULL;
  if (from->images->len == 0) {
    fail (error, BACKEND_ERROR_INVALID, "%s has no data that could be copied", from->name);
    return NULL;
  }
  if (options->compression || options->disks || options->method) {
    fail (error, BACKEND_ERROR_INVALID, "a copy is of all disks and as its origin is");
    return NULL;
  }
  record_set_images (record, from);
  g_free (record->state);
  g_free (record->domain_xml);
  record->state = g_strdup (from->state);
  record->domain_xml = g_strdup (from->domain_xml);
  change_put (change, record);
  return change_commit (change, error) ? g_strdup (record->uuid) : NULL;
}

static char *
create_disk (Change *change, const Domain *picture, const CreateOptions *options, GError **error)
{
  g_autofree char *name = create_disk_name (picture, options->disk, options->name, error);
  if (!name)
    return NULL;
  g_autoptr (Record) record =
      making_disk_record (change, name, options->description, options->disk);
  return take_disk (change, options, record, error);
}

char *
operation_create (Store *store, const char *domain, const CreateOptions *options, Job *job,
                  GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Domain) picture = change ? state_picture (store, change->state, error) : NULL;
  const char *parent = NULL;
  if (!picture || !create_parent (picture, options, &parent, error) ||
      !create_check_disks (options, picture, error) || !check_flags (options, error))
    return NULL;
  if (options->disk)
    return create_disk (change, picture, options, error);
  g_autofree char *name = create_name (picture, options->name, error);
  if (!name)
    return NULL;
  g_autoptr (Record) record = making_record (change, name, options->description, parent);
  return options->from ? take_copy (change, options, record, error)
                       : take_present (change, options, record, error);
}
