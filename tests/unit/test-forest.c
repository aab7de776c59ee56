/* Pictures that follow others, against those that are made of everything. */
#include "../../backend/model.h"
#include "../testing.h"
#include <string.h>

#define SEED 20261129
#define ROUNDS 1500
#define MOST 40
#define NAMES 60 /* few enough that some have several snapshots */

typedef struct {
  GRand *random;
  GHashTable *snapshots; /* id -> Snapshot: as they are to be */
  GPtrArray *put;        /* of Snapshot */
  GPtrArray *gone;       /* of char * */
  guint made;
} Story;

static void
release (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static int
older (gconstpointer one, gconstpointer other)
{
  const Snapshot *this = one, *that = other;
  if (this->created != that->created)
    return this->created < that->created ? -1 : 1;
  return strcmp (this->id, that->id);
}

static int
older_at (gconstpointer one, gconstpointer other)
{
  return older (*(Snapshot *const *)one, *(Snapshot *const *)other);
}

/* ---- what happens ---- */

/* NULL where there is none. */
static Snapshot *
any (const Story *story)
{
  g_autoptr (GList) all = g_hash_table_get_values (story->snapshots);
  guint count = g_list_length (all);
  all = g_list_sort (all, older);
  return count == 0
             ? NULL
             : g_list_nth_data (all, (guint)g_rand_int_range (story->random, 0, (gint)count));
}

static void
set (Story *story, Snapshot *snapshot)
{
  g_hash_table_replace (story->snapshots, snapshot->id, snapshot_ref (snapshot));
  g_ptr_array_add (story->put, snapshot);
}

static void
take (Story *story)
{
  g_autofree char *id = g_strdup_printf ("%u", story->made);
  g_autofree char *name = g_strdup_printf ("s%d", g_rand_int_range (story->random, 0, NAMES));
  const Snapshot *parent = g_rand_int_range (story->random, 0, 8) > 0 ? any (story) : NULL;
  Snapshot *snapshot = snapshot_new (id, name);
  snapshot->parent = parent ? g_strdup (parent->id) : NULL;
  snapshot->created = story->made++ / 4;
  set (story, snapshot);
}

/* @snapshot in another revision, to be changed. */
static Snapshot *
revise (Story *story, const Snapshot *snapshot)
{
  Snapshot *copy = snapshot_copy (snapshot);
  set (story, copy);
  return copy;
}

static void
rename_it (Story *story, const Snapshot *snapshot)
{
  Snapshot *copy = revise (story, snapshot);
  g_free (copy->name);
  copy->name = g_strdup_printf ("s%d", g_rand_int_range (story->random, 0, NAMES));
}

static void
move (Story *story, const Snapshot *snapshot, const char *parent)
{
  Snapshot *copy = revise (story, snapshot);
  g_free (copy->parent);
  copy->parent = g_strdup (parent);
}

static void
discard (Story *story, Snapshot *snapshot)
{
  g_autoptr (GList) all = g_hash_table_get_values (story->snapshots);
  for (GList *at = all; at; at = at->next)
    if (g_strcmp0 (((Snapshot *)at->data)->parent, snapshot->id) == 0)
      move (story, at->data, snapshot->parent);
  g_ptr_array_add (story->gone, g_strdup (snapshot->id));
  g_hash_table_remove (story->snapshots, snapshot->id);
}

static gboolean
descends (const Story *story, const Snapshot *snapshot, const Snapshot *from)
{
  for (; snapshot; snapshot = snapshot->parent
                                  ? g_hash_table_lookup (story->snapshots, snapshot->parent)
                                  : NULL)
    if (snapshot == from)
      return TRUE;
  return FALSE;
}

static void
happen (Story *story)
{
  Snapshot *one = any (story);
  const Snapshot *other = any (story);
  guint what = (guint)g_rand_int_range (story->random, 0, 5);
  g_ptr_array_set_size (story->put, 0);
  g_ptr_array_set_size (story->gone, 0);
  if (!one || (what < 2 && g_hash_table_size (story->snapshots) < MOST))
    take (story);
  else if (what == 2)
    rename_it (story, one);
  else if (what == 3 && !descends (story, other, one))
    move (story, one, other->id);
  else
    discard (story, one);
}

/* ---- what is said of it ---- */

static Domain *
made_of_all (const Story *story)
{
  GPtrArray *all = g_ptr_array_new_with_free_func (release);
  GHashTableIter iter;
  gpointer snapshot;
  g_hash_table_iter_init (&iter, story->snapshots);
  while (g_hash_table_iter_next (&iter, NULL, &snapshot))
    g_ptr_array_add (all, snapshot_ref (snapshot));
  g_ptr_array_sort (all, older_at);
  Domain *domain = domain_new ("d", "u");
  domain_seal (domain, all);
  return domain;
}

static void
assert_lists (const GPtrArray *one, const GPtrArray *other)
{
  assert_int_equal (one->len, other->len);
  for (guint i = 0; i < one->len; i++)
    assert_ptr_equal (g_ptr_array_index (one, i), g_ptr_array_index (other, i));
}

static void
assert_same (const Domain *domain, const Domain *expected)
{
  const GPtrArray *all = domain_snapshots (expected);
  assert_int_equal (domain_count (domain), all->len);
  assert_lists (domain_snapshots (domain), all);
  assert_lists (domain_children (domain, NULL), domain_children (expected, NULL));
  for (guint i = 0; i < all->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (all, i);
    guint before = domain_namesakes_before (expected, snapshot);
    assert_ptr_equal (domain_snapshot (domain, snapshot->id), snapshot);
    assert_lists (domain_children (domain, snapshot->id), domain_children (expected, snapshot->id));
    assert_int_equal (domain_namesakes_before (domain, snapshot), before);
    assert_ptr_equal (domain_named (domain, snapshot->name, before), snapshot);
    assert_int_equal (domain_descendants (domain, snapshot),
                      domain_descendants (expected, snapshot));
  }
}

static gboolean
is_same_in (const Domain *before, const Domain *after, const Snapshot *snapshot)
{
  return domain_snapshot (after, snapshot->id) == snapshot &&
         domain_namesakes_before (before, snapshot) == domain_namesakes_before (after, snapshot);
}

static void
assert_changes_told (const Domain *before, const Domain *after)
{
  g_autoptr (GPtrArray) changed = domain_changed (before, after);
  const GPtrArray *all = domain_snapshots (before);
  for (guint i = 0; i < all->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (all, i);
    assert_true (is_same_in (before, after, snapshot) ||
                 g_ptr_array_find (changed, snapshot, NULL));
  }
}

static void
a_picture_that_follows_is_the_one_made_of_all (void **state)
{
  Story story = { g_rand_new_with_seed (SEED),
                  g_hash_table_new_full (g_str_hash, g_str_equal, NULL, release),
                  g_ptr_array_new_with_free_func (release), g_ptr_array_new_with_free_func (g_free),
                  0 };
  Domain *before = made_of_all (&story);
  for (guint i = 0; i < ROUNDS; i++) {
    g_autoptr (Domain) was = made_of_all (&story);
    happen (&story);
    g_autoptr (Domain) expected = made_of_all (&story);
    Domain *domain = domain_new ("d", "u");
    assert_true (domain_follow (domain, before, story.put, story.gone, older));
    assert_same (domain, expected);
    assert_same (before, was);
    assert_changes_told (before, domain);
    domain_unref (before);
    before = domain;
  }
  domain_unref (before);
  g_rand_free (story.random);
  g_hash_table_unref (story.snapshots);
  g_ptr_array_unref (story.put);
  g_ptr_array_unref (story.gone);
}

/* ---- what does not follow ---- */

static Snapshot *
snapshot (const char *id, const char *parent)
{
  Snapshot *made = snapshot_new (id, id);
  made->parent = g_strdup (parent);
  return made;
}

/* a, b below it, and c below b; where not @parent of a. */
static Domain *
a_b_c (const char *parent)
{
  GPtrArray *all = g_ptr_array_new_with_free_func (release);
  Domain *domain = domain_new ("d", "u");
  g_ptr_array_add (all, snapshot ("a", parent));
  g_ptr_array_add (all, snapshot ("b", "a"));
  g_ptr_array_add (all, snapshot ("c", "b"));
  domain_seal (domain, all);
  return domain;
}

/* @put (taken) and @gone: each may be NULL. */
static gboolean
follows (const Domain *before, Snapshot *put, const char *gone)
{
  g_autoptr (GPtrArray) puts = g_ptr_array_new_with_free_func (release);
  g_autoptr (GPtrArray) goners = g_ptr_array_new ();
  g_autoptr (Domain) domain = domain_new ("d", "u");
  if (put)
    g_ptr_array_add (puts, put);
  if (gone)
    g_ptr_array_add (goners, (gpointer)gone);
  gboolean did = domain_follow (domain, before, puts, goners, older);
  if (!did)
    domain_seal (domain, NULL);
  return did;
}

static void
new_ones_below_each_other_do_not_follow (void **state)
{
  g_autoptr (Domain) before = a_b_c (NULL);
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();
  g_autoptr (GPtrArray) put = g_ptr_array_new_with_free_func (release);
  g_autoptr (Domain) domain = domain_new ("d", "u");
  g_ptr_array_add (put, snapshot ("x", "y"));
  g_ptr_array_add (put, snapshot ("y", "x"));
  assert_false (domain_follow (domain, before, put, gone, older));
  domain_seal (domain, NULL);
  assert_false (follows (before, snapshot ("x", "x"), NULL));
}

static Snapshot *
with_problem (Snapshot *snapshot)
{
  snapshot->problem = g_strdup ("it is cut off");
  return snapshot;
}

static Snapshot *
of_one_disk (Snapshot *snapshot)
{
  snapshot->disk = g_strdup ("vda");
  return snapshot;
}

static void
what_is_wrong_or_of_one_disk_does_not_follow (void **state)
{
  g_autoptr (Domain) whole = a_b_c (NULL);
  g_autoptr (Domain) broken = a_b_c ("missing");
  assert_true (follows (whole, snapshot ("d", "c"), NULL));
  assert_true (follows (whole, NULL, "c"));
  assert_false (follows (whole, NULL, "b"));                 /* c would have no parent */
  assert_false (follows (whole, snapshot ("d", "e"), NULL)); /* nor d */
  assert_false (follows (whole, snapshot ("a", "c"), NULL)); /* a would descend from itself */
  assert_false (follows (whole, snapshot ("d", "a"), "never"));
  assert_false (follows (whole, with_problem (snapshot ("d", "a")), NULL));
  assert_false (follows (whole, of_one_disk (snapshot ("d", NULL)), NULL));
  assert_false (follows (broken, snapshot ("d", "c"), NULL));
}

static void
what_is_current_and_gone_is_not_current (void **state)
{
  g_autoptr (Domain) before = a_b_c (NULL);
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();
  g_autoptr (GPtrArray) put = g_ptr_array_new ();
  g_autoptr (Domain) domain = domain_new ("d", "u");
  g_ptr_array_add (gone, (gpointer) "c");
  domain->current = g_strdup ("c");
  assert_true (domain_follow (domain, before, put, gone, older));
  assert_null (domain->current);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_picture_that_follows_is_the_one_made_of_all),
    cmocka_unit_test (what_is_wrong_or_of_one_disk_does_not_follow),
    cmocka_unit_test (new_ones_below_each_other_do_not_follow),
    cmocka_unit_test (what_is_current_and_gone_is_not_current),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
