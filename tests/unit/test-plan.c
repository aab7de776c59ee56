/* The rules of discarding and merging, each by name; all of them together in test-plan-model.c.
 *
 * Snapshots are written "a b<a c<b*": c is the child of b and current.  "!" is held, "?" has no
 * data, "=" is of one disk, through which nothing is read with "-".  A plan is written "-c -b d<a
 * e< a=b @a": c and then b go, d becomes the child of a and e a root, a takes the bytes of b, and a
 * is current afterwards. */
#include "../../backend/plan.h"
#include "../testing.h"

#include <string.h>

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

/* -------------------------------------------------------------------- pictures and plans as text
 */

static Snapshot *
parse_snapshot (const char *word, Domain *domain)
{
  const char *parent = strchr (word, '<');
  const char id[] = { word[0], '\0' };
  Snapshot *snapshot = snapshot_new (id, id);

  snapshot->held = strchr (word, '!') != NULL;
  snapshot->no_data = strchr (word, '?') != NULL;
  if (strchr (word, '=') != NULL)
    snapshot->disk = g_strdup ("vda");
  snapshot->can = strchr (word, '-') != NULL ? 0 : CAN_MERGE_CHILDREN;
  if (parent != NULL)
    snapshot->parent = g_strndup (parent + 1, 1);
  if (strchr (word, '*') != NULL)
    domain->current = g_strdup (id);
  return snapshot;
}

static Domain *
parse (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  Domain *domain = domain_new ("d", "u");

  for (guint i = 0; words[i] != NULL; i++)
    g_ptr_array_add (snapshots, parse_snapshot (words[i], domain));
  domain_seal (domain, snapshots);
  return domain;
}

static char *
plan_to_text (const Plan *plan)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < plan->removed->len; i++)
    g_string_append_printf (text, "-%s ",
                            ((const Snapshot *)g_ptr_array_index (plan->removed, i))->id);
  for (guint i = 0; i < plan->moves->len; i++) {
    const PlanMove *move = &g_array_index (plan->moves, PlanMove, i);

    g_string_append_printf (text, "%s<%s ", move->snapshot->id,
                            move->parent != NULL ? move->parent : "");
  }
  if (plan->takes != NULL)
    g_string_append_printf (text, "%s=%s ", plan->takes->id, plan->from->id);
  g_string_append_printf (text, "@%s", plan->current != NULL ? plan->current : "");
  return g_string_free (text, FALSE);
}

/* @plan, which is taken, is @expected; or it could not be made, for the reason @code. */
static void
assert_plan (Plan *plan, GError *error, const char *expected)
{
  g_autoptr (Plan) taken = plan;
  g_autofree char *text = NULL;

  assert_no_error (error);
  assert_non_null (taken);
  text = plan_to_text (taken);
  assert_text (text, expected);
}

static void
assert_refused (Plan *plan, GError *error, BackendError code)
{
  assert_null (plan);
  assert_error (&error, code);
}

static void
assert_discard (const char *text, const char *id, DiscardMode mode, const char *expected)
{
  g_autoptr (Domain) domain = parse (text);
  GError *error = NULL;
  Plan *plan = plan_discard (domain, id, mode, &error);

  assert_plan (plan, error, expected);
}

static void
assert_not_discarded (const char *text, const char *id, DiscardMode mode, BackendError code)
{
  g_autoptr (Domain) domain = parse (text);
  GError *error = NULL;
  Plan *plan = plan_discard (domain, id, mode, &error);

  assert_refused (plan, error, code);
}

static void
assert_merge (const char *text, const char *id, MergeInto into, gboolean force,
              const char *expected)
{
  g_autoptr (Domain) domain = parse (text);
  GError *error = NULL;
  Plan *plan = plan_merge (domain, id, into, force, &error);

  assert_plan (plan, error, expected);
}

static void
assert_not_merged (const char *text, const char *id, MergeInto into, gboolean force,
                   BackendError code)
{
  g_autoptr (Domain) domain = parse (text);
  GError *error = NULL;
  Plan *plan = plan_merge (domain, id, into, force, &error);

  assert_refused (plan, error, code);
}

/* -------------------------------------------------------------------- discard */

static void
what_is_not_there_is_not_found (void **state)
{
  assert_not_discarded ("a b<a", "x", DISCARD_ONE, BACKEND_ERROR_NOT_FOUND);
  assert_not_discarded ("a b<a", "x", DISCARD_CHILDREN_ONLY, BACKEND_ERROR_NOT_FOUND);
  assert_not_merged ("a b<a", "x", MERGE_INTO_PARENT, FALSE, BACKEND_ERROR_NOT_FOUND);
  assert_not_merged ("a b<a", "", MERGE_INTO_CHILDREN, TRUE, BACKEND_ERROR_NOT_FOUND);
}

static void
a_leaf_goes_alone (void **state)
{
  assert_discard ("a b<a c<a", "b", DISCARD_ONE, "-b @");
  assert_discard ("a", "a", DISCARD_ONE, "-a @");
}

static void
one_with_children_stays (void **state)
{
  assert_not_discarded ("a b<a c<b", "b", DISCARD_ONE, BACKEND_ERROR_NOT_EMPTY);
  assert_not_discarded ("a b<a", "a", DISCARD_ONE, BACKEND_ERROR_NOT_EMPTY);
}

static void
children_that_are_kept_move_up_in_their_order (void **state)
{
  assert_discard ("a b<a c<b d<c e<b f<a", "b", DISCARD_KEEP_CHILDREN, "-b c<a e<a @");
  assert_discard ("a b<a c<a", "a", DISCARD_KEEP_CHILDREN, "-a b< c< @");
  assert_discard ("a b<a", "b", DISCARD_KEEP_CHILDREN, "-b @");
}

static void
metadata_are_forgotten_as_with_children_that_are_kept (void **state)
{
  assert_discard ("a b<a c<b e<b", "b", DISCARD_METADATA_ONLY, "-b c<a e<a @");
  assert_discard ("a* b<a", "a", DISCARD_METADATA_ONLY, "-a b< @");
}

static void
descendants_go_before_what_they_descend_from (void **state)
{
  assert_discard ("a b<a c<b d<c e<b f<a", "b", DISCARD_DESCENDANTS, "-e -d -c -b @");
  assert_discard ("a b<a", "b", DISCARD_DESCENDANTS, "-b @");
}

static void
only_the_children_go_and_all_below_them (void **state)
{
  assert_discard ("a b<a c<b d<c e<b f<a", "b", DISCARD_CHILDREN_ONLY, "-e -d -c @");
  assert_discard ("a b<a*", "b", DISCARD_CHILDREN_ONLY, "@b");
}

static void
the_parent_of_what_goes_becomes_current (void **state)
{
  assert_discard ("a b<a*", "b", DISCARD_ONE, "-b @a");
  assert_discard ("a*", "a", DISCARD_ONE, "-a @");
  assert_discard ("a b<a* c<b", "b", DISCARD_KEEP_CHILDREN, "-b c<a @a");
  assert_discard ("a* b<a", "a", DISCARD_KEEP_CHILDREN, "-a b< @");
  assert_discard ("a b<a c<b d<c*", "b", DISCARD_DESCENDANTS, "-d -c -b @a");
  assert_discard ("a b<a*", "a", DISCARD_DESCENDANTS, "-b -a @");
  assert_discard ("a b<a c<b d<c*", "b", DISCARD_CHILDREN_ONLY, "-d -c @b");
}

static void
who_else_is_current_stays_so (void **state)
{
  assert_discard ("a b<a c<a*", "b", DISCARD_ONE, "-b @c");
  assert_discard ("a b<a c<b*", "b", DISCARD_KEEP_CHILDREN, "-b c<a @c");
  assert_discard ("a b<a* c<b", "b", DISCARD_CHILDREN_ONLY, "-c @b");
  assert_discard ("a* b<a", "b", DISCARD_DESCENDANTS, "-b @a");
}

static void
what_is_held_does_not_go (void **state)
{
  assert_not_discarded ("a b!<a", "b", DISCARD_ONE, BACKEND_ERROR_BUSY);
  assert_not_discarded ("a b!<a c<b", "b", DISCARD_KEEP_CHILDREN, BACKEND_ERROR_BUSY);
  assert_not_discarded ("a b!<a c<b", "b", DISCARD_METADATA_ONLY, BACKEND_ERROR_BUSY);
  assert_not_discarded ("a b!<a c<b", "b", DISCARD_DESCENDANTS, BACKEND_ERROR_BUSY);
  assert_not_discarded ("a b<a c<b d!<c", "b", DISCARD_DESCENDANTS, BACKEND_ERROR_BUSY);
  assert_not_discarded ("a b<a c<b d!<c", "b", DISCARD_CHILDREN_ONLY, BACKEND_ERROR_BUSY);
}

static void
what_is_held_keeps_nothing_else (void **state)
{
  assert_discard ("a! b<a c!<a", "b", DISCARD_ONE, "-b @");
  assert_discard ("a b<a c!<b", "b", DISCARD_KEEP_CHILDREN, "-b c<a @");
  assert_discard ("a b!<a c<b", "b", DISCARD_CHILDREN_ONLY, "-c @");
  assert_discard ("a! b<a c<b", "b", DISCARD_DESCENDANTS, "-c -b @");
}

/* -------------------------------------------------------------------- merge into the parent */

static void
the_parent_takes_the_bytes_and_the_children (void **state)
{
  assert_merge ("a b<a c<b d<c e<b", "b", MERGE_INTO_PARENT, FALSE, "-b c<a e<a a=b @");
  assert_merge ("a b<a c<b", "c", MERGE_INTO_PARENT, FALSE, "-c b=c @");
}

static void
the_parent_of_a_merged_one_becomes_current (void **state)
{
  assert_merge ("a b<a* c<b", "b", MERGE_INTO_PARENT, FALSE, "-b c<a a=b @a");
  assert_merge ("a* b<a", "b", MERGE_INTO_PARENT, FALSE, "-b a=b @a");
  assert_merge ("a b<a c<b*", "b", MERGE_INTO_PARENT, FALSE, "-b c<a a=b @c");
}

static void
siblings_are_discarded_only_by_force (void **state)
{
  const char *text = "a b<a c<b d<a e<d f";

  assert_not_merged (text, "b", MERGE_INTO_PARENT, FALSE, BACKEND_ERROR_NOT_EMPTY);
  assert_merge (text, "b", MERGE_INTO_PARENT, TRUE, "-e -d -b c<a a=b @");
  assert_merge ("a b<a c<a d<a", "c", MERGE_INTO_PARENT, TRUE, "-b -d -c a=c @");
  assert_merge ("a b<a c<b*", "b", MERGE_INTO_PARENT, TRUE, "-b c<a a=b @c");
}

static void
the_parent_is_current_when_a_discarded_sibling_was (void **state)
{
  assert_merge ("a b<a c<a*", "b", MERGE_INTO_PARENT, TRUE, "-c -b a=b @a");
  assert_merge ("a b<a c<a d<c*", "b", MERGE_INTO_PARENT, TRUE, "-d -c -b a=b @a");
}

static void
nothing_that_is_held_is_merged_replaced_or_discarded (void **state)
{
  assert_not_merged ("a b!<a", "b", MERGE_INTO_PARENT, FALSE, BACKEND_ERROR_BUSY);
  assert_not_merged ("a! b<a", "b", MERGE_INTO_PARENT, FALSE, BACKEND_ERROR_BUSY);
  assert_not_merged ("a b<a c!<a", "b", MERGE_INTO_PARENT, TRUE, BACKEND_ERROR_BUSY);
  assert_not_merged ("a b<a c<a d!<c", "b", MERGE_INTO_PARENT, TRUE, BACKEND_ERROR_BUSY);
  assert_merge ("a! b<a c<b d!<c", "c", MERGE_INTO_PARENT, FALSE, "-c d<b b=c @");
}

static void
what_has_no_data_has_nothing_for_its_parent (void **state)
{
  assert_not_merged ("a b?<a", "b", MERGE_INTO_PARENT, TRUE, BACKEND_ERROR_INVALID);
  assert_merge ("a? b<a", "b", MERGE_INTO_PARENT, FALSE, "-b a=b @");
}

static void
of_a_root_only_the_name_goes (void **state)
{
  assert_merge ("a b<a c<a d", "a", MERGE_INTO_PARENT, FALSE, "-a b< c< @");
  assert_merge ("a* b<a d", "a", MERGE_INTO_PARENT, TRUE, "-a b< @");
  assert_merge ("a*", "a", MERGE_INTO_PARENT, FALSE, "-a @");
  assert_merge ("a? b<a*", "a", MERGE_INTO_PARENT, FALSE, "-a b< @b");
  assert_not_merged ("a! b<a", "a", MERGE_INTO_PARENT, FALSE, BACKEND_ERROR_BUSY);
}

static void
a_root_that_nothing_follows_is_not_merged (void **state)
{
  assert_not_merged ("a b*", "a", MERGE_INTO_PARENT, FALSE, BACKEND_ERROR_INVALID);
  assert_not_merged ("a", "a", MERGE_INTO_PARENT, TRUE, BACKEND_ERROR_INVALID);
}

/* -------------------------------------------------------------------- merge into the children */

static void
the_children_move_up_with_their_bytes (void **state)
{
  assert_merge ("a b<a c<b d<b e<a", "b", MERGE_INTO_CHILDREN, FALSE, "-b c<a d<a @");
  assert_merge ("a* b<a", "a", MERGE_INTO_CHILDREN, TRUE, "-a b< @");
  assert_merge ("a! b?<a c!<b", "b", MERGE_INTO_CHILDREN, FALSE, "-b c<a @");
}

static void
a_leaf_has_nothing_to_be_merged_into (void **state)
{
  assert_not_merged ("a b<a", "b", MERGE_INTO_CHILDREN, FALSE, BACKEND_ERROR_INVALID);
  assert_not_merged ("a b<a*", "b", MERGE_INTO_CHILDREN, TRUE, BACKEND_ERROR_INVALID);
  assert_not_merged ("a b!<a c<b", "b", MERGE_INTO_CHILDREN, FALSE, BACKEND_ERROR_BUSY);
}

static void
only_what_is_current_is_followed_by_another (void **state)
{
  g_autoptr (Domain) domain = parse ("a b<a* c<b");
  GError *error = NULL;

  assert_true (plan_check_current (domain, "c", NULL, &error));
  assert_true (plan_check_current (domain, NULL, "b", &error));
  assert_false (plan_check_current (domain, NULL, "c", &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (plan_check_current (domain, "x", NULL, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

/* -------------------------------------------------------------------- of one disk */

static void
of_one_disk_it_goes_by_itself_only (void **state)
{
  assert_discard ("a b<a* x=", "x", DISCARD_ONE, "-x @b");
  assert_discard ("a b<a* x=", "a", DISCARD_DESCENDANTS, "-b -a @");
  assert_not_discarded ("a x=!", "x", DISCARD_ONE, BACKEND_ERROR_BUSY);
  for (DiscardMode mode = DISCARD_KEEP_CHILDREN; mode <= DISCARD_METADATA_ONLY; mode++)
    assert_not_discarded ("a x=", "x", mode, BACKEND_ERROR_UNSUPPORTED);
}

static void
of_one_disk_it_is_merged_into_what_is_read_through_it (void **state)
{
  assert_merge ("a b<a* x=", "x", MERGE_INTO_CHILDREN, FALSE, "-x @b");
  assert_not_merged ("a x=-", "x", MERGE_INTO_CHILDREN, TRUE, BACKEND_ERROR_UNSUPPORTED);
  assert_not_merged ("a x=", "x", MERGE_INTO_PARENT, FALSE, BACKEND_ERROR_UNSUPPORTED);
  assert_not_merged ("a x=!", "x", MERGE_INTO_CHILDREN, FALSE, BACKEND_ERROR_BUSY);
}

static void
of_one_disk_it_never_becomes_current (void **state)
{
  g_autoptr (Domain) domain = parse ("a* x=");
  GError *error = NULL;

  assert_false (plan_check_current (domain, "x", NULL, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (what_is_not_there_is_not_found),
    cmocka_unit_test (a_leaf_goes_alone),
    cmocka_unit_test (one_with_children_stays),
    cmocka_unit_test (children_that_are_kept_move_up_in_their_order),
    cmocka_unit_test (metadata_are_forgotten_as_with_children_that_are_kept),
    cmocka_unit_test (descendants_go_before_what_they_descend_from),
    cmocka_unit_test (only_the_children_go_and_all_below_them),
    cmocka_unit_test (the_parent_of_what_goes_becomes_current),
    cmocka_unit_test (who_else_is_current_stays_so),
    cmocka_unit_test (what_is_held_does_not_go),
    cmocka_unit_test (what_is_held_keeps_nothing_else),
    cmocka_unit_test (the_parent_takes_the_bytes_and_the_children),
    cmocka_unit_test (the_parent_of_a_merged_one_becomes_current),
    cmocka_unit_test (siblings_are_discarded_only_by_force),
    cmocka_unit_test (the_parent_is_current_when_a_discarded_sibling_was),
    cmocka_unit_test (nothing_that_is_held_is_merged_replaced_or_discarded),
    cmocka_unit_test (what_has_no_data_has_nothing_for_its_parent),
    cmocka_unit_test (of_a_root_only_the_name_goes),
    cmocka_unit_test (a_root_that_nothing_follows_is_not_merged),
    cmocka_unit_test (the_children_move_up_with_their_bytes),
    cmocka_unit_test (a_leaf_has_nothing_to_be_merged_into),
    cmocka_unit_test (only_what_is_current_is_followed_by_another),
    cmocka_unit_test (of_one_disk_it_goes_by_itself_only),
    cmocka_unit_test (of_one_disk_it_is_merged_into_what_is_read_through_it),
    cmocka_unit_test (of_one_disk_it_never_becomes_current),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
