/* Growing a forest of snapshots.
 *
 * It is one entry per snapshot, linked by pointers; all that readers ask for (order, children,
 * namesakes, counts) is derived in passes over these, each O(n) and without recursion: a chain of
 * 10,000 snapshots must not need 10,000 frames.  Once it has grown nothing changes, so nothing
 * locks. */
#include "forest.h"

static void
free_disk_forest (gpointer data)
{
  DiskForest *disk = data;

  forest_free (disk->forest);
  g_free (disk);
}

static struct Forest *
forest_new (const GPtrArray *snapshots)
{
  struct Forest *forest = g_new0 (struct Forest, 1);

  forest->length = snapshots == NULL ? 0 : snapshots->len;
  forest->entries = g_new0 (Entry, forest->length);
  forest->by_id = g_hash_table_new (id_hash, g_str_equal);
  forest->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  forest->roots = g_ptr_array_new ();
  forest->snapshots = g_ptr_array_sized_new (forest->length);
  forest->none = g_ptr_array_new ();
  forest->disks = g_ptr_array_new_with_free_func (free_disk_forest);
  forest->of_disks = g_ptr_array_new ();
  for (guint i = 0; i < forest->length; i++) {
    Entry *entry = &forest->entries[i];

    entry->snapshot = snapshot_ref (g_ptr_array_index (snapshots, i));
    /* Two of one id would be a backend's mistake, and fatal for everything that follows. */
    g_assert (g_hash_table_insert (forest->by_id, entry->snapshot->id, entry));
  }
  return forest;
}

void
forest_free (struct Forest *forest)
{
  if (forest == NULL)
    return;
  g_hash_table_unref (forest->by_id);
  g_hash_table_unref (forest->by_name);
  g_ptr_array_unref (forest->roots);
  g_ptr_array_unref (forest->snapshots);
  g_ptr_array_unref (forest->none);
  g_ptr_array_unref (forest->disks);
  g_ptr_array_unref (forest->of_disks);
  for (guint i = 0; i < forest->length; i++) {
    snapshot_unref (forest->entries[i].snapshot);
    if (forest->entries[i].children != NULL)
      g_ptr_array_unref (forest->entries[i].children);
  }
  g_free (forest->entries);
  g_free (forest);
}

/* Makes @entry a root with @problem; on a copy, because other pictures may share the snapshot. */
static void
break_off (struct Forest *forest, Entry *entry, const char *problem)
{
  Snapshot *copy = snapshot_copy (entry->snapshot);

  g_clear_pointer (&copy->parent, g_free);
  if (copy->problem == NULL)
    copy->problem = g_strdup (problem);
  /* The key belongs to the snapshot, so it goes along. */
  g_hash_table_replace (forest->by_id, copy->id, entry);
  snapshot_unref (entry->snapshot);
  entry->snapshot = copy;
  entry->parent = NULL;
}

static void
find_parents (struct Forest *forest)
{
  for (guint i = 0; i < forest->length; i++) {
    Entry *entry = &forest->entries[i];
    const char *parent = entry->snapshot->parent;

    if (parent == NULL)
      continue;
    entry->parent = g_hash_table_lookup (forest->by_id, parent);
    if (entry->parent == NULL) {
      g_autofree char *problem = g_strdup_printf ("its parent %s is missing", parent);
      break_off (forest, entry, problem);
    }
  }
}

/* Follows parents from each entry that no earlier walk has met.  A walk that meets itself has
 * found a cycle; one that meets an earlier walk has found known ground. */
static void
break_cycles (struct Forest *forest)
{
  for (guint i = 0; i < forest->length; i++) {
    Entry *entry = &forest->entries[i];

    while (entry != NULL && entry->walk == 0) {
      entry->walk = i + 1;
      entry = entry->parent;
    }
    while (entry != NULL && entry->walk == i + 1) {
      Entry *parent = entry->parent;

      if (parent == NULL)
        break;
      break_off (forest, entry, "it descends from itself");
      entry = parent;
    }
  }
}

static void
link_children (struct Forest *forest)
{
  for (guint i = 0; i < forest->length; i++) {
    Entry *entry = &forest->entries[i];
    Entry *parent = entry->parent;

    if (parent == NULL) {
      g_ptr_array_add (forest->roots, entry->snapshot);
      continue;
    }
    if (parent->children == NULL)
      parent->children = g_ptr_array_new ();
    g_ptr_array_add (parent->children, entry->snapshot);
    if (parent->last_child != NULL)
      parent->last_child->next_sibling = entry;
    else
      parent->first_child = entry;
    parent->last_child = entry;
  }
}

/* The entry after @entry below the same root, depth first; NULL: that was the last. */
static Entry *
next_in_tree (Entry *entry)
{
  if (entry->first_child != NULL)
    return entry->first_child;
  while (entry != NULL && entry->next_sibling == NULL)
    entry = entry->parent;
  return entry == NULL ? NULL : entry->next_sibling;
}

/* All entries, depth first.  Free with g_free. */
static Entry **
put_in_order (struct Forest *forest)
{
  Entry **order = g_new (Entry *, forest->length);
  guint length = 0;

  for (guint i = 0; i < forest->length; i++) {
    if (forest->entries[i].parent != NULL)
      continue;
    for (Entry *entry = &forest->entries[i]; entry != NULL; entry = next_in_tree (entry)) {
      order[length++] = entry;
      g_ptr_array_add (forest->snapshots, entry->snapshot);
    }
  }
  g_assert (length == forest->length);
  return order;
}

/* From the last to the first, so that children are counted before their parents, and the entry
 * that ends up in the table is the first of its name. */
static void
count_and_name (struct Forest *forest, Entry **order)
{
  for (guint i = forest->length; i-- > 0;) {
    Entry *entry = order[i];

    if (entry->parent != NULL)
      entry->parent->descendants += 1 + entry->descendants;
    entry->next_named = g_hash_table_lookup (forest->by_name, entry->snapshot->name);
    g_hash_table_replace (forest->by_name, entry->snapshot->name, entry);
  }
  for (guint i = 0; i < forest->length; i++)
    if (order[i]->next_named != NULL)
      order[i]->next_named->namesakes_before = order[i]->namesakes_before + 1;
}

struct Forest *
forest_grow (const GPtrArray *snapshots, gboolean flat)
{
  struct Forest *forest = forest_new (snapshots);
  g_autofree Entry **order = NULL;

  if (!flat) {
    find_parents (forest);
    break_cycles (forest);
  }
  link_children (forest);
  order = put_in_order (forest);
  count_and_name (forest, order);
  return forest;
}
