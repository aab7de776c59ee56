/* Operations that change what one record says, which snapshot is current, or how a disk is
 * snapshotted. */
#include "../create.h"
#include "../redefine.h"
#include "making.h"
#include "method.h"
#include "operations.h"

/* The record of @snapshot as a copy that may be changed. */
static Record *
begin_edit (Change *change, const char *snapshot, GError **error)
{
  const Record *found = change ? making_find_record (change, snapshot, error) : NULL;
  if (!found)
    return NULL;
  Record *record = record_copy (found);
  record->changed = seconds_now ();
  return record;
}

static gboolean
commit_edit (Change *change, Record *record, GError **error)
{
  change_put (change, record);
  return change_commit (change, error);
}

gboolean
operation_describe (Store *store, const char *domain, const char *snapshot, const char *text,
                    Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Record) record = begin_edit (change, snapshot, error);
  if (!record)
    return FALSE;
  g_free (record->description);
  record->description = *text ? g_strdup (text) : NULL;
  return commit_edit (change, record, error);
}

gboolean
operation_rename (Store *store, const char *domain, const char *snapshot, const char *name,
                  Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Record) record = begin_edit (change, snapshot, error);
  if (!record)
    return FALSE;
  if (g_str_equal (record->name, name))
    return TRUE;
  g_autoptr (Domain) picture = state_picture (store, change->state, error);
  char *free_name = picture ? create_disk_name (picture, record->disk, name, error) : NULL;
  if (!free_name)
    return FALSE;
  g_free (record->name);
  record->name = free_name;
  return commit_edit (change, record, error);
}

gboolean
operation_hold (Store *store, const char *domain, const char *snapshot, gboolean held, Job *job,
                GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Record) record = begin_edit (change, snapshot, error);
  if (!record)
    return FALSE;
  if (record->held == held)
    return TRUE;
  record->held = held;
  return commit_edit (change, record, error);
}

gboolean
operation_set_current (Store *store, const char *domain, const char *snapshot,
                       const char *instead_of, Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Domain) picture = change ? state_picture (store, change->state, error) : NULL;
  if (!picture || !plan_check_current (picture, snapshot, instead_of, error))
    return FALSE;
  if (g_strcmp0 (change->records->current, snapshot) == 0)
    return TRUE;
  change_current (change, snapshot);
  return change_commit (change, error);
}

/* A method that the disk cannot have is not remembered. */
static gboolean
check_method (const Change *change, const char *target, const char *word, GError **error)
{
  const LocalDisk *disk = local_domain_disk (change->found, target);
  if (!disk)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no disk %s", change->found->name, target);
  return !word || method_choose (change->store->places, change->records, disk, word, error);
}

gboolean
operation_set_method (Store *store, const char *domain, const char *target, const char *method,
                      Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  if (!change || !check_method (change, target, method, error))
    return FALSE;
  const Method *found = method ? method_find (method, NULL) : NULL;
  records_set_method (change->records, target, found ? found->name : NULL);
  change->head = TRUE;
  return change_commit (change, error);
}

/* -------------------------------------------------------------------- redefine */

static void
set_string (char **member, const char *value)
{
  g_free (*member);
  *member = g_strdup (value);
}

static char *
text_to_string (const Text *text)
{
  return text ? g_strndup (text->data, text->length) : NULL;
}

/* What the redefined @snapshot says; the images stay. */
static Record *
redefined_record (const Change *change, const Snapshot *snapshot)
{
  const Record *before = records_find (change->records, snapshot->id);
  Record *record = before ? record_copy (before) : record_new ();
  set_string (&record->uuid, snapshot->id);
  set_string (&record->name, snapshot->name);
  set_string (&record->parent, snapshot->parent);
  set_string (&record->description, snapshot->description);
  set_string (&record->state, snapshot->state);
  set_string (&record->compression, snapshot->compression);
  g_free (record->domain_xml);
  g_free (record->kept_xml);
  record->domain_xml = text_to_string (snapshot->domain_xml);
  record->kept_xml = text_to_string (snapshot->kept_xml);
  record->created = snapshot->created;
  record->changed = snapshot->changed;
  record->internal = !snapshot->external;
  return record;
}

char *
operation_redefine (Store *store, const char *domain, const SnapshotDescription *description,
                    const RedefineOptions *options, Job *job, GError **error)
{
  g_autoptr (Change) change = change_begin (store, domain, job, error);
  g_autoptr (Domain) picture = change ? state_picture (store, change->state, error) : NULL;
  g_autoptr (Snapshot) snapshot =
      picture ? redefine_snapshot (picture, description, options, error) : NULL;
  if (!snapshot || (change->fd < 0 &&
                    !store_open_records (store, change->found->uuid, TRUE, &change->fd, error)))
    return NULL;
  g_autoptr (Record) record = redefined_record (change, snapshot);
  change_put (change, record);
  if (options->current)
    change_current (change, record->uuid);
  else if (!change->records->current && table_size (change->records->records) == 1)
    change->head = TRUE; /* the first record of a domain comes with a head */
  return change_commit (change, error) ? g_strdup (record->uuid) : NULL;
}
