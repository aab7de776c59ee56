/* Depth first through a whole forest: who comes before whom, and how many descend from each.
 *
 * It costs a walk, so a picture has it only when it is asked; the forest itself tells everything
 * else.  Whoever asks first makes it; of two that make it at once, one throws its own away. */
#include "forest.h"

/* How far the walk has come among the children of one snapshot. */
typedef struct {
  const GPtrArray *siblings;
  guint next;
  guint place; /* of their parent, from 0 */
} Step;

typedef struct {
  const struct Forest *forest;
  ForestOrder *order;
  GArray *steps; /* of Step: from the roots down to where it is */
} Walk;

static void
free_list (gpointer list)
{
  g_ptr_array_unref (list);
}

static ForestOrder *
order_new (guint length)
{
  ForestOrder *order = g_new0 (ForestOrder, 1);

  order->snapshots = g_ptr_array_sized_new (length);
  order->places = g_hash_table_new (id_hash, g_str_equal);
  order->descendants = g_new0 (guint, length);
  order->namesakes = g_new0 (guint, length);
  order->namesakes_of = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_list);
  return order;
}

void
forest_order_free (ForestOrder *order)
{
  if (order == NULL)
    return;
  g_ptr_array_unref (order->snapshots);
  g_hash_table_unref (order->places);
  g_hash_table_unref (order->namesakes_of);
  g_free (order->descendants);
  g_free (order->namesakes);
  g_free (order);
}

/* Counts @snapshot at @place among those of its name, where there are others. */
static void
count_namesake (const Walk *walk, Snapshot *snapshot, guint place)
{
  ForestOrder *order = walk->order;
  GPtrArray *namesakes;

  if (forest_named (walk->forest, snapshot->name)->len == 1)
    return;
  namesakes = g_hash_table_lookup (order->namesakes_of, snapshot->name);
  if (namesakes == NULL) {
    namesakes = g_ptr_array_new ();
    g_hash_table_insert (order->namesakes_of, snapshot->name, namesakes);
  }
  order->namesakes[place] = namesakes->len;
  g_ptr_array_add (namesakes, snapshot);
}

static void
descend (Walk *walk, const char *parent, guint place)
{
  const Step step = { forest_children (walk->forest, parent), 0, place };

  g_array_append_val (walk->steps, step);
}

static void
meet (Walk *walk, Snapshot *snapshot)
{
  GPtrArray *snapshots = walk->order->snapshots;
  guint place = snapshots->len;

  g_ptr_array_add (snapshots, snapshot);
  g_hash_table_insert (walk->order->places, snapshot->id, GUINT_TO_POINTER (place + 1));
  count_namesake (walk, snapshot, place);
  descend (walk, snapshot->id, place);
}

static ForestOrder *
walk_through (const struct Forest *forest)
{
  guint length = table_size (forest->by_id);
  Walk walk = { forest, order_new (length), g_array_new (FALSE, FALSE, sizeof (Step)) };

  descend (&walk, ROOTS, 0);
  while (walk.steps->len > 0) {
    Step *step = &g_array_index (walk.steps, Step, walk.steps->len - 1);

    if (step->next < step->siblings->len) {
      meet (&walk, g_ptr_array_index (step->siblings, step->next++));
      continue;
    }
    if (walk.steps->len > 1)
      walk.order->descendants[step->place] = walk.order->snapshots->len - step->place - 1;
    g_array_set_size (walk.steps, walk.steps->len - 1);
  }
  g_array_unref (walk.steps);
  g_assert (walk.order->snapshots->len == length);
  return walk.order;
}

const ForestOrder *
forest_order (const struct Forest *forest)
{
  ForestOrder **order = (ForestOrder **)&forest->order;
  ForestOrder *made = g_atomic_pointer_get (order);

  if (made != NULL)
    return made;
  made = walk_through (forest);
  if (g_atomic_pointer_compare_and_exchange (order, NULL, made))
    return made;
  forest_order_free (made);
  return g_atomic_pointer_get (order);
}
