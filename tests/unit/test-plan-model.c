/* The rules of discarding and merging against a model of them that is written here once more, by
 * recursion and by hand, on every forest of up to five snapshots. */
#include "../../backend/plan.h"
#include "../testing.h"

#define MOST 5

/* -------------------------------------------------------------------- a model of the same */

/* Snapshots are numbers, and parents have smaller ones than their children. */
typedef struct {
  int count;
  int parent[MOST]; /* -1: a root */
  int bytes[MOST];  /* whose they were at first; -1: gone */
  int current;      /* -1: none */
  int held;         /* -1: none */
  int no_data;      /* -1: all have data */
} Forest;

typedef struct {
  gboolean merge;
  DiscardMode mode;
  MergeInto into;
  gboolean force;
} Wish;

static const Wish wishes[] = {
  { .mode = DISCARD_ONE },
  { .mode = DISCARD_KEEP_CHILDREN },
  { .mode = DISCARD_DESCENDANTS },
  { .mode = DISCARD_CHILDREN_ONLY },
  { .mode = DISCARD_METADATA_ONLY },
  { .merge = TRUE, .into = MERGE_INTO_PARENT },
  { .merge = TRUE, .into = MERGE_INTO_PARENT, .force = TRUE },
  { .merge = TRUE, .into = MERGE_INTO_CHILDREN },
  { .merge = TRUE, .into = MERGE_INTO_CHILDREN, .force = TRUE },
};

static gboolean
model_has_children (const Forest *forest, int at)
{
  for (int i = 0; i < forest->count; i++)
    if (forest->parent[i] == at)
      return TRUE;
  return FALSE;
}

static void
model_drop_below (Forest *forest, int at)
{
  for (int i = 0; i < forest->count; i++)
    if (forest->parent[i] == at) {
      model_drop_below (forest, i);
      forest->bytes[i] = -1;
    }
}

static void
model_drop_and_move_up (Forest *forest, int at)
{
  for (int i = 0; i < forest->count; i++)
    if (forest->parent[i] == at)
      forest->parent[i] = forest->parent[at];
  forest->bytes[at] = -1;
}

/* -1, or why not. */
static int
model_discard (Forest *forest, int at, DiscardMode mode)
{
  if (mode == DISCARD_ONE && model_has_children (forest, at))
    return BACKEND_ERROR_NOT_EMPTY;
  if (mode == DISCARD_DESCENDANTS || mode == DISCARD_CHILDREN_ONLY)
    model_drop_below (forest, at);
  if (mode == DISCARD_KEEP_CHILDREN || mode == DISCARD_METADATA_ONLY)
    model_drop_and_move_up (forest, at);
  if (mode == DISCARD_ONE || mode == DISCARD_DESCENDANTS)
    forest->bytes[at] = -1;
  return -1;
}

static int
model_merge_into_parent (Forest *forest, int at, gboolean force)
{
  int parent = forest->parent[at];

  if (forest->no_data == at)
    return BACKEND_ERROR_INVALID;
  for (int i = 0; i < forest->count; i++) {
    if (i == at || forest->parent[i] != parent)
      continue;
    if (!force)
      return BACKEND_ERROR_NOT_EMPTY;
    model_drop_below (forest, i);
    forest->bytes[i] = -1;
  }
  forest->bytes[parent] = forest->bytes[at];
  model_drop_and_move_up (forest, at);
  return -1;
}

/* Something that has data comes after it, or it has none itself. */
static gboolean
model_is_followed (const Forest *forest, int at)
{
  for (int i = 0; i < forest->count; i++)
    if (forest->parent[i] == at && (forest->no_data == at || forest->no_data != i))
      return TRUE;
  return FALSE;
}

static int
model_merge (Forest *forest, int at, MergeInto into, gboolean force)
{
  gboolean last = !model_is_followed (forest, at);

  if (into == MERGE_INTO_PARENT && forest->parent[at] >= 0)
    return model_merge_into_parent (forest, at, force);
  if (last && (into == MERGE_INTO_CHILDREN || forest->current != at))
    return BACKEND_ERROR_INVALID;
  model_drop_and_move_up (forest, at);
  return -1;
}

/* Up from the one that was current, past all that went. */
static void
model_find_current (Forest *after, const Forest *before)
{
  while (after->current >= 0 && after->bytes[after->current] < 0)
    after->current = before->parent[after->current];
}

static int
model_carry_out (Forest *after, const Forest *before, const Wish *wish, int at)
{
  int code;

  *after = *before;
  code = wish->merge ? model_merge (after, at, wish->into, wish->force)
                     : model_discard (after, at, wish->mode);
  if (code >= 0)
    return code;
  if (before->held >= 0 && after->bytes[before->held] != before->bytes[before->held])
    return BACKEND_ERROR_BUSY;
  model_find_current (after, before);
  return -1;
}

/* -------------------------------------------------------------------- the model and the plans */

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static Domain *
forest_to_domain (const Forest *forest)
{
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  Domain *domain = domain_new ("d", "u");

  for (int i = 0; i < forest->count; i++) {
    g_autofree char *id = g_strdup_printf ("%d", i);
    Snapshot *snapshot = snapshot_new (id, id);

    snapshot->held = forest->held == i;
    snapshot->no_data = forest->no_data == i;
    snapshot->parent = forest->parent[i] < 0 ? NULL : g_strdup_printf ("%d", forest->parent[i]);
    g_ptr_array_add (snapshots, snapshot);
  }
  domain->current = forest->current < 0 ? NULL : g_strdup_printf ("%d", forest->current);
  domain_seal (domain, snapshots);
  return domain;
}

static int
number_of (const char *id)
{
  return id == NULL ? -1 : id[0] - '0';
}

/* Each once, and nothing while a child of it is still there. */
static void
remove_planned (Forest *forest, const Plan *plan, const Forest *before)
{
  for (guint i = 0; i < plan->removed->len; i++) {
    int at = number_of (((const Snapshot *)g_ptr_array_index (plan->removed, i))->id);

    assert_true (forest->bytes[at] >= 0);
    forest->bytes[at] = -1;
    for (int child = 0; child < forest->count; child++)
      if (before->parent[child] == at && forest->parent[child] == at)
        assert_int_equal (forest->bytes[child], -1);
  }
}

static void
carry_out_plan (Forest *forest, const Plan *plan, const Forest *before)
{
  *forest = *before;
  if (plan->takes != NULL)
    forest->bytes[number_of (plan->takes->id)] = number_of (plan->from->id);
  for (guint i = 0; i < plan->moves->len; i++) {
    const PlanMove *move = &g_array_index (plan->moves, PlanMove, i);

    forest->parent[number_of (move->snapshot->id)] = number_of (move->parent);
  }
  remove_planned (forest, plan, before);
  forest->current = number_of (plan->current);
}

static void
assert_same (const Forest *planned, const Forest *expected)
{
  for (int i = 0; i < expected->count; i++) {
    assert_int_equal (planned->bytes[i], expected->bytes[i]);
    if (expected->bytes[i] >= 0)
      assert_int_equal (planned->parent[i], expected->parent[i]);
  }
  assert_int_equal (planned->current, expected->current);
}

static void
compare_wish (const Domain *domain, const Forest *before, const Wish *wish, int at)
{
  const char id[] = { (char)('0' + at), '\0' };
  GError *error = NULL;
  g_autoptr (Plan) plan = wish->merge ? plan_merge (domain, id, wish->into, wish->force, &error)
                                      : plan_discard (domain, id, wish->mode, &error);
  Forest expected, planned;
  int code = model_carry_out (&expected, before, wish, at);

  assert_int_equal (plan == NULL, code >= 0);
  if (plan == NULL) {
    assert_error (&error, (BackendError)code);
    return;
  }
  carry_out_plan (&planned, plan, before);
  assert_same (&planned, &expected);
}

/* Returns how many plans were compared. */
static guint
compare_forest (const Forest *forest)
{
  g_autoptr (Domain) domain = forest_to_domain (forest);

  for (gsize i = 0; i < G_N_ELEMENTS (wishes); i++)
    for (int at = 0; at < forest->count; at++)
      compare_wish (domain, forest, &wishes[i], at);
  return G_N_ELEMENTS (wishes) * (guint)forest->count;
}

/* With each one current, and each one held or without data. */
static guint
compare_marks (Forest *forest)
{
  guint compared = 0;

  for (forest->current = -1; forest->current < forest->count; forest->current++)
    for (int mark = -1; mark < 2 * forest->count; mark++) {
      forest->held = mark < forest->count ? mark : -1;
      forest->no_data = mark < forest->count ? -1 : mark - forest->count;
      compared += compare_forest (forest);
    }
  return compared;
}

/* The snapshots from @at on get every parent that is there before them. */
static guint
compare_all_below (Forest *forest, int at)
{
  guint compared = 0;

  if (at == forest->count)
    return compare_marks (forest);
  for (int parent = -1; parent < at; parent++) {
    forest->parent[at] = parent;
    forest->bytes[at] = at;
    compared += compare_all_below (forest, at + 1);
  }
  return compared;
}

static void
every_plan_on_every_small_forest_is_the_models (void **state)
{
  guint compared = 0;

  for (int count = 1; count <= MOST; count++) {
    Forest forest = { .count = count };

    compared += compare_all_below (&forest, 0);
  }
  /* n! forests of n snapshots, each or none of them current, 2n + 1 marks, n places, 9 wishes. */
  assert_int_equal (compared, 9 * (1 * 2 * 3 * 1 + 2 * 3 * 5 * 2 + 6 * 4 * 7 * 3 + 24 * 5 * 9 * 4 +
                                   120 * 6 * 11 * 5));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_plan_on_every_small_forest_is_the_models),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
