/* Sealing a picture, and what is asked of one that is sealed.
 *
 * How a forest grows is forest-grow.c's matter.  Nothing here changes what has been sealed, so
 * nothing locks. */
#include "forest.h"

static GPtrArray *
those_in_forest (const GPtrArray *snapshots)
{
  GPtrArray *those = g_ptr_array_new ();

  for (guint i = 0; snapshots != NULL && i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (snapshot->disk == NULL)
      g_ptr_array_add (those, (gpointer)snapshot);
  }
  return those;
}

/* One that stands in @forest as well is what that has made of it. */
static GPtrArray *
those_of_disk (const struct Forest *forest, const GPtrArray *snapshots, const char *target)
{
  GPtrArray *those = g_ptr_array_new ();

  for (guint i = 0; i < snapshots->len; i++) {
    Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    const Entry *entry = g_hash_table_lookup (forest->by_id, snapshot->id);

    if (g_strcmp0 (snapshot_single_disk (snapshot), target) == 0)
      g_ptr_array_add (those, entry != NULL ? entry->snapshot : snapshot);
  }
  return those;
}

static const struct Forest *
find_disk (const struct Forest *forest, const char *target)
{
  for (guint i = 0; i < forest->disks->len; i++) {
    const DiskForest *disk = g_ptr_array_index (forest->disks, i);

    if (g_str_equal (disk->target, target))
      return disk->forest;
  }
  return NULL;
}

static void
add_disk (struct Forest *forest, const GPtrArray *snapshots, const char *target)
{
  g_autoptr (GPtrArray) those = those_of_disk (forest, snapshots, target);
  DiskForest *disk = g_new0 (DiskForest, 1);

  disk->forest = forest_grow (those, TRUE);
  disk->target = snapshot_single_disk (g_ptr_array_index (disk->forest->snapshots, 0));
  g_ptr_array_add (forest->disks, disk);
  for (guint i = 0; i < those->len; i++)
    g_ptr_array_add (forest->of_disks, g_ptr_array_index (disk->forest->snapshots, i));
}

static void
add_disks (struct Forest *forest, const GPtrArray *snapshots)
{
  for (guint i = 0; snapshots != NULL && i < snapshots->len; i++) {
    const char *target = snapshot_single_disk (g_ptr_array_index (snapshots, i));

    if (target != NULL && find_disk (forest, target) == NULL)
      add_disk (forest, snapshots, target);
  }
}

void
domain_seal (Domain *domain, GPtrArray *snapshots)
{
  g_autoptr (GPtrArray) own = those_in_forest (snapshots);

  g_assert (domain->forest == NULL);
  domain->forest = forest_grow (own, FALSE);
  add_disks (domain->forest, snapshots);
  if (snapshots != NULL)
    g_ptr_array_unref (snapshots);
  /* As libvirt does: nothing is current rather than something that is not there. */
  if (domain->current != NULL && !g_hash_table_contains (domain->forest->by_id, domain->current))
    g_clear_pointer (&domain->current, g_free);
}

static const Entry *
find_entry (const Domain *domain, const char *id)
{
  const struct Forest *forest = domain->forest;
  const Entry *entry = g_hash_table_lookup (forest->by_id, id);

  for (guint i = 0; entry == NULL && i < forest->disks->len; i++)
    entry = g_hash_table_lookup (
        ((const DiskForest *)g_ptr_array_index (forest->disks, i))->forest->by_id, id);
  return entry;
}

const Snapshot *
domain_snapshot (const Domain *domain, const char *id)
{
  const Entry *entry = find_entry (domain, id);

  return entry == NULL ? NULL : entry->snapshot;
}

const GPtrArray *
domain_children (const Domain *domain, const char *parent)
{
  const Entry *entry;

  if (parent == NULL)
    return domain->forest->roots;
  entry = find_entry (domain, parent);
  return entry == NULL || entry->children == NULL ? domain->forest->none : entry->children;
}

const GPtrArray *
domain_snapshots (const Domain *domain)
{
  return domain->forest->snapshots;
}

static const Snapshot *
find_named (const struct Forest *forest, const char *name, guint nth)
{
  const Entry *entry = g_hash_table_lookup (forest->by_name, name);

  while (entry != NULL && nth-- > 0)
    entry = entry->next_named;
  return entry == NULL ? NULL : entry->snapshot;
}

const Snapshot *
domain_named (const Domain *domain, const char *name, guint nth)
{
  return find_named (domain->forest, name, nth);
}

const GPtrArray *
domain_disk_snapshots (const Domain *domain, const char *target)
{
  const struct Forest *disk;

  if (target == NULL)
    return domain->forest->of_disks;
  disk = find_disk (domain->forest, target);
  return disk == NULL ? domain->forest->none : disk->snapshots;
}

const Snapshot *
domain_disk_named (const Domain *domain, const char *target, const char *name, guint nth)
{
  const struct Forest *disk = find_disk (domain->forest, target);

  return disk == NULL ? NULL : find_named (disk, name, nth);
}

guint
domain_namesakes_before (const Domain *domain, const Snapshot *snapshot)
{
  const Entry *entry = find_entry (domain, snapshot->id);

  return entry == NULL ? 0 : entry->namesakes_before;
}

guint
domain_descendants (const Domain *domain, const Snapshot *snapshot)
{
  const Entry *entry = find_entry (domain, snapshot->id);

  return entry == NULL ? 0 : entry->descendants;
}
