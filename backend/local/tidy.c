/* Bringing the images back to what the records need.
 *
 * The candidates are the images that the head lists as unnamed: an image comes into that list in
 * the same commit that takes its last name away, and leaves it when it is gone.  So nothing is
 * ever guessed from a file's name, and an operation under way elsewhere cannot be harmed. */
#include "tidy.h"
#include "../failures.h"
#include "../qcow2/header.h"
#include "change.h"
#include "elsewhere.h"
#include "fd.h"
#include "file-names.h"
#include "fold.h"
#include "journal.h"
#include "live-clean.h"
#include "live-fold.h"
#include "live-take.h"
#include "picture.h"
#include "references.h"
#include "replay.h"
#include "second-name.h"
#include "stream-note.h"
#include "walked.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* One tidying of one domain; its `busy` is held. */
typedef struct {
  Store *store;
  DomainState *state;
  LocalDomain *found;
  Records *records;
  int fd; /* the records' directory */
  Job *job;
  gboolean put_off;  /* somebody has an image open */
  gboolean failed;   /* storage that is not ours did not do what it was asked for */
  gboolean repaired; /* a fold had been interrupted */
  gboolean running;  /* a machine writes to one of its disks */
  gboolean asked;    /* somebody waits for it, and wants it though it costs more than it is worth */
} Tidying;

/* -------------------------------------------------------------------- one image */

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

/* Before: whoever looks meanwhile asks; and after: a machine changes an image in its place. */
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
unlink_unread (const Tidying *tidying, int directory, const char *path, const char *file,
               gboolean *gone, char **reader, GError **error)
{
  return references_unlink_unread (tidying->store->places, directory, path, file, tidying->job,
                                   gone, reader, error);
}

static gboolean
fold_into (Tidying *tidying, const char *path, int directory, const char *file, const char *reader,
           gboolean *gone, GError **error)
{
  g_autofree char *reader_path = g_path_get_dirname (reader);
  g_autofree char *reader_file = g_path_get_basename (reader);
  if (!g_str_equal (reader_path, path) || !is_ours (tidying, path, reader_file))
    return TRUE;
  g_autoptr (GError) wrong = NULL;
  gboolean folded = fold_both (tidying, path, directory, file, reader_file, &wrong);
  gboolean busy = g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_BUSY) ||
                  g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_UNREACHABLE);
  g_autofree char *left = NULL;
  tidying->put_off |= busy || tidying->running; /* which will be off one day */
  /* Upwards, and in a machine, the image is there still; of which QEMU's answer may be lost. */
  if ((folded || (tidying->running && !stream_note_exists (tidying->fd))) &&
      !unlink_unread (tidying, directory, path, file, gone, &left, error))
    return FALSE;
  if (folded || busy || *gone)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* An image that must be kept as it is, although nobody needs it: the one that holds snapshots. */
static gboolean
must_stay (int directory, const RecordImage *image, const char *file, gboolean *stays,
           GError **error)
{
  *stays = FALSE;
  return image->raw || holds_snapshots (directory, file, stays, error);
}

/* Whoever reads it has it open. */
static gboolean
tidy_elsewhere (Tidying *tidying, const RecordImage *image, gboolean *gone, GError **error)
{
  const Places *places = tidying->store->places;
  *gone = records_name (tidying->records, image) ||
          elsewhere_remove (places, image, tidying->fd, tidying->job, error);
  tidying->failed |= !*gone && elsewhere_can_be_asked (places, image, NULL);
  return *gone;
}

/* *@gone: nothing reads the image any more and its file is removed. */
static gboolean
tidy_image (Tidying *tidying, const RecordImage *image, gboolean *gone, GError **error)
{
  if (record_image_is_elsewhere (image))
    return tidy_elsewhere (tidying, image, gone, error);
  const Places *places = tidying->store->places;
  g_autofree char *path = places_resolve (places, image->directory);
  g_autofree char *file = record_image_file (image);
  autofd directory = places_open_path (places, path, O_RDONLY | O_DIRECTORY, error);
  gboolean stays;
  if (directory < 0)
    return FALSE;
  *gone = faccessat (directory, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
  if (*gone || records_name_image (tidying->records, file))
    return TRUE;
  if (!must_stay (directory, image, file, &stays, error) || stays)
    return stays;
  g_autofree char *reader = NULL; /* of a raw image it is somebody else's, who needs it as it is */
  return unlink_unread (tidying, directory, path, file, gone, &reader, error) &&
         (!reader || image->raw || fold_into (tidying, path, directory, file, reader, gone, error));
}

/* -------------------------------------------------------------------- one domain */

/* One image; one that cannot be tidied does not keep the others from it. */
static gboolean
tidy_one (Tidying *tidying, guint index, gboolean *progress, GError **error)
{
  GPtrArray *unnamed = tidying->records->unnamed;
  gboolean gone = FALSE;
  if (!tidy_image (tidying, g_ptr_array_index (unnamed, index), &gone, error))
    return FALSE;
  if (!gone)
    return TRUE;
  g_ptr_array_remove_index (unnamed, index);
  *progress = TRUE;
  return commit_head (tidying->fd, tidying->records, error);
}

/* One round over the list; *@progress: another may find more.  The first failure is the error. */
static gboolean
tidy_round (Tidying *tidying, gboolean *progress, GError **error)
{
  g_autoptr (GError) first = NULL;
  *progress = FALSE;
  for (guint i = tidying->records->unnamed->len; i > 0; i--) {
    if (job_cancelled (tidying->job, error))
      return FALSE;
    tidy_one (tidying, i - 1, progress, first ? NULL : &first);
  }
  if (!first)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&first));
  return FALSE;
}

static gboolean
may_tidy (const Tidying *tidying)
{
  const Records *records = tidying->records;
  if (records->problem || records_find_damaged (records) || tidying->found->problem ||
      tidying->fd < 0 || journal_exists (tidying->fd))
    return FALSE;
  return records->unnamed->len > 0 || fold_is_interrupted (tidying->fd);
}

/* The reason is told once, and stands in info until it is gone. */
static gboolean
note_reason (Tidying *tidying, const GError *error)
{
  gboolean put_off = error && !g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED);
  const char *reason = put_off ? error->message : NULL;
  if (g_strcmp0 (reason, tidying->records->untidy) == 0)
    return FALSE;
  g_free (tidying->records->untidy);
  tidying->records->untidy = g_strdup (reason);
  if (put_off)
    failures_add (tidying->state->name, "tidy", error);
  return TRUE;
}

static void
run_rounds (Tidying *tidying)
{
  g_autoptr (GError) error = NULL;
  gboolean progress = TRUE, any = FALSE;
  if (!fold_repair (tidying->store->places, tidying->fd, tidying->job, &tidying->repaired, &error))
    progress = FALSE;
  while (progress) {
    g_clear_error (&error);
    tidy_round (tidying, &progress, &error);
    any |= progress;
  }
  /* Whoever it gave way to may only have read; and room may come without an operation. */
  tidying->put_off |= g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED) ||
                      g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY) ||
                      g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_NO_SPACE);
  if (!tidying->put_off)
    tidying->state->stuck = tidying->records->unnamed->len;
  tidying->put_off |= tidying->failed;
  gboolean reason = note_reason (tidying, error);
  job_finish (tidying->job, error);
  if (any || reason)
    state_publish (tidying->store, tidying->state, g_steal_pointer (&tidying->records));
}

/* A machine that could not be asked before how far a snapshot of it came may answer now, or not
 * refuse any more, and its guest may be waiting for that.  *@again: not yet. */
static void
end_interrupted (Tidying *tidying, gboolean *again)
{
  autolock applying = lock_hold (&tidying->state->applying);
  g_autoptr (GError) error = NULL;
  gboolean ended =
      replay_domain (tidying->store->places, tidying->fd, tidying->state->name, &error);
  *again = ended || g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY) ||
           g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_FAILED) ||
           g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNREACHABLE);
  if (ended)
    state_reread (tidying->store, tidying->state);
}

gboolean
tidy_is_interrupted (Store *store, DomainState *state)
{
  g_autoptr (LocalDomain) found = state_found (state);
  autofd records = -1;
  return store_open_records (store, found->uuid, FALSE, &records, NULL) && records >= 0 &&
         (journal_exists (records) || stream_note_exists (records));
}

gboolean
tidy_is_due (Store *store, DomainState *state)
{
  g_autoptr (LocalDomain) found = state_found (state);
  g_autoptr (Records) records = state_records (store, state, NULL);
  return records && !g_atomic_int_get (&state->stream_failed) &&
         live_fold_is_due (store->places, found, records);
}

/* What somebody of us may have left in it. */
static void
clean_machine (Tidying *tidying)
{
  if (!stream_note_exists (tidying->fd))
    return;
  g_autoptr (Qemu) machine = qemu_open_of (tidying->store->places, tidying->found);
  if (!machine || !live_clean (machine, NULL) || !stream_note_remove (tidying->fd, NULL))
    tidying->put_off = TRUE;
}

/* FALSE: it is off only as far as the locks tell, or has just been started. */
static gboolean
begin_without_machine (Tidying *tidying)
{
  const Places *places = tidying->store->places;
  g_atomic_int_set (&tidying->state->stream_failed, FALSE);
  gboolean off =
      live_check_is_off (places, tidying->found, NULL) &&
      (!stream_note_exists (tidying->fd) || stream_note_repair (tidying->fd, places, NULL));
  tidying->put_off |= !off;
  return off;
}

static gboolean
ask_for_machine (Tidying *tidying)
{
  const Places *places = tidying->store->places;
  g_autofree char *state = picture_run_state (places, tidying->found, NULL);
  if (!state)
    return FALSE;
  tidying->running = !g_str_equal (state, "shutoff");
  if (!tidying->running)
    return begin_without_machine (tidying);
  clean_machine (tidying);
  return TRUE;
}

static gboolean
is_needed (const Tidying *tidying)
{
  return tidying->fd >= 0 &&
         (tidying->records->unnamed->len > 0 || fold_is_interrupted (tidying->fd) ||
          stream_note_exists (tidying->fd) ||
          second_names_may_be (tidying->store->places, tidying->found));
}

/* What comes before the images; FALSE: they are not to be tidied now.  As long as something is to
 * be ended, every name is needed; and one that ended must not come back with a power cut when its
 * images are gone. */
static gboolean
begin (Tidying *tidying)
{
  if (tidying->fd >= 0 && journal_exists (tidying->fd)) {
    end_interrupted (tidying, &tidying->put_off);
    return FALSE;
  }
  if (!is_needed (tidying) || !journal_settle (tidying->fd, NULL) || !ask_for_machine (tidying))
    return FALSE;
  tidying->put_off |= second_names_tidy (tidying->store->places, tidying->found, tidying->records);
  return may_tidy (tidying);
}

gboolean
tidy_images (Store *store, DomainState *state, gboolean asked, Job *job)
{
  Tidying tidying = { .store = store, .state = state, .asked = asked, .job = job, .fd = -1 };
  tidying.records = state_records (store, state, NULL);
  tidying.found = state_found (state);
  if (!tidying.records ||
      !store_open_records (store, tidying.found->uuid, FALSE, &tidying.fd, NULL) ||
      !begin (&tidying))
    job_finish (job, NULL);
  else
    run_rounds (&tidying);
  fd_close_pointer (&tidying.fd);
  g_clear_pointer (&tidying.records, records_free);
  local_domain_unref (tidying.found);
  return tidying.put_off;
}
