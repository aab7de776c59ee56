/* Which snapshots go in each mode of discarding, and that no byte of the others does. */
#include "contract.h"

/* From @tree, @name goes in this mode: then there is @expected. */
static void
check (Contract *contract, const char *tree, const char *name, DiscardMode mode,
       const char *expected)
{
  g_autofree char *id = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, tree);
  bytes = contract_remember (contract);
  id = contract_id (contract, name);
  assert_true (contract_discard_as (contract, id, mode, &error));
  assert_no_error (error);
  contract_assert_tree (contract, expected);
  contract_assert_bytes (contract, &bytes);
  contract_clear (contract);
}

static void
check_refused (Contract *contract, const char *tree, const char *name, const char *held,
               DiscardMode mode, BackendError code)
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
  assert_false (contract_discard_as (contract, id, mode, &error));
  assert_error (&error, code);
  contract_assert_tree (contract, tree);
  contract_assert_bytes (contract, &bytes);
  contract_clear (contract);
}

static void
a_leaf_goes_and_nothing_else (void **state)
{
  check (*state, "a(b(c) d*)", "c", DISCARD_ONE, "a(b d*)");
  check (*state, "a(b*)", "b", DISCARD_ONE, "a*");
}

static void
kept_children_move_up (void **state)
{
  check (*state, "a(b(c(d) e) f*)", "b", DISCARD_KEEP_CHILDREN, "a(c(d) e f*)");
  check (*state, "a(b*(c d))", "b", DISCARD_KEEP_CHILDREN, "a*(c d)");
}

static void
kept_children_of_a_root_become_roots (void **state)
{
  check (*state, "a*(b(c) d)", "a", DISCARD_KEEP_CHILDREN, "b(c) d");
  check (*state, "a(b(c*) d)", "a", DISCARD_KEEP_CHILDREN, "b(c*) d");
}

static void
descendants_go_along (void **state)
{
  check (*state, "a(b(c(d) e) f*)", "b", DISCARD_DESCENDANTS, "a(f*)");
  check (*state, "a(b(c(d*) e) f)", "b", DISCARD_DESCENDANTS, "a*(f)");
  check (*state, "a(b(c*))", "a", DISCARD_DESCENDANTS, "");
}

static void
the_children_go_alone (void **state)
{
  check (*state, "a(b(c(d) e) f*)", "b", DISCARD_CHILDREN_ONLY, "a(b f*)");
  check (*state, "a(b(c(d*)))", "b", DISCARD_CHILDREN_ONLY, "a(b*)");
  check (*state, "a(b*)", "b", DISCARD_CHILDREN_ONLY, "a(b*)");
}

static void
metadata_go_and_no_byte (void **state)
{
  check (*state, "a(b(c(d) e) f*)", "b", DISCARD_METADATA_ONLY, "a(c(d) e f*)");
  check (*state, "a*(b c)", "a", DISCARD_METADATA_ONLY, "b c");
  check (*state, "a(b*)", "b", DISCARD_METADATA_ONLY, "a*");
}

static void
what_is_held_stays (void **state)
{
  check_refused (*state, "a(b*)", "b", "b", DISCARD_ONE, BACKEND_ERROR_BUSY);
  check_refused (*state, "a(b*(c))", "b", "b", DISCARD_KEEP_CHILDREN, BACKEND_ERROR_BUSY);
  check_refused (*state, "a(b(c*))", "a", "c", DISCARD_DESCENDANTS, BACKEND_ERROR_BUSY);
  check_refused (*state, "a(b(c*))", "a", "b", DISCARD_CHILDREN_ONLY, BACKEND_ERROR_BUSY);
  check_refused (*state, "a(b(c*))", "b", "b", DISCARD_METADATA_ONLY, BACKEND_ERROR_BUSY);
}

static void
one_with_children_is_not_one (void **state)
{
  check_refused (*state, "a(b(c*))", "b", NULL, DISCARD_ONE, BACKEND_ERROR_NOT_EMPTY);
}

int
contract_discarding (void)
{
  static const ContractTest tests[] = {
    contract_test (a_leaf_goes_and_nothing_else),
    contract_test (kept_children_move_up),
    contract_test (kept_children_of_a_root_become_roots),
    contract_test (descendants_go_along),
    contract_test (the_children_go_alone),
    contract_test_with (metadata_go_and_no_byte, CAN_FORGET),
    contract_test_with (what_is_held_stays, CAN_HOLD),
    contract_test (one_with_children_is_not_one),
  };

  return contract_ask ("discarding", tests);
}
