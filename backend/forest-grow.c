/* Growing a forest from a list, in which anything may be wrong, and letting one follow another.
 *
 * Nothing recurses: a chain of 10,000 snapshots must not need 10,000 frames. */
#include "forest.h"

/* ---- from a list ---- */

typedef struct Entry Entry;
struct Entry {
  Snapshot *snapshot; /* owned */
  Entry *parent;
  guint walk; /* number of the search for cycles that met it; 0: none yet */
};

typedef struct {
  Entry *entries;
  guint length;
  GHashTable *by_id; /* id -> Entry */
} Growing;

static void
begin (Growing *growing, const GPtrArray *snapshots)
{
  growing->length = snapshots == NULL ? 0 : snapshots->len;
  growing->entries = g_new0 (Entry, growing->length);
  growing->by_id = g_hash_table_new (id_hash, g_str_equal);
  for (guint i = 0; i < growing->length; i++) {
    Entry *entry = &growing->entries[i];

    entry->snapshot = snapshot_ref (g_ptr_array_index (snapshots, i));
    /* Two of one id would be a backend's mistake, and fatal for everything that follows. */
    g_assert (g_hash_table_insert (growing->by_id, entry->snapshot->id, entry));
  }
}

static void
end (Growing *growing)
{
  g_hash_table_unref (growing->by_id);
  for (guint i = 0; i < growing->length; i++)
    snapshot_unref (growing->entries[i].snapshot);
  g_free (growing->entries);
}

/* Makes @entry a root with @problem; on a copy, because other pictures may share the snapshot. */
static void
break_off (Growing *growing, Entry *entry, const char *problem)
{
  Snapshot *copy = snapshot_copy (entry->snapshot);

  g_clear_pointer (&copy->parent, g_free);
  if (copy->problem == NULL)
    copy->problem = g_strdup (problem);
  /* The key belongs to the snapshot, so it goes along. */
  g_hash_table_replace (growing->by_id, copy->id, entry);
  snapshot_unref (entry->snapshot);
  entry->snapshot = copy;
  entry->parent = NULL;
}

static void
find_parents (Growing *growing)
{
  for (guint i = 0; i < growing->length; i++) {
    Entry *entry = &growing->entries[i];
    const char *parent = entry->snapshot->parent;

    if (parent == NULL)
      continue;
    entry->parent = g_hash_table_lookup (growing->by_id, parent);
    if (entry->parent == NULL) {
      g_autofree char *problem = g_strdup_printf ("its parent %s is missing", parent);
      break_off (growing, entry, problem);
    }
  }
}

/* Follows parents from each entry that no earlier walk has met.  A walk that meets itself has
 * found a cycle; one that meets an earlier walk has found known ground. */
static void
break_cycles (Growing *growing)
{
  for (guint i = 0; i < growing->length; i++) {
    Entry *entry = &growing->entries[i];

    while (entry != NULL && entry->walk == 0) {
      entry->walk = i + 1;
      entry = entry->parent;
    }
    while (entry != NULL && entry->walk == i + 1) {
      Entry *parent = entry->parent;

      if (parent == NULL)
        break;
      break_off (growing, entry, "it descends from itself");
      entry = parent;
    }
  }
}

struct Forest *
forest_grow (const GPtrArray *snapshots, gboolean flat)
{
  struct Forest *forest = forest_new ();
  Growing growing;

  begin (&growing, snapshots);
  if (!flat) {
    find_parents (&growing);
    break_cycles (&growing);
  }
  for (guint i = 0; i < growing.length; i++) {
    const Entry *entry = &growing.entries[i];

    forest_add (forest, entry->snapshot, entry->parent != NULL ? entry->parent->snapshot->id : NULL,
                NULL);
  }
  end (&growing);
  return forest;
}

/* ---- from another forest ---- */

/* Whether the parents of @snapshot lead to a root; or to one that @known has (NULL: to a root),
 * which only has to be asked for those above it. */
static gboolean
leads_up (const struct Forest *forest, const Snapshot *snapshot, const struct Forest *known)
{
  guint most = table_size (forest->by_id);

  while (snapshot != NULL && snapshot->parent != NULL && most-- > 0) {
    if (known != NULL && table_get (known->by_id, snapshot->parent) != NULL)
      return TRUE;
    snapshot = table_get (forest->by_id, snapshot->parent);
  }
  return snapshot != NULL && snapshot->parent == NULL;
}

/* Whether it can stand where it says, as one that was in @before somewhere else, or was not. */
static gboolean
stands (const struct Forest *forest, const struct Forest *before, const Snapshot *snapshot)
{
  const Snapshot *old = table_get (before->by_id, snapshot->id);

  if (snapshot->parent != NULL && table_get (forest->by_id, snapshot->parent) == NULL)
    return FALSE;
  if (old != NULL && g_strcmp0 (old->parent, snapshot->parent) == 0)
    return TRUE;
  /* Only other new ones can be below a new one. */
  return leads_up (forest, snapshot, old == NULL ? before : NULL);
}

/* Whether a forest that follows can hold it: what is wrong with it depends on nothing else, and it
 * is not of the disks' forests. */
static gboolean
is_plain (const Snapshot *snapshot)
{
  return snapshot->problem == NULL && snapshot_single_disk (snapshot) == NULL;
}

static gboolean
all_stand (const struct Forest *forest, const struct Forest *before, const GPtrArray *put,
           const GPtrArray *gone)
{
  for (guint i = 0; i < put->len; i++)
    if (!stands (forest, before, g_ptr_array_index (put, i)))
      return FALSE;
  for (guint i = 0; i < gone->len; i++)
    if (forest_children (forest, g_ptr_array_index (gone, i))->len > 0)
      return FALSE;
  return TRUE;
}

static gboolean
remove_old (struct Forest *forest, const char *id)
{
  const Snapshot *old = table_get (forest->by_id, id);

  if (old == NULL || !is_plain (old))
    return FALSE;
  forest_remove (forest, old);
  return TRUE;
}

static gboolean
is_of_disk (const struct Forest *forest, const char *id)
{
  for (guint i = 0; i < forest->of_disks->len; i++)
    if (g_str_equal (((const Snapshot *)g_ptr_array_index (forest->of_disks, i))->id, id))
      return TRUE;
  return FALSE;
}

static gboolean
follow (struct Forest *forest, const GPtrArray *put, const GPtrArray *gone, GCompareFunc older)
{
  for (guint i = 0; i < gone->len; i++)
    if (!remove_old (forest, g_ptr_array_index (gone, i)))
      return FALSE;
  for (guint i = 0; i < put->len; i++) {
    Snapshot *snapshot = g_ptr_array_index (put, i);

    if (!is_plain (snapshot) || is_of_disk (forest, snapshot->id) ||
        (table_get (forest->by_id, snapshot->id) != NULL && !remove_old (forest, snapshot->id)))
      return FALSE;
    forest_add (forest, snapshot, snapshot->parent, older);
  }
  return TRUE;
}

struct Forest *
forest_follow (const struct Forest *before, const GPtrArray *put, const GPtrArray *gone,
               GCompareFunc older)
{
  struct Forest *forest;

  if (!before->sound)
    return NULL;
  forest = forest_copy (before);
  if (follow (forest, put, gone, older) && all_stand (forest, before, put, gone))
    return forest;
  forest_free (forest);
  return NULL;
}
