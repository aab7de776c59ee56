/* The three tables of a forest, which always say the same of its snapshots. */
#include "forest.h"

/* ---- groups ---- */

static gpointer
group_ref (gpointer data)
{
  Group *group = data;

  g_atomic_int_inc (&group->refs);
  return group;
}

static void
group_unref (gpointer data)
{
  Group *group = data;

  if (!g_atomic_int_dec_and_test (&group->refs))
    return;
  g_free (group->key);
  g_ptr_array_unref (group->of);
  g_free (group);
}

/* The group @key of @table, to be changed: another one where a copy of the table has it too. */
static GPtrArray *
own_group (Table *table, const char *key)
{
  Group *shared = table_get (table, key);
  Group *own;

  if (shared != NULL && table_is_own (table, key) && g_atomic_int_get (&shared->refs) == 1)
    return shared->of;
  own = g_new0 (Group, 1);
  own->refs = 1;
  own->key = g_strdup (key);
  own->of = shared != NULL ? g_ptr_array_copy (shared->of, NULL, NULL) : g_ptr_array_new ();
  table_put (table, own->key, own);
  group_unref (own); /* the table has its own reference */
  return own->of;
}

static void
leave_group (Table *table, const char *key, const Snapshot *snapshot)
{
  GPtrArray *group = own_group (table, key);

  g_ptr_array_remove (group, (gpointer)snapshot);
  if (group->len == 0)
    table_remove (table, key);
}

static const GPtrArray *
find_group (const struct Forest *forest, const Table *table, const char *key)
{
  const Group *group = table_get (table, key);

  return group == NULL ? forest->none : group->of;
}

const GPtrArray *
forest_children (const struct Forest *forest, const char *parent)
{
  return find_group (forest, forest->children, parent);
}

const GPtrArray *
forest_named (const struct Forest *forest, const char *name)
{
  return find_group (forest, forest->by_name, name);
}

/* ---- snapshots ---- */

static guint
place_among (const GPtrArray *siblings, const Snapshot *snapshot, GCompareFunc older)
{
  guint low = 0;
  guint high = siblings->len;

  if (older == NULL)
    return high;
  while (low < high) {
    guint middle = low + (high - low) / 2;

    if (older (g_ptr_array_index (siblings, middle), snapshot) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void
forest_add (struct Forest *forest, Snapshot *snapshot, const char *parent, GCompareFunc older)
{
  GPtrArray *siblings = own_group (forest->children, parent != NULL ? parent : ROOTS);
  GPtrArray *namesakes = own_group (forest->by_name, snapshot->name);

  g_ptr_array_insert (siblings, (gint)place_among (siblings, snapshot, older), snapshot);
  g_ptr_array_add (namesakes, snapshot);
  forest->shared += namesakes->len == 2;
  forest->sound = forest->sound && snapshot->problem == NULL;
  table_put (forest->by_id, snapshot->id, snapshot);
}

void
forest_remove (struct Forest *forest, const Snapshot *snapshot)
{
  leave_group (forest->children, snapshot->parent != NULL ? snapshot->parent : ROOTS, snapshot);
  leave_group (forest->by_name, snapshot->name, snapshot);
  forest->shared -= forest_named (forest, snapshot->name)->len == 1;
  table_remove (forest->by_id, snapshot->id);
}

/* ---- the whole ---- */

static gpointer
ref_snapshot (gpointer snapshot)
{
  return snapshot_ref (snapshot);
}

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static DiskForest *
disk_forest_ref (DiskForest *disk)
{
  g_atomic_int_inc (&disk->refs);
  return disk;
}

static void
disk_forest_unref (gpointer data)
{
  DiskForest *disk = data;

  if (!g_atomic_int_dec_and_test (&disk->refs))
    return;
  forest_free (disk->forest);
  g_free (disk);
}

static struct Forest *
forest_of (Table *by_id, Table *children, Table *by_name)
{
  struct Forest *forest = g_new0 (struct Forest, 1);

  forest->by_id = by_id;
  forest->children = children;
  forest->by_name = by_name;
  forest->sound = TRUE;
  forest->none = g_ptr_array_new ();
  forest->disks = g_ptr_array_new_with_free_func (disk_forest_unref);
  forest->of_disks = g_ptr_array_new ();
  return forest;
}

struct Forest *
forest_new (void)
{
  return forest_of (table_new (ref_snapshot, unref_snapshot), table_new (group_ref, group_unref),
                    table_new (group_ref, group_unref));
}

struct Forest *
forest_copy (const struct Forest *forest)
{
  struct Forest *copy = forest_of (table_copy (forest->by_id), table_copy (forest->children),
                                   table_copy (forest->by_name));

  copy->shared = forest->shared;
  copy->sound = forest->sound;
  for (guint i = 0; i < forest->disks->len; i++)
    g_ptr_array_add (copy->disks, disk_forest_ref (g_ptr_array_index (forest->disks, i)));
  g_ptr_array_extend (copy->of_disks, forest->of_disks, NULL, NULL);
  return copy;
}

void
forest_free (struct Forest *forest)
{
  if (forest == NULL)
    return;
  forest_order_free (forest->order);
  table_free (forest->by_id);
  table_free (forest->children);
  table_free (forest->by_name);
  g_ptr_array_unref (forest->none);
  g_ptr_array_unref (forest->disks);
  g_ptr_array_unref (forest->of_disks);
  g_free (forest);
}
