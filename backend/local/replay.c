/* After a crash: roll forward what was committed, forget what was not. */
#include "replay.h"
#include "../failures.h"
#include "bringing.h"
#include "fd.h"
#include "file-names.h"
#include "fold.h"
#include "inside-pending.h"
#include "journal.h"
#include "listing.h"
#include "live-replay.h"
#include "locks.h"
#include "thaw.h"
#include <fcntl.h>
#include <string.h>

#define THAW (5 * G_USEC_PER_SEC)

/* Calls @each for every name in the directory; where that fails, errno says why. */
static gboolean
for_each_name (int fd, gboolean (*each) (int fd, const char *name, gpointer data), gpointer data,
               GError **error)
{
  g_autoptr (GPtrArray) names = listing_of (fd, "the records", error);
  for (guint i = 0; names && i < names->len; i++)
    if (!each (fd, g_ptr_array_index (names, i), data))
      return fail_errno (error, "removing what was prepared");
  return names != NULL;
}

static gboolean
remove_prepared_record (int fd, const char *name, gpointer data)
{
  return !records_is_left_over (name) || unlinkat (fd, name, 0) == 0;
}

/* Another store may have disks in the same directory (-o allow=), and be at work there: what it
 * prepares is locked. */
static gboolean
remove_prepared_disk (int fd, const char *name, gpointer data)
{
  if (!journal_is_prepared_name (name))
    return TRUE;
  autofd file = openat (fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  return (file >= 0 && locks_is_in_use (file)) || unlinkat (fd, name, 0) == 0;
}

static void
tell (const char *domain, const char *sentence)
{
  g_autoptr (GError) told = NULL;
  fail (&told, BACKEND_ERROR_BUSY, "%s", sentence);
  failures_add (domain, "replay", told);
  g_warning ("%s: %s", domain, sentence);
}

/* What a machine wrote meanwhile wins over an operation that nobody was told of, and is kept where
 * it is too late for that; @domain's failures tell of it. */
static gboolean
apply_or_abandon (const Places *places, int records, Journal *journal, const char *domain,
                  GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (!bringing_check_free (places, journal, error))
    return FALSE;
  if (journal_apply (records, places, journal, &wrong))
    return TRUE;
  if (journal->refused && journal_give_up (records, NULL)) {
    tell (domain, "an operation that was interrupted is given up: the storage refuses it");
    return TRUE;
  }
  gboolean damaged = g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DAMAGED);
  if (damaged && journal_abandon (records, places, journal, NULL)) {
    tell (domain, "an operation that was interrupted is given up: a machine has written to the "
                  "disk since, or a volume's host was started anew");
    return TRUE;
  }
  journal->keep_written = TRUE;
  if (damaged && journal_apply (records, places, journal, NULL)) {
    tell (domain,
          "an operation that was interrupted is completed; a disk that was written to since "
          "is kept beside it as .vmsnapfs-UUID.qcow2 (or .raw), which vmsnap check names");
    return TRUE;
  }
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

static gboolean
end_live (const Places *places, int records, const Journal *journal, const char *domain,
          GError **error)
{
  gboolean taken;
  if (!live_replay (places, records, journal, &taken, error))
    return FALSE;
  g_debug ("%s: a snapshot was interrupted and is %s", domain, taken ? "completed" : "taken back");
  return TRUE;
}

static gboolean
end_journal (const Places *places, int records, Journal *journal, const char *domain,
             GError **error)
{
  return journal->socket ? end_live (places, records, journal, domain, error)
                         : apply_or_abandon (places, records, journal, domain, error);
}

gboolean
replay_domain (const Places *places, int records, const char *domain, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  gboolean begun;
  g_autoptr (Journal) journal = journal_read (records, places, &wrong);
  if (!journal && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND)) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  if (journal && !end_journal (places, records, journal, domain, error))
    return FALSE;
  if (!for_each_name (records, remove_prepared_record, NULL, error))
    return FALSE;
  return fold_drop_stale_mark (places, records, error) &&
         inside_pending_finish (records, places, TRUE, NULL, &begun, error);
}

/* -------------------------------------------------------------------- the whole store */

typedef struct {
  Store *store;
  GPtrArray *found;  /* of LocalDomain */
  gboolean all_done; /* no journal is left */
  gint64 thaw_until; /* for all guests together; a thread goes on with those that are left */
} Replay;

/* Failures are shown by domain name; without a domain the uuid has to do. */
static const char *
name_of (const Replay *replay, const char *uuid)
{
  const LocalDomain *domain = local_domain_of_uuid (replay->found, uuid);
  return domain ? domain->name : uuid;
}

/* Neither waits long: a guest for its file systems, nor a daemon that starts for a guest. */
static void
thaw_entry (const Replay *replay, int records, const char *uuid)
{
  g_autoptr (GError) error = NULL;
  const LocalDomain *domain = local_domain_of_uuid (replay->found, uuid);
  if (thaw_left_over (replay->store->places, records, domain, replay->thaw_until, &error))
    return;
  failures_add (name_of (replay, uuid), "thaw", error);
  g_warning ("%s: %s", name_of (replay, uuid), error->message);
}

static void
end_entry (Replay *replay, int records, const char *uuid)
{
  g_autoptr (GError) error = NULL;
  if (records >= 0 &&
      replay_domain (replay->store->places, records, name_of (replay, uuid), &error))
    return;
  if (!error)
    fail_errno (&error, "opening the records %s", uuid);
  failures_add (name_of (replay, uuid), "replay", error);
  g_warning ("%s: %s", name_of (replay, uuid), error->message);
  replay->all_done = FALSE;
}

/* A guest that was left paused is let go on first: before that it cannot thaw. */
static gboolean
replay_entry (int fd, const char *name, gpointer data)
{
  if (!g_uuid_string_is_valid (name))
    return TRUE;
  autofd records = openat (fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  end_entry (data, records, name);
  if (records >= 0)
    thaw_entry (data, records, name);
  return TRUE;
}

/* Directories that hold disks of several domains are cleaned once. */
static void
clean_disks (const Replay *replay)
{
  g_autoptr (GHashTable) cleaned = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < replay->found->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (replay->found, i);
    for (guint j = 0; j < domain->disks->len; j++) {
      const LocalDisk *disk = g_ptr_array_index (domain->disks, j);
      if (!g_hash_table_add (cleaned, disk->directory))
        continue;
      autofd directory =
          places_open_path (replay->store->places, disk->directory, O_RDONLY | O_DIRECTORY, NULL);
      if (directory >= 0)
        for_each_name (directory, remove_prepared_disk, NULL, NULL);
    }
  }
}

gboolean
replay_store (Store *store, GError **error)
{
  autofd all = openat (places_store_fd (store->places), RECORDS_DIRECTORY,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (all < 0)
    return errno == ENOENT || fail_errno (error, "opening the records");
  g_autoptr (GPtrArray) found = scan_store (store->places, error);
  if (!found)
    return FALSE;
  Replay replay = { .store = store, .found = found, .all_done = TRUE };
  replay.thaw_until = g_get_monotonic_time () + THAW;
  if (!for_each_name (all, replay_entry, &replay, error))
    return FALSE;
  if (replay.all_done)
    clean_disks (&replay);
  return TRUE;
}
