/* The picture of a domain: what the directory says, what the records say, and what is inside the
 * images.
 *
 * It is made anew after every change.  Where only records have changed it follows the one before:
 * what it costs then is what has changed, and not how many snapshots there are.
 *
 * Nothing here is an error: what is wrong is shown. */
#include "picture.h"
#include "describe.h"
#include "fd.h"
#include "frozen.h"
#include "internal.h"
#include "live.h"
#include "locks.h"
#include "show.h"
#include <fcntl.h>
#include <string.h>

static void
snapshot_release (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static GPtrArray *
show_internals (Showing *showing)
{
  g_autoptr (GPtrArray) listed = internal_list (showing->places, showing->found, showing->records);
  GPtrArray *internals = g_ptr_array_new_with_free_func (snapshot_release);
  for (guint i = 0; i < listed->len; i++) {
    Snapshot *snapshot = show_internal (showing, g_ptr_array_index (listed, i));
    g_ptr_array_add (internals, snapshot);
    g_hash_table_insert (showing->internals, snapshot->id, snapshot);
  }
  return internals;
}

/* ---- from nothing ---- */

static void
show_records (const Showing *showing, Domain *domain, GPtrArray *snapshots)
{
  g_autoptr (GPtrArray) sorted = frozen_by_age (showing->records);
  for (guint i = 0; i < sorted->len; i++) {
    Record *next = g_ptr_array_index (sorted, i);
    if (next->problem)
      describe_problem (&domain->problem, "the record of the snapshot %s is damaged", next->uuid);
    g_ptr_array_add (snapshots, show_record (showing, next));
  }
}

static void
show_all (const Showing *showing, Domain *domain, const GPtrArray *internals)
{
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (snapshot_release);
  if (showing->records)
    show_records (showing, domain, snapshots);
  for (guint i = 0; i < internals->len; i++)
    g_ptr_array_add (snapshots, snapshot_ref (g_ptr_array_index (internals, i)));
  domain_seal (domain, snapshots);
}

/* ---- from the picture before ---- */

/* Ids of what may be shown otherwise now: of the records that are other ones, and of their
 * children, whose documents name them.  A set. */
static GHashTable *
find_touched (const Showing *showing, const Table *shown)
{
  g_autoptr (GPtrArray) changed = table_differences (shown, showing->records->records);
  GHashTable *touched = g_hash_table_new (id_hash, g_str_equal);
  for (guint i = 0; i < changed->len; i++) {
    char *id = g_ptr_array_index (changed, i);
    const GPtrArray *children = domain_children (showing->before, id);
    g_hash_table_add (touched, id);
    for (guint j = 0; j < children->len; j++)
      g_hash_table_add (touched, ((Snapshot *)g_ptr_array_index (children, j))->id);
  }
  return touched;
}

/* Those inside images, which are the last roots. */
static gboolean
are_as_before (const Domain *before, const GPtrArray *internals)
{
  const GPtrArray *roots = domain_children (before, NULL);
  guint first = roots->len;
  while (first > 0 && internal_is_id (((const Snapshot *)roots->pdata[first - 1])->id))
    first--;
  if (roots->len - first != internals->len)
    return FALSE;
  for (guint i = 0; i < internals->len; i++)
    if (g_ptr_array_index (roots, first + i) != g_ptr_array_index (internals, i))
      return FALSE;
  return TRUE;
}

/* The order that show_all has: those inside images come last. */
static int
compare_age (gconstpointer one, gconstpointer other)
{
  const Snapshot *this = one, *that = other;
  gboolean inside = internal_is_id (this->id);
  if (inside != internal_is_id (that->id))
    return inside ? 1 : -1;
  return frozen_compare_age (this->created, this->id, that->created, that->id);
}

/* FALSE: it does not follow. */
static gboolean
show_changes (const Showing *showing, Domain *domain, const Table *shown,
              const GPtrArray *internals)
{
  if (!showing->before || !shown || !showing->records ||
      !are_as_before (showing->before, internals))
    return FALSE;
  g_autoptr (GHashTable) touched = find_touched (showing, shown);
  g_autoptr (GPtrArray) put = g_ptr_array_new_with_free_func (snapshot_release);
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer id;
  g_hash_table_iter_init (&iter, touched);
  while (g_hash_table_iter_next (&iter, &id, NULL)) {
    Record *record = records_find (showing->records, id);
    g_autoptr (Snapshot) snapshot = record ? show_record (showing, record) : NULL;
    if (!record)
      g_ptr_array_add (gone, id);
    else if (snapshot != domain_snapshot (showing->before, id))
      g_ptr_array_add (put, g_steal_pointer (&snapshot));
  }
  return domain_follow (domain, showing->before, put, gone, compare_age);
}

/* ---- the whole ---- */

Domain *
picture_build (const Places *places, const LocalDomain *found, const Records *records,
               const Domain *before, const Table *shown, const char *frozen)
{
  g_autoptr (GHashTable) by_id = g_hash_table_new (g_str_hash, g_str_equal);
  Domain *domain = domain_new (found->name, found->uuid);
  Showing showing = { places, found, records, before, domain, by_id };
  domain->can = shown_can;
  domain->changed = found->changed;
  domain->xml = found->xml ? text_from_string (found->xml) : NULL;
  domain->current = records ? g_strdup (records->current) : NULL;
  if (found->problem)
    describe_problem (&domain->problem, "%s", found->problem);
  if (records && records->problem)
    describe_problem (&domain->problem, "%s", records->problem);
  if (records && records->untidy)
    g_ptr_array_add (domain->notes, g_strdup_printf ("untidy: %s", records->untidy));
  if (frozen)
    g_ptr_array_add (domain->notes, g_strdup_printf ("frozen: %s", frozen));
  live_disks_add (places, found, records, domain);
  g_autoptr (GPtrArray) internals = show_internals (&showing);
  if (!show_changes (&showing, domain, shown, internals))
    show_all (&showing, domain, internals);
  return domain;
}

char *
picture_run_state (const Places *places, const LocalDomain *domain, GError **error)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    g_autofree char *path = local_disk_path (g_ptr_array_index (domain->disks, i));
    g_autoptr (GError) wrong = NULL;
    autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, &wrong);
    if (fd >= 0 && locks_writer_lives (fd))
      return g_strdup ("running");
    if (fd < 0 && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND)) {
      g_propagate_error (error, g_steal_pointer (&wrong));
      return NULL;
    }
  }
  return g_strdup ("shutoff");
}

gboolean
picture_is_off (const Places *places, const LocalDomain *domain)
{
  g_autofree char *state = domain ? picture_run_state (places, domain, NULL) : NULL;
  return !domain || g_strcmp0 (state, "shutoff") == 0;
}
