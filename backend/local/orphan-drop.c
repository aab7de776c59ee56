/* Dropping metadata whose domain is gone.
 *
 * It begins with one rename, to ".vmsnapfs/UUID.dropped": from there on no domain that comes back
 * can find its records half gone.  Then the images go, the newest first because it reads the
 * others, and the records last because they say which images those are.  It may be killed anywhere:
 * what is left is listed, and dropped again. */
#include "bringing.h"
#include "elsewhere.h"
#include "fd.h"
#include "frozen.h"
#include "inside-pending.h"
#include "journal.h"
#include "listing.h"
#include "locks.h"
#include "orphan-records.h"
#include "orphans.h"
#include "references.h"
#include "replay.h"
#include "spare.h"
#include <fcntl.h>
#include <stdio.h>

typedef struct {
  Store *store;
  int all; /* .vmsnapfs; descriptors */
  int fd;  /* the directory that is dropped */
  Records *records;
  GHashTable *named; /* uuids of images that the records of others name */
  Job *job;
} Drop;

static void
add_names (GHashTable *named, const GPtrArray *images)
{
  for (guint i = 0; i < images->len; i++)
    g_hash_table_add (named, g_strdup (((RecordImage *)g_ptr_array_index (images, i))->image));
}

static gboolean
name_images (const Drop *drop, const char *name, GError **error)
{
  autofd fd = orphan_open (drop->all, name);
  g_autoptr (Records) records = fd < 0 ? NULL : records_read (fd, name, name, error);
  if (fd < 0)
    return fail_errno (error, "opening the records %s", name);
  if (!records)
    return FALSE;
  g_autoptr (GPtrArray) sorted = frozen_by_age (records);
  for (guint i = 0; i < sorted->len; i++)
    add_names (drop->named, ((Record *)g_ptr_array_index (sorted, i))->images);
  add_names (drop->named, records->unnamed);
  add_names (drop->named, records->kept);
  return TRUE;
}

static gboolean
name_images_of_others (const Drop *drop, GError **error)
{
  g_autoptr (GPtrArray) names = listing_of (drop->all, "the records", error);
  for (guint i = 0; names && i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    if (g_uuid_string_is_valid (name) && !name_images (drop, name, error))
      return FALSE;
  }
  return names != NULL;
}

/* *@spare: it is to be asked who reads it; NULL: nothing of it is to be removed any more.  An image
 * that cannot be reached (its directory is gone, or is not allowed any more) is left. */
static gboolean
look_at (const Drop *drop, const RecordImage *image, SpareImage **spare, GError **error)
{
  const Places *places = drop->store->places;
  g_autoptr (GError) wrong = NULL;
  *spare = NULL;
  if (g_hash_table_contains (drop->named, image->image))
    return TRUE;
  if (job_cancelled (drop->job, error))
    return FALSE;
  if (record_image_is_elsewhere (image))
    return elsewhere_remove (places, image, drop->fd, drop->job, error);
  *spare = spare_image_open (places, image, &wrong);
  if (*spare || g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND) ||
      g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DENIED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* Those that may go, the newest first; borrowed. */
static GPtrArray *
collect_images (const Records *records)
{
  g_autoptr (GPtrArray) sorted = frozen_by_age (records);
  GPtrArray *images = g_ptr_array_new ();
  g_ptr_array_extend (images, records->unnamed, NULL, NULL);
  for (guint i = sorted->len; i > 0; i--)
    g_ptr_array_extend (images, ((Record *)g_ptr_array_index (sorted, i - 1))->images, NULL, NULL);
  return images;
}

/* Of the images from @from to before @to; those that are gone leave the array. */
static gboolean
drop_some (const Drop *drop, GPtrArray *images, guint from, guint to, GError **error)
{
  g_autoptr (GPtrArray) looked = g_ptr_array_new_with_free_func ((GDestroyNotify)spare_image_free);
  g_autoptr (GPtrArray) spares = g_ptr_array_new (); /* those that there are; borrowed */
  for (guint i = from; i < to; i++) {
    SpareImage *spare;
    if (!look_at (drop, g_ptr_array_index (images, i), &spare, error))
      return FALSE;
    g_ptr_array_add (looked, spare);
    if (spare)
      g_ptr_array_add (spares, spare);
  }
  if (!spare_images_unlink (drop->store->places, spares, drop->job, error))
    return FALSE;
  for (guint i = to; i > from; i--) {
    const SpareImage *spare = g_ptr_array_index (looked, i - 1 - from);
    if (!spare || spare->gone)
      g_ptr_array_remove_index (images, i - 1);
  }
  return TRUE;
}

/* As often as one goes that others were read through. */
static gboolean
drop_images (const Drop *drop, GError **error)
{
  g_autoptr (GPtrArray) images = collect_images (drop->records);
  for (guint before = images->len + 1; images->len < before;) {
    before = images->len;
    for (guint from = 0, left; from < images->len; from += left) {
      guint count = MIN (images->len - from, SPARE_IMAGES_AT_ONCE), was = images->len;
      if (!drop_some (drop, images, from, from + count, error))
        return FALSE;
      left = count - (was - images->len);
    }
  }
  return TRUE;
}

/* -------------------------------------------------------------------- dropping: the records */

/* That writes over a disk, and nobody's. */
static gboolean
is_bringing_back (const Drop *drop, int fd)
{
  g_autoptr (Journal) journal = journal_read (fd, drop->store->places, NULL);
  return journal && bringing_any (journal);
}

/* Ends what was interrupted, so that the records say which images there are.  What cannot be ended
 * any more, because the disks went with the domain, is dropped as it is; so is what was to be taken
 * out of an image or brought back by other storage, for no child process is waited for under the
 * store's lock. */
static gboolean
settle (const Drop *drop, const char *uuid, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  autofd fd = orphan_open (drop->all, uuid);
  if (fd < 0)
    return fail_errno (error, "opening the records %s", uuid);
  if (!inside_pending_forget (fd, error))
    return FALSE;
  if (!journal_exists (fd) || is_bringing_back (drop, fd) ||
      replay_domain (drop->store->places, fd, uuid, &wrong) ||
      !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_BUSY))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* FALSE: an operation on it may be under way. */
static gboolean
is_at_rest (DomainState *state)
{
  Held busy = { NULL };
  if (state->present || !lock_try (&state->busy, &busy))
    return FALSE;
  held_release (&busy);
  return TRUE;
}

static gboolean
check_is_gone (Store *store, const char *uuid, GError **error)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, store->domains);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    DomainState *state = value;
    g_autoptr (LocalDomain) found = state_found (state);
    if (g_ascii_strcasecmp (found->uuid, uuid) == 0 && !is_at_rest (state))
      return fail (error, BACKEND_ERROR_BUSY, "the domain of this metadata is there: %s",
                   state->name);
  }
  return TRUE;
}

/* Whether the storage of those that are elsewhere can be asked to remove them at all. */
static gboolean
check_storage (const Drop *drop, const GPtrArray *images, GError **error)
{
  for (guint i = 0; i < images->len; i++) {
    const RecordImage *image = g_ptr_array_index (images, i);
    if (record_image_is_elsewhere (image) &&
        !elsewhere_can_be_asked (drop->store->places, image, error))
      return fail_in (error, "disk %s", image->target);
  }
  return TRUE;
}

/* Readers lock what they read. */
static gboolean
check_not_read (const Drop *drop, const Record *record, GError **error)
{
  for (guint i = 0; i < record->images->len; i++) {
    const Places *places = drop->store->places;
    const RecordImage *image = g_ptr_array_index (record->images, i);
    if (record_image_is_elsewhere (image)) /* whoever reads it has it open */
      continue;
    g_autofree char *path = frozen_path (places, image);
    autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
    if (fd >= 0 && locks_is_in_use (fd))
      return fail (error, BACKEND_ERROR_BUSY, "a disk of %s is being read", record->name);
  }
  return TRUE;
}

static gboolean
check_record (const Drop *drop, const Record *record, GError **error)
{
  if (record->held)
    return fail (error, BACKEND_ERROR_BUSY, "%s is held", record->name);
  return check_storage (drop, record->images, error) && check_not_read (drop, record, error);
}

static gboolean
check_not_needed (const Drop *drop, const char *uuid, GError **error)
{
  autofd fd = orphan_open (drop->all, uuid);
  if (fd < 0)
    return fail_errno (error, "opening the records %s", uuid);
  g_autoptr (Records) records = records_read (fd, uuid, uuid, error);
  if (!records || !check_storage (drop, records->unnamed, error))
    return FALSE;
  TableIter iter = { records->records };
  gpointer record;
  while (table_next (&iter, &record))
    if (!check_record (drop, record, error))
      return FALSE;
  return TRUE;
}

/* Takes the records from under whoever might come back.  No operation on the domain can begin
 * meanwhile: it would have to find the domain under the store's lock. */
static gboolean
rename_away (const Drop *drop, const char *uuid, GError **error)
{
  g_autofree char *dropped = orphan_dropped_name (uuid);
  autolock held = lock_hold (&drop->store->lock);
  if (!check_is_gone (drop->store, uuid, error) || !settle (drop, uuid, error) ||
      !check_not_needed (drop, uuid, error))
    return FALSE;
  if (renameat (drop->all, uuid, drop->all, dropped) < 0)
    return fail_errno (error, "dropping the records %s", uuid);
  return journal_sync (drop->all, uuid, error);
}

static gboolean
remove_directory (const Drop *drop, const char *name, GError **error)
{
  g_autoptr (GPtrArray) files = listing_of (drop->fd, "the records", error);
  for (guint i = 0; files && i < files->len; i++)
    if (unlinkat (drop->fd, g_ptr_array_index (files, i), 0) < 0 && errno != ENOENT)
      return fail_errno (error, "removing the record %s", (char *)g_ptr_array_index (files, i));
  if (!files)
    return FALSE;
  if (unlinkat (drop->all, name, AT_REMOVEDIR) < 0)
    return fail_errno (error, "removing the records %s", name);
  return journal_sync (drop->all, name, error);
}

/* What was renamed away, now or by a drop that was interrupted. */
static gboolean
drop_renamed (Drop *drop, const char *uuid, GError **error)
{
  g_autofree char *dropped = orphan_dropped_name (uuid);
  autofd fd = orphan_open (drop->all, dropped);
  if (fd < 0)
    return fail_errno (error, "opening the records %s", dropped);
  g_autoptr (Records) records = records_read (fd, uuid, uuid, error);
  g_autoptr (GHashTable) named = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  drop->fd = fd;
  drop->records = records;
  drop->named = named;
  return records && name_images_of_others (drop, error) && drop_images (drop, error) &&
         remove_directory (drop, dropped, error);
}

/* Before anything is changed: a store in which an image cannot be read cannot say what is needed.
 */
static gboolean
check_store (const Drop *drop, const char *uuid, gboolean *back, GError **error)
{
  const Places *places = drop->store->places;
  g_autoptr (GPtrArray) found = scan_store (places, error);
  const Asking asking = { .places = places, .domains = found, .job = drop->job };
  g_autofree char *path = g_build_filename (places_store_path (places), uuid, NULL);
  g_autoptr (GPtrArray) readers = found ? references_to (&asking, path, error) : NULL;
  *back = readers && orphan_has_domain (found, uuid);
  return readers != NULL;
}

static gboolean
exists (int all, const char *name)
{
  return faccessat (all, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static gboolean
drop_all (Drop *drop, const char *uuid, GError **error)
{
  g_autofree char *dropped = orphan_dropped_name (uuid);
  gboolean half = exists (drop->all, dropped), whole = exists (drop->all, uuid), back;
  if (!half && !whole)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "there is no metadata of %s", uuid);
  if (!check_store (drop, uuid, &back, error))
    return FALSE;
  if (back && !half)
    return fail (error, BACKEND_ERROR_BUSY, "the domain of the metadata %s is there", uuid);
  if (half && !drop_renamed (drop, uuid, error))
    return FALSE;
  return back || !whole || (rename_away (drop, uuid, error) && drop_renamed (drop, uuid, error));
}

gboolean
orphans_drop (Store *store, const char *uuid, Job *job, GError **error)
{
  gboolean any = FALSE;
  autofd all = -1;
  if (!orphan_open_all (store, &all, &any, error))
    return FALSE;
  if (!any || !g_uuid_string_is_valid (uuid))
    return fail (error, BACKEND_ERROR_NOT_FOUND, "there is no metadata of %s", uuid);
  Drop drop = { .store = store, .all = all, .fd = -1, .job = job };
  return drop_all (&drop, uuid, error);
}
