/* Merging in both directions: whose bytes change, and who goes. */
#include "contract.h"

#define BOTH_WAYS (CAN_MERGE_PARENT | CAN_MERGE_CHILDREN)

/* From @tree, @name is merged: then there is @expected, in which @taker (NULL: none) has its
 * bytes. */
static void
check (Contract *contract, const char *tree, const char *name, MergeInto into, gboolean force,
       const char *expected, const char *taker)
{
  g_autofree char *id = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, tree);
  bytes = contract_remember (contract);
  id = contract_id (contract, name);
  assert_true (contract_merge (contract, id, into, force, &error));
  assert_no_error (error);
  contract_assert_tree (contract, expected);
  if (taker != NULL)
    bytes.hash[(guchar)taker[0]] = bytes.hash[(guchar)name[0]];
  contract_assert_bytes (contract, &bytes);
  contract_clear (contract);
}

static void
check_refused (Contract *contract, const char *tree, const char *name, const char *held,
               MergeInto into, gboolean force, BackendError code)
{
  g_autofree char *id = NULL;
  g_autofree char *held_id = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, tree);
  id = contract_id (contract, name);
  if (held != NULL) {
    held_id = contract_id (contract, held);
    assert_true (contract_hold (contract, held_id, TRUE, &error));
  }
  bytes = contract_remember (contract);
  assert_false (contract_merge (contract, id, into, force, &error));
  assert_error (&error, code);
  contract_assert_tree (contract, tree);
  contract_assert_bytes (contract, &bytes);
  contract_clear (contract);
}

static void
the_parent_becomes_what_is_merged (void **state)
{
  check (*state, "a(b(c(d) e*))", "b", MERGE_INTO_PARENT, FALSE, "a(c(d) e*)", "a");
  check (*state, "a(b(c) d*)", "c", MERGE_INTO_PARENT, FALSE, "a(b d*)", "b");
}

static void
the_parent_is_current_when_what_is_merged_was (void **state)
{
  check (*state, "a(b*)", "b", MERGE_INTO_PARENT, FALSE, "a*", "a");
  check (*state, "a(b*(c d))", "b", MERGE_INTO_PARENT, FALSE, "a*(c d)", "a");
  check (*state, "a*(b(c))", "b", MERGE_INTO_PARENT, FALSE, "a*(c)", "a");
}

static void
siblings_go_only_by_force (void **state)
{
  check_refused (*state, "a(b(c) d(e*))", "b", NULL, MERGE_INTO_PARENT, FALSE,
                 BACKEND_ERROR_NOT_EMPTY);
  check (*state, "a(b(c) d(e*))", "b", MERGE_INTO_PARENT, TRUE, "a*(c)", "a");
  check (*state, "a(b(c*) d(e))", "b", MERGE_INTO_PARENT, TRUE, "a(c*)", "a");
}

static void
of_a_root_only_the_name_goes (void **state)
{
  check (*state, "a(b(c*) d)", "a", MERGE_INTO_PARENT, FALSE, "b(c*) d", NULL);
  check (*state, "a*(b)", "a", MERGE_INTO_PARENT, TRUE, "b", NULL);
  check (*state, "a*", "a", MERGE_INTO_PARENT, FALSE, "", NULL);
}

static void
a_root_that_nothing_needs_is_not_merged (void **state)
{
  GError *error = NULL;

  contract_grow (*state, "a*");
  assert_true (contract_set_current (*state, NULL, &error));
  {
    g_autofree char *id = contract_id (*state, "a");

    assert_false (contract_merge (*state, id, MERGE_INTO_PARENT, TRUE, &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
  }
  contract_assert_tree (*state, "a");
}

static void
the_children_keep_what_was_below_them (void **state)
{
  check (*state, "a(b(c(d) e*))", "b", MERGE_INTO_CHILDREN, FALSE, "a(c(d) e*)", NULL);
  check (*state, "a(b*(c) d)", "b", MERGE_INTO_CHILDREN, TRUE, "a*(c d)", NULL);
  check (*state, "a*(b c)", "a", MERGE_INTO_CHILDREN, FALSE, "b c", NULL);
}

static void
a_leaf_is_not_merged_into_its_children (void **state)
{
  check_refused (*state, "a(b*)", "b", NULL, MERGE_INTO_CHILDREN, FALSE, BACKEND_ERROR_INVALID);
  check_refused (*state, "a(b*)", "b", NULL, MERGE_INTO_CHILDREN, TRUE, BACKEND_ERROR_INVALID);
}

static void
what_is_held_is_neither_merged_nor_replaced (void **state)
{
  check_refused (*state, "a(b*)", "b", "b", MERGE_INTO_PARENT, TRUE, BACKEND_ERROR_BUSY);
  check_refused (*state, "a(b*)", "b", "a", MERGE_INTO_PARENT, TRUE, BACKEND_ERROR_BUSY);
  check_refused (*state, "a(b c(d*))", "b", "d", MERGE_INTO_PARENT, TRUE, BACKEND_ERROR_BUSY);
  check_refused (*state, "a(b*(c))", "b", "b", MERGE_INTO_CHILDREN, FALSE, BACKEND_ERROR_BUSY);
}

static void
a_merge_survives_what_comes_after_it (void **state)
{
  Contract *contract = *state;
  g_autofree char *b = NULL;
  g_autofree char *a = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b(c*))");
  bytes = contract_remember (contract);
  a = contract_id (contract, "a");
  b = contract_id (contract, "b");
  assert_true (contract_merge (contract, b, MERGE_INTO_PARENT, FALSE, &error));
  assert_true (contract_revert (contract, a, &error));
  bytes.hash['a'] = bytes.live = bytes.hash['b'];
  contract_assert_bytes (contract, &bytes);
  contract_change (contract, 'x');
  g_free (contract_take (contract, "d"));
  bytes.hash['d'] = bytes.live = contract_hash (contract, NULL);
  contract_assert_tree (contract, "a(c d*)");
  contract_assert_bytes (contract, &bytes);
}

int
contract_merging (void)
{
  static const ContractTest tests[] = {
    contract_test_with (the_parent_becomes_what_is_merged, BOTH_WAYS),
    contract_test_with (the_parent_is_current_when_what_is_merged_was, BOTH_WAYS),
    contract_test_with (siblings_go_only_by_force, BOTH_WAYS),
    contract_test_with (of_a_root_only_the_name_goes, BOTH_WAYS),
    contract_test_with (a_root_that_nothing_needs_is_not_merged, BOTH_WAYS),
    contract_test_with (the_children_keep_what_was_below_them, BOTH_WAYS),
    contract_test_with (a_leaf_is_not_merged_into_its_children, BOTH_WAYS),
    contract_test_with (what_is_held_is_neither_merged_nor_replaced, BOTH_WAYS),
    contract_test_with (a_merge_survives_what_comes_after_it, BOTH_WAYS),
  };

  return contract_ask ("merging", tests);
}
