/* The images that the head lists as unnamed: unlinked, or folded into the only one that reads them.
 *
 * An image comes into that list in the same commit that takes its last name away, and leaves it
 * when it is gone.  So nothing is ever guessed from a file's name, and an operation under way
 * elsewhere cannot be harmed.  Who reads them is asked once for many. */
#include "tidy-images.h"
#include "../qcow2/header.h"
#include "backlog.h"
#include "change.h"
#include "elsewhere.h"
#include "fd.h"
#include "fold.h"
#include "live-fold.h"
#include "second-name.h"
#include "spare.h"
#include "stream-note.h"
#include "walked.h"
#include <fcntl.h>

/* An image without a name. */
typedef struct {
  const RecordImage *image; /* in the list */
  SpareImage *spare;        /* NULL: it is not asked who reads it */
  gboolean gone;            /* without asking that */
} Unnamed;

static void
unnamed_free (gpointer data)
{
  Unnamed *unnamed = data;
  g_clear_pointer (&unnamed->spare, spare_image_free);
  g_free (unnamed);
}

static gboolean
is_gone (const Unnamed *unnamed)
{
  return unnamed->gone || (unnamed->spare && unnamed->spare->gone);
}

/* ---- folding one ---- */

/* An image may be replaced by an equal one only where this domain alone is concerned. */
static gboolean
is_ours (const Tidying *tidying, const char *directory, const char *file)
{
  for (guint i = 0; i < tidying->found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (tidying->found->disks, i);
    if (g_str_equal (disk->directory, directory) && g_str_equal (disk->file, file) &&
        g_str_equal (disk->format, "qcow2"))
      return TRUE;
  }
  return records_know_image (tidying->records, file);
}

static gboolean
holds_snapshots (int directory, const char *file, gboolean *holds, GError **error)
{
  autofd fd = openat (directory, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fail_errno (error, "%s", file);
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header)
    return FALSE;
  *holds = header->snapshots > 0;
  return TRUE;
}

/* A disk that has a second name is, or was a moment ago, a running machine's. */
static gboolean
has_second_name (const Tidying *tidying, int directory, const char *file)
{
  struct stat status;
  if (fstatat (directory, file, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return FALSE;
  g_autofree char *uuid = second_name_find (directory, &status, tidying->records);
  return uuid != NULL;
}

static gboolean
fold_in_machine (Tidying *tidying, const char *path, int directory, const char *file,
                 const char *reader, GError **error)
{
  const LiveFold this = {
    .places = tidying->store->places,
    .found = tidying->found,
    .path = path,
    .directory = directory,
    .records = tidying->fd,
    .unnamed = file,
    .dependent = reader,
    .asked = tidying->asked,
  };
  g_autoptr (GError) wrong = NULL;
  if (live_fold (&this, tidying->job, &wrong))
    return TRUE;
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_FAILED) ||
      (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_BUSY) &&
       live_fold_is_due (this.places, tidying->found, tidying->records)))
    g_atomic_int_set (&tidying->state->stream_failed, TRUE);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static gboolean
choose_fold (Tidying *tidying, const char *path, int directory, const char *file,
             const char *reader, GError **error)
{
  if (live_fold_is_for (tidying->found, path, directory, reader))
    return fold_in_machine (tidying, path, directory, file, reader, error);
  if (has_second_name (tidying, directory, reader))
    return fail (error, BACKEND_ERROR_BUSY, "%s has another name still", reader);
  const Fold this = {
    .places = tidying->store->places,
    .path = path,
    .directory = directory,
    .records = tidying->fd,
    .unnamed = file,
    .dependent = reader,
    .after_repair = tidying->repaired,
  };
  return fold (&this, tidying->job, error);
}

/* What they read will change: whoever looks meanwhile asks them, and so does who comes after. */
static gboolean
fold_both (Tidying *tidying, const char *path, int directory, const char *file, const char *reader,
           GError **error)
{
  walked_forget (directory, file);
  walked_forget (directory, reader);
  gboolean folded = choose_fold (tidying, path, directory, file, reader, error);
  walked_forget (directory, file);
  walked_forget (directory, reader);
  return folded;
}

static gboolean
unlink_one (const Tidying *tidying, SpareImage *spare, GError **error)
{
  g_autoptr (GPtrArray) spares = g_ptr_array_new ();
  g_ptr_array_add (spares, spare);
  return spare_images_unlink (tidying->store->places, spares, tidying->job, error);
}

/* Into its only reader. */
static gboolean
fold_into (Tidying *tidying, SpareImage *spare, GError **error)
{
  g_autofree char *reader = g_path_get_basename (spare->reader);
  g_autoptr (GError) wrong = NULL;
  gboolean folded = fold_both (tidying, spare->path, spare->directory, spare->file, reader, &wrong);
  gboolean busy = g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_BUSY) ||
                  g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_UNREACHABLE);
  tidying->put_off |= busy || tidying->running; /* which will be off one day */
  /* Upwards, and in a machine, the image is there still; of which QEMU's answer may be lost. */
  if ((folded || (tidying->running && !stream_note_exists (tidying->fd))) &&
      !unlink_one (tidying, spare, error))
    return FALSE;
  if (folded || busy || spare->gone)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* ---- beginning with one ---- */

/* An image that must be kept as it is, although nobody needs it: the one that holds snapshots. */
static gboolean
must_stay (int directory, const RecordImage *image, const char *file, gboolean *stays,
           GError **error)
{
  *stays = FALSE;
  return image->raw || holds_snapshots (directory, file, stays, error);
}

/* Whoever reads it has it open.  What an operation waits for is not interrupted by the next one:
 * else none would ever be removed. */
static gboolean
remove_elsewhere (Tidying *tidying, Unnamed *unnamed, GError **error)
{
  const Places *places = tidying->store->places;
  unnamed->gone = records_name (tidying->records, unnamed->image) ||
                  elsewhere_remove (places, unnamed->image, tidying->fd,
                                    tidying->waited_for ? NULL : tidying->job, error);
  tidying->failed |= !unnamed->gone && elsewhere_can_be_asked (places, unnamed->image, NULL);
  return unnamed->gone;
}

static gboolean
open_here (const Tidying *tidying, Unnamed *unnamed, GError **error)
{
  const RecordImage *image = unnamed->image;
  g_autoptr (SpareImage) spare = spare_image_open (tidying->store->places, image, error);
  gboolean stays;
  if (!spare)
    return FALSE;
  if (records_name_image (tidying->records, spare->file))
    return TRUE;
  if (!spare->gone && !must_stay (spare->directory, image, spare->file, &stays, error))
    return FALSE;
  if (spare->gone || !stays)
    unnamed->spare = g_steal_pointer (&spare);
  return TRUE;
}

/* ---- some of them ---- */

/* The images from @from to before @to. */
static GPtrArray *
begin_some (const Tidying *tidying, guint from, guint to, GError **first)
{
  GPtrArray *some = g_ptr_array_new_with_free_func (unnamed_free);
  for (guint i = to; i > from; i--) {
    Unnamed *unnamed = g_new0 (Unnamed, 1);
    unnamed->image = g_ptr_array_index (tidying->records->unnamed, i - 1);
    g_ptr_array_add (some, unnamed);
    if (!record_image_is_elsewhere (unnamed->image))
      open_here (tidying, unnamed, *first ? NULL : first);
  }
  return some;
}

static gboolean
unlink_some (const Tidying *tidying, const GPtrArray *some, GError **error)
{
  g_autoptr (GPtrArray) spares = g_ptr_array_new ();
  for (guint i = 0; i < some->len; i++) {
    const Unnamed *unnamed = g_ptr_array_index (some, i);
    if (unnamed->spare)
      g_ptr_array_add (spares, unnamed->spare);
  }
  return spare_images_unlink (tidying->store->places, spares, tidying->job, error);
}

/* Of a raw image the reader is somebody else's, who needs it as it is; and so is one that is not
 * beside it. */
static gboolean
may_fold (const Tidying *tidying, const Unnamed *unnamed)
{
  const SpareImage *spare = unnamed->spare;
  if (!spare || !spare->reader || unnamed->image->raw ||
      g_hash_table_contains (tidying->vain, unnamed->image->image))
    return FALSE;
  g_autofree char *path = g_path_get_dirname (spare->reader);
  g_autofree char *file = g_path_get_basename (spare->reader);
  return g_str_equal (path, spare->path) && is_ours (tidying, path, file);
}

/* What was found out before another was tried need not be true any more: that may have taken hours,
 * and may have changed who reads what although it failed, or left an image to be repaired first. */
static gboolean
ask_again (Tidying *tidying, SpareImage *spare, GError **error)
{
  return fold_repair (tidying->store->places, tidying->fd, tidying->job, &tidying->repaired,
                      error) &&
         unlink_one (tidying, spare, error);
}

/* What comes of it is kept: the image is not tried again. */
static void
try_to_fold (Tidying *tidying, const Unnamed *unnamed)
{
  GError *wrong = NULL;
  fold_into (tidying, unnamed->spare, &wrong);
  if (is_gone (unnamed))
    g_clear_error (&wrong);
  else
    g_hash_table_insert (tidying->vain, g_strdup (unnamed->image->image), wrong);
}

/* Until one is gone. */
static void
fold_first (Tidying *tidying, const GPtrArray *some, GError **first)
{
  gboolean tried = FALSE;
  for (guint i = 0; i < some->len; i++) {
    const Unnamed *unnamed = g_ptr_array_index (some, i);
    if (job_cancelled (tidying->job, *first ? NULL : first))
      return;
    if (!may_fold (tidying, unnamed) ||
        (tried && !ask_again (tidying, unnamed->spare, *first ? NULL : first)))
      continue;
    tried = TRUE;
    if (may_fold (tidying, unnamed))
      try_to_fold (tidying, unnamed);
    if (is_gone (unnamed))
      return;
  }
}

/* Who waits for this does not wait for what may hang, nor for a second failure. */
static void
remove_those_elsewhere (Tidying *tidying, const GPtrArray *some, GError **first)
{
  for (guint i = 0; i < some->len && !tidying->leaves; i++) {
    Unnamed *unnamed = g_ptr_array_index (some, i);
    if (job_cancelled (tidying->job, *first ? NULL : first))
      return;
    if (tidying->waited_for ? backlog_may_wait_for (unnamed->image)
                            : record_image_is_elsewhere (unnamed->image))
      remove_elsewhere (tidying, unnamed, *first ? NULL : first);
    tidying->leaves = tidying->waited_for && tidying->failed;
  }
}

/* *@any: at least one is, and the head says so. */
static gboolean
commit_gone (Tidying *tidying, const GPtrArray *some, gboolean *any, GError **error)
{
  *any = FALSE;
  for (guint i = 0; i < some->len; i++) {
    const Unnamed *unnamed = g_ptr_array_index (some, i);
    if (is_gone (unnamed))
      *any |= g_ptr_array_remove (tidying->records->unnamed, (gpointer)unnamed->image);
  }
  gboolean said = !*any || commit_head (tidying->fd, tidying->records, error);
  *any &= said;
  return said;
}

static void
tidy_some (Tidying *tidying, guint from, guint to, gboolean *progress, GError **first)
{
  g_autoptr (GPtrArray) some = begin_some (tidying, from, to, first);
  unlink_some (tidying, some, *first ? NULL : first);
  if (!commit_gone (tidying, some, progress, *first ? NULL : first) || *progress)
    return;
  fold_first (tidying, some, first);
  if (!commit_gone (tidying, some, progress, *first ? NULL : first) || *progress)
    return;
  remove_those_elsewhere (tidying, some, first);
  commit_gone (tidying, some, progress, *first ? NULL : first);
}

/* Why an image is still there that could not be folded. */
static const GError *
find_vain (const Tidying *tidying)
{
  const GError *wrong = NULL;
  const GPtrArray *unnamed = tidying->records->unnamed;
  for (guint i = 0; i < unnamed->len && !wrong; i++)
    wrong =
        g_hash_table_lookup (tidying->vain, ((RecordImage *)g_ptr_array_index (unnamed, i))->image);
  return wrong;
}

gboolean
tidy_round (Tidying *tidying, gboolean *progress, GError **error)
{
  g_autoptr (GError) first = NULL;
  *progress = FALSE;
  for (guint to = tidying->records->unnamed->len; to > 0 && !*progress;) {
    guint from = to > SPARE_IMAGES_AT_ONCE ? to - SPARE_IMAGES_AT_ONCE : 0;
    if (job_cancelled (tidying->job, error))
      return FALSE;
    tidy_some (tidying, from, to, progress, &first);
    to = from;
  }
  if (job_cancelled (tidying->job, error))
    return FALSE;
  const GError *vain = first ? NULL : find_vain (tidying);
  if (vain)
    first = g_error_copy (vain);
  if (!first)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&first));
  return FALSE;
}
