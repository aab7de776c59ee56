/* What is wrong with records by themselves, with one another, and with the descriptions.
 *
 * A damaged record is one fault: what follows from it (a child whose parent is not known any more
 * is still its child) is none. */
#include "check-findings.h"
#include "file-names.h"
#include "fold.h"
#include "frozen.h"
#include "guest-note.h"
#include "internal.h"
#include "journal.h"
#include <string.h>

char *
check_record_path (const CheckDomain *domain, const Record *record)
{
  g_autofree char *file = records_file (record->uuid);
  return g_build_filename (domain->path, file, NULL);
}

static gboolean
has_record (const CheckDomain *domain, const char *id)
{
  const Record *record = records_find (domain->records, id);
  return record && !record->disk;
}

/* What is inside the images of a domain that is gone cannot be asked for. */
gboolean
check_has_snapshot (const CheckDomain *domain, const char *id)
{
  return !id || has_record (domain, id) || g_hash_table_contains (domain->internals, id) ||
         (!domain->found && internal_is_id (id));
}

gboolean
check_descends_from_itself (const CheckDomain *domain, const Record *record)
{
  const Record *above = record;
  guint most = table_size (domain->records->records);
  for (guint i = 0; i < most && above && above->parent; i++) {
    above = records_find (domain->records, above->parent);
    if (above == record)
      return TRUE;
  }
  return FALSE;
}

/* -------------------------------------------------------------------- one record */

/* What it must not share with another one: each disk has names of its own. */
static char *
full_name (const Record *record)
{
  return g_strconcat (record->disk ? record->disk : "", "/", record->name, NULL);
}

static void
look_at_record (Check *check, const CheckDomain *domain, const Record *record, GHashTable *names)
{
  g_autofree char *path = check_record_path (domain, record);
  g_autofree char *name = full_name (record);
  const Record *namesake = g_hash_table_lookup (names, name);
  if (record->problem) {
    check_say (check, CHECK_FAULT, path, "%s", record->problem);
    return;
  }
  if (namesake)
    check_say (check, CHECK_FAULT, path, "the snapshot %s has the same name as %s", record->uuid,
               namesake->uuid);
  g_hash_table_insert (names, g_steal_pointer (&name), (gpointer)record);
  if (!check_has_snapshot (domain, record->parent))
    check_say (check, CHECK_FAULT, path, "the parent of %s, %s, is missing", record->name,
               record->parent);
  else if (check_descends_from_itself (domain, record))
    check_say (check, CHECK_FAULT, path, "%s descends from itself", record->name);
}

static void
look_at_head (Check *check, const CheckDomain *domain)
{
  const Records *records = domain->records;
  g_autofree char *path = g_build_filename (domain->path, RECORDS_HEAD, NULL);
  if (records->problem)
    check_say (check, CHECK_FAULT, path, "%s", records->problem);
  else if (!check_has_snapshot (domain, records->current))
    check_say (check, CHECK_FAULT, path, "the current snapshot, %s, is not there",
               records->current);
}

/* -------------------------------------------------------------------- one directory */

static void
look_at_journal (Check *check, const CheckDomain *domain)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Journal) journal = journal_read (domain->fd, check->places, &error);
  gboolean damaged = error && !g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND);
  check_say (check, CHECK_FAULT, domain->path, "%s",
             damaged ? error->message
                     : "an interrupted operation is to be completed: --repair and every mount for "
                       "writing do it");
}

static void
look_at_file (Check *check, const CheckDomain *domain, const char *file)
{
  g_autofree char *path = g_build_filename (domain->path, file, NULL);
  if (records_is_left_over (file) && !journal_exists (domain->fd))
    check_say (check, CHECK_FAULT, path, "was prepared and never used: --repair removes it");
  if (g_str_equal (file, QUIET_NOTE))
    check_say (check, CHECK_FAULT, path,
               "a snapshot was interrupted, and the guest's file systems may be frozen since: "
               "--repair and every mount for writing thaw them");
  if (g_str_equal (file, PAUSE_NOTE))
    check_say (check, CHECK_FAULT, path,
               "a snapshot was interrupted, and the guest may be paused since: --repair and every "
               "mount for writing let it go on");
  if (g_str_has_suffix (file, DAMAGED_SUFFIX))
    check_say (check, CHECK_NOTE, path,
               "is a damaged record that a repair put aside: remove it when nobody needs it");
}

static void
look_at_orphan (Check *check, const CheckDomain *domain)
{
  guint count = table_size (domain->records->records);
  check_say (check, CHECK_NOTE, domain->path,
             "its domain is gone and has left the records of %u snapshot%s: a domain with this "
             "uuid gets them back, and rmdir in .vmsnapfs/orphans of the mount removes them",
             count, count == 1 ? "" : "s");
}

static void
look_at_domain (Check *check, const CheckDomain *domain)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) sorted = frozen_by_age (domain->records);
  if (!domain->found)
    look_at_orphan (check, domain);
  if (journal_exists (domain->fd))
    look_at_journal (check, domain);
  for (guint i = 0; i < domain->files->len; i++)
    look_at_file (check, domain, g_ptr_array_index (domain->files, i));
  look_at_head (check, domain);
  for (guint i = 0; i < sorted->len; i++)
    look_at_record (check, domain, g_ptr_array_index (sorted, i), names);
}

void
check_records (Check *check)
{
  for (guint i = 0; i < check->found->len; i++) {
    const LocalDomain *found = g_ptr_array_index (check->found, i);
    g_autofree char *path = g_build_filename (places_store_path (check->places), found->name, NULL);
    if (found->problem)
      check_say (check, CHECK_FAULT, path, "%s", found->problem);
  }
  for (guint i = 0; i < check->domains->len; i++)
    look_at_domain (check, g_ptr_array_index (check->domains, i));
}
