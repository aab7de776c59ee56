/* From libvirt to a picture.
 *
 * What is asked for is loading.c's matter; here it becomes snapshots and a domain.  What was known
 * and is the same is shared with the last picture. */
#include "picture.h"

#include "dumps.h"
#include "host-disks.h"
#include "loading.h"

#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 4    /* to see a domain that others change as a whole */
#define MARK_LENGTH 8 /* of an id */

/* -------------------------------------------------------------------- the snapshots */

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

/* What libvirt lists and nobody can ask for. */
static ReadSnapshot *
read_namesake (const char *name)
{
  ReadSnapshot *read = g_new0 (ReadSnapshot, 1);

  read->snapshot = snapshot_new (NULL, name);
  read->snapshot->problem =
      g_strdup ("another snapshot has the same name, and libvirt only finds that one");
  return read;
}

/* Without its parent, whose id may not be known yet. */
static Snapshot *
finish_one (const Loading *loading, guint number, ReadSnapshot *read)
{
  Snapshot *snapshot = snapshot_ref (read->snapshot);
  const Snapshot *known = loading->known[number];
  gboolean can_be_asked = snapshot->xml != NULL;

  snapshot->id = ids_get (machine_ids (loading->machine), loading->uuid, snapshot->name,
                          loading_namesakes_before (loading, number), snapshot->created);
  snapshot->mark = g_strndup (snapshot->id, MARK_LENGTH);
  snapshot->metadata = loading->list->has_records;
  snapshot->can = can_be_asked ? ~(BackendCan)0 : 0;
  if (!snapshot->external)
    snapshot->can &= ~(BackendCan)(CAN_MERGE_PARENT | CAN_MERGE_CHILDREN);
  if (!loading->list->has_records)
    snapshot->can &= ~(BackendCan)CAN_FORGET;
  host_disks_show (&loading->libvirt->files, read->layout, snapshot);
  if (known != NULL && strcmp (known->id, snapshot->id) == 0) {
    snapshot->changed = seconds_now ();
    snapshot_note_change (snapshot, known);
  } else if (known != NULL) {
    /* Somebody made it again, and perhaps others whose turn it is not. */
    machine_touch (loading->machine, NULL, TRUE);
  }
  return snapshot;
}

/* The name of its parent in the list's spelling; NULL: it is a root. */
static const char *
parent_name (const Loading *loading, guint number, const Dump *dump)
{
  const Snapshot *known = loading->known[number];
  const Snapshot *parent = known != NULL && known->parent != NULL
                               ? domain_snapshot (loading->load->before, known->parent)
                               : NULL;

  if (dump->read != NULL)
    return dump->read->parent;
  return parent != NULL ? parent->name : NULL;
}

/* The snapshot with this number; NULL: it went since it was listed. */
static Snapshot *
make_one (const Loading *loading, guint number, Dump *dump)
{
  const char *name = g_ptr_array_index (loading->list->names, number);
  Snapshot *known = (Snapshot *)loading->known[number];

  if (known == NULL && loading_namesakes_before (loading, number) > 0)
    dump->read = read_namesake (name);
  if (dump->read != NULL)
    return finish_one (loading, number, dump->read);
  if (loading->wanted[number] && !dump->same)
    return NULL;
  return snapshot_ref (known);
}

/* FALSE: a parent is missing, so it was changed meanwhile. */
static gboolean
set_parents (const Loading *loading, GPtrArray *made, Dump *dumps)
{
  g_autoptr (GHashTable) by_name = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean whole = TRUE;

  for (guint i = made->len; i-- > 0;)
    if (g_ptr_array_index (made, i) != NULL)
      g_hash_table_insert (by_name, ((Snapshot *)g_ptr_array_index (made, i))->name,
                           g_ptr_array_index (made, i));
  for (guint i = 0; i < made->len; i++) {
    const char *name = parent_name (loading, i, &dumps[i]);
    const Snapshot *parent = name == NULL ? NULL : g_hash_table_lookup (by_name, name);
    Snapshot *snapshot = g_ptr_array_index (made, i);

    if (snapshot == NULL || name == NULL)
      continue;
    whole = whole && parent != NULL;
    if (g_strcmp0 (snapshot->parent, parent != NULL ? parent->id : name) == 0)
      continue;
    /* What is in a picture is never changed. */
    if (dumps[i].read == NULL) {
      Snapshot *copy = snapshot_copy (snapshot);

      snapshot_unref (snapshot);
      made->pdata[i] = snapshot = copy;
    }
    g_free (snapshot->parent);
    snapshot->parent = g_strdup (parent != NULL ? parent->id : name);
  }
  return whole;
}

static int
compare_snapshots (gconstpointer one, gconstpointer other)
{
  const Snapshot *a = *(const Snapshot *const *)one, *b = *(const Snapshot *const *)other;
  int names = strcmp (a->name, b->name);

  if ((a->xml == NULL) != (b->xml == NULL))
    return a->xml == NULL ? 1 : -1;
  if (a->created != b->created)
    return a->created < b->created ? -1 : 1;
  return names != 0 ? names : strcmp (a->id, b->id);
}

/* libvirt's own order says nothing: siblings stand as they were created, and those that nobody can
 * ask for last, so that their namesake has the plain name. */
static GPtrArray *
sort_snapshots (const GPtrArray *made)
{
  GPtrArray *sorted = g_ptr_array_new_full (made->len, unref_snapshot);

  for (guint i = 0; i < made->len; i++)
    if (g_ptr_array_index (made, i) != NULL)
      g_ptr_array_add (sorted, snapshot_ref (g_ptr_array_index (made, i)));
  g_ptr_array_sort (sorted, compare_snapshots);
  return sorted;
}

static void
forget_others (const Loading *loading, const GPtrArray *snapshots)
{
  g_autoptr (GHashTable) there = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < snapshots->len; i++)
    g_hash_table_add (there, ((Snapshot *)g_ptr_array_index (snapshots, i))->id);
  ids_keep_only (machine_ids (loading->machine), there);
}

/* *@whole FALSE: it was changed meanwhile. */
static GPtrArray *
make_snapshots (Loading *loading, gboolean *whole, GError **error)
{
  guint count = loading->list->names->len;
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func (unref_snapshot);
  Dump *dumps = dumps_read (loading->libvirt, loading->domain, loading->list, loading->wanted,
                            loading->known, error);
  GPtrArray *snapshots;

  if (dumps == NULL)
    return NULL;
  *whole = TRUE;
  for (guint i = 0; i < count; i++) {
    g_ptr_array_add (made, make_one (loading, i, &dumps[i]));
    *whole = *whole && g_ptr_array_index (made, i) != NULL;
  }
  *whole = set_parents (loading, made, dumps) && *whole;
  dumps_free (dumps, count);
  snapshots = sort_snapshots (made);
  return snapshots;
}

/* -------------------------------------------------------------------- the domain */

static Text *
domain_xml (const Loading *loading, GError **error)
{
  char *xml = virDomainGetXMLDesc (loading->domain, 0);
  Text *text;

  if (xml == NULL) {
    connection_fail (loading->libvirt->connection, virDomainGetConnect (loading->domain), error,
                     "cannot read the description of %s", machine_name (loading->machine));
    return NULL;
  }
  text = text_from_string (xml);
  free (xml);
  return text;
}

/* The id of the one that libvirt calls current; NULL: none.  With namesakes, the one that it
 * finds. */
static const char *
find_current (const Loading *loading, const GPtrArray *snapshots)
{
  const char *name = loading->list->current;

  for (guint i = 0; name != NULL && i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (snapshot->xml != NULL && strcmp (snapshot->name, name) == 0)
      return snapshot->id;
  }
  return NULL;
}

static gboolean
has_same_snapshots (const Domain *before, const GPtrArray *snapshots)
{
  if (domain_count (before) != snapshots->len)
    return FALSE;
  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (domain_snapshot (before, snapshot->id) != snapshot)
      return FALSE;
  }
  return TRUE;
}

static gboolean
has_same_xml (const Domain *before, const Text *xml)
{
  return before->xml != NULL && strcmp (before->xml->data, xml->data) == 0;
}

static BackendCan
with_disks (BackendCan can, const GPtrArray *disks)
{
  return disks->len > 0 ? can : can & ~(BackendCan)CAN_DISK_IN_TREE;
}

/* A new picture, or the last one where that says the same. */
static Domain *
make_picture (const Loading *loading, Text *xml, GPtrArray *snapshots)
{
  const Domain *before = loading_is_of_another (loading) ? NULL : loading->load->before;
  const char *current = find_current (loading, snapshots);
  BackendCan can = abilities_can (&loading->libvirt->abilities);
  Domain *domain;

  if (before != NULL && before->can == with_disks (can, before->disks) && before->notes->len == 0 &&
      g_strcmp0 (before->current, current) == 0 && has_same_xml (before, xml) &&
      has_same_snapshots (before, snapshots))
    return domain_ref (loading->load->before);
  domain = domain_new (machine_name (loading->machine), loading->uuid);
  domain->current = g_strdup (current);
  domain->xml = text_ref (xml);
  domain->changed = before == NULL               ? loading->libvirt->opened
                    : has_same_xml (before, xml) ? before->changed
                                                 : seconds_now ();
  g_ptr_array_unref (domain->disks);
  domain->disks = snapshot_disks (xml->data);
  domain->can = with_disks (can, domain->disks);
  host_disks_show_live (&loading->libvirt->files, domain);
  domain_seal (domain, g_ptr_array_ref (snapshots));
  return domain;
}

static void
expect_changes (const Loading *loading)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, loading->load->dirty);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    ids_expect_change (machine_ids (loading->machine), id);
}

/* One attempt.  *@whole FALSE: others changed it meanwhile. */
static Domain *
try_to_load (Loading *loading, gboolean *whole, GError **error)
{
  g_autoptr (Text) xml = domain_xml (loading, error);
  g_autoptr (GPtrArray) snapshots = NULL;

  if (xml == NULL)
    return NULL;
  loading->list = snapshot_list (loading->libvirt, loading->domain, error);
  if (loading->list == NULL)
    return NULL;
  loading_plan (loading);
  snapshots = make_snapshots (loading, whole, error);
  if (snapshots == NULL)
    return NULL;
  *whole = *whole && (loading->list->current == NULL || find_current (loading, snapshots) != NULL);
  forget_others (loading, snapshots);
  return make_picture (loading, xml, snapshots);
}

static Domain *
load_domain (Loading *loading, GError **error)
{
  Domain *domain = NULL;
  gboolean whole = FALSE;

  if (virDomainGetUUIDString (loading->domain, loading->uuid) < 0) {
    connection_fail (loading->libvirt->connection, virDomainGetConnect (loading->domain), error,
                     "%s has no uuid", machine_name (loading->machine));
    return NULL;
  }
  abilities_learn (&loading->libvirt->abilities, loading->domain);
  expect_changes (loading);
  /* What does not become whole is shown with its problems. */
  for (guint attempt = 0; attempt < ATTEMPTS && !whole; attempt++) {
    g_clear_pointer (&domain, domain_unref);
    domain = try_to_load (loading, &whole, error);
    loading_clear (loading);
    if (domain == NULL)
      return NULL;
  }
  return domain;
}

Domain *
picture_load (Libvirt *libvirt, Machine *machine, const Load *load, GError **error)
{
  virConnectPtr link = connection_use (libvirt->connection, error);
  Loading loading = { .libvirt = libvirt, .machine = machine, .load = load };
  Domain *picture = NULL;

  if (link == NULL)
    return NULL;
  loading.domain = virDomainLookupByName (link, machine_name (machine));
  if (loading.domain != NULL) {
    picture = load_domain (&loading, error);
    virDomainFree (loading.domain);
  } else {
    connection_fail (libvirt->connection, link, error, "cannot find the domain %s",
                     machine_name (machine));
  }
  connection_done (link);
  return picture;
}
