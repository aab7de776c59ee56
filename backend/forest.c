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
    Snapshot *standing = table_get (forest->by_id, snapshot->id);

    if (g_strcmp0 (snapshot_single_disk (snapshot), target) == 0)
      g_ptr_array_add (those, standing != NULL ? standing : snapshot);
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

  disk->refs = 1;
  disk->forest = forest_grow (those, TRUE);
  disk->target = snapshot_single_disk (g_ptr_array_index (those, 0));
  g_ptr_array_add (forest->disks, disk);
  g_ptr_array_extend (forest->of_disks, (GPtrArray *)forest_children (disk->forest, ROOTS), NULL,
                      NULL);
  forest->sound = forest->sound && disk->forest->sound;
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

/* As libvirt does: nothing is current rather than something that is not there. */
static void
take_forest (Domain *domain, struct Forest *forest)
{
  g_assert (domain->forest == NULL);
  domain->forest = forest;
  if (domain->current != NULL && table_get (forest->by_id, domain->current) == NULL)
    g_clear_pointer (&domain->current, g_free);
}

void
domain_seal (Domain *domain, GPtrArray *snapshots)
{
  g_autoptr (GPtrArray) own = those_in_forest (snapshots);
  struct Forest *forest = forest_grow (own, FALSE);

  add_disks (forest, snapshots);
  if (snapshots != NULL)
    g_ptr_array_unref (snapshots);
  take_forest (domain, forest);
}

gboolean
domain_follow (Domain *domain, const Domain *before, const GPtrArray *put, const GPtrArray *gone,
               GCompareFunc older)
{
  struct Forest *forest = forest_follow (before->forest, put, gone, older);

  if (forest != NULL)
    take_forest (domain, forest);
  return forest != NULL;
}

/* What stands for @id, and in which forest; NULL: nothing. */
static Snapshot *
find_standing (const Domain *domain, const char *id, const struct Forest **forest)
{
  Snapshot *standing;

  *forest = domain->forest;
  standing = table_get ((*forest)->by_id, id);
  for (guint i = 0; standing == NULL && i < domain->forest->disks->len; i++) {
    *forest = ((const DiskForest *)g_ptr_array_index (domain->forest->disks, i))->forest;
    standing = table_get ((*forest)->by_id, id);
  }
  return standing;
}

const Snapshot *
domain_snapshot (const Domain *domain, const char *id)
{
  const struct Forest *forest;

  return find_standing (domain, id, &forest);
}

const GPtrArray *
domain_children (const Domain *domain, const char *parent)
{
  return forest_children (domain->forest, parent == NULL ? ROOTS : parent);
}

guint
domain_count (const Domain *domain)
{
  return table_size (domain->forest->by_id);
}

const GPtrArray *
domain_snapshots (const Domain *domain)
{
  return forest_order (domain->forest)->snapshots;
}

static const Snapshot *
find_named (const struct Forest *forest, const char *name, guint nth)
{
  const GPtrArray *named = forest_named (forest, name);

  if (named->len > 1)
    named = g_hash_table_lookup (forest_order (forest)->namesakes_of, name);
  return nth < named->len ? g_ptr_array_index (named, nth) : NULL;
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
  return disk == NULL ? domain->forest->none : forest_children (disk, ROOTS);
}

const Snapshot *
domain_disk_named (const Domain *domain, const char *target, const char *name, guint nth)
{
  const struct Forest *disk = find_disk (domain->forest, target);

  return disk == NULL ? NULL : find_named (disk, name, nth);
}

/* Where @snapshot comes in the order of its forest, from 0. */
static guint
place_in_order (const ForestOrder *order, const Snapshot *snapshot)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (order->places, snapshot->id)) - 1;
}

guint
domain_namesakes_before (const Domain *domain, const Snapshot *snapshot)
{
  const struct Forest *forest;
  const Snapshot *standing = find_standing (domain, snapshot->id, &forest);
  const ForestOrder *order;

  if (standing == NULL || forest_named (forest, standing->name)->len == 1)
    return 0;
  order = forest_order (forest);
  return order->namesakes[place_in_order (order, standing)];
}

guint
domain_descendants (const Domain *domain, const Snapshot *snapshot)
{
  const struct Forest *forest;
  const Snapshot *standing = find_standing (domain, snapshot->id, &forest);
  const ForestOrder *order;

  if (standing == NULL || forest_children (forest, standing->id)->len == 0)
    return 0;
  order = forest_order (forest);
  return order->descendants[place_in_order (order, standing)];
}

/* ---- what differs ---- */

static gboolean
has_namesakes (const Domain *domain)
{
  return domain->forest->shared > 0;
}

GPtrArray *
domain_changed (const Domain *before, const Domain *after)
{
  g_autoptr (GPtrArray) ids = NULL;
  GPtrArray *changed;

  /* One that comes or goes may give another one its name; and what can be done with a snapshot the
   * domain says as well. */
  if (before->can != after->can || has_namesakes (before) || has_namesakes (after))
    return g_ptr_array_copy ((GPtrArray *)domain_snapshots (before), NULL, NULL);
  ids = table_differences (before->forest->by_id, after->forest->by_id);
  changed = g_ptr_array_sized_new (ids->len);
  for (guint i = 0; i < ids->len; i++) {
    Snapshot *snapshot = table_get (before->forest->by_id, g_ptr_array_index (ids, i));

    if (snapshot != NULL)
      g_ptr_array_add (changed, snapshot);
  }
  return changed;
}
