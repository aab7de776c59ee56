/* What is on the machine's disks, which snapshot is current, and which are held. */
#include "contract.h"

static void
the_disks_become_the_snapshots (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b(c*))");
  bytes = contract_remember (contract);
  a = contract_id (contract, "a");
  assert_true (contract_revert (contract, a, &error));
  bytes.live = bytes.hash['a'];
  contract_assert_tree (contract, "a*(b(c))");
  contract_assert_bytes (contract, &bytes);
}

static void
a_snapshot_is_of_the_disks_as_they_are (void **state)
{
  Contract *contract = *state;
  guint64 first, second;
  g_autofree char *a = NULL;
  g_autofree char *b = NULL;

  contract_change (contract, 1);
  first = contract_hash (contract, NULL);
  a = contract_take (contract, "a");
  assert_int_equal (contract_hash (contract, NULL), first);
  contract_change (contract, 2);
  second = contract_hash (contract, NULL);
  assert_int_not_equal (first, second);
  b = contract_take (contract, "b");
  assert_int_equal (contract_hash (contract, a), first);
  assert_int_equal (contract_hash (contract, b), second);
}

static void
assert_saved (Contract *contract, const char *tree, const char *name, const char *expected)
{
  const RevertOptions options = { .save = "s" };
  g_autofree char *id = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, tree);
  bytes = contract_remember (contract);
  id = contract_id (contract, name);
  assert_true (contract_revert_as (contract, id, &options, &error));
  assert_no_error (error);
  bytes.hash['s'] = bytes.live;
  bytes.live = bytes.hash[(guchar)name[0]];
  contract_assert_tree (contract, expected);
  contract_assert_bytes (contract, &bytes);
  contract_clear (contract);
}

static void
what_was_on_the_disks_can_be_saved (void **state)
{
  assert_saved (*state, "a(b(c*))", "a", "a*(b(c(s)))");
  assert_saved (*state, "a(b*)", "b", "a(b*(s))");
}

static void
what_is_saved_without_a_current_one_is_a_root (void **state)
{
  const RevertOptions options = { .save = "s" };
  g_autofree char *a = NULL;
  GError *error = NULL;

  contract_grow (*state, "a*(b)");
  a = contract_id (*state, "a");
  assert_true (contract_set_current (*state, NULL, &error));
  assert_true (contract_revert_as (*state, a, &options, &error));
  contract_assert_tree (*state, "a*(b) s");
}

static void
assert_not_reverted (Contract *contract, const char *id, const RevertOptions *options,
                     BackendError code)
{
  Bytes bytes = contract_remember (contract);
  GError *error = NULL;

  assert_false (contract_revert_as (contract, id, options, &error));
  assert_error (&error, code);
  contract_assert_tree (contract, "a(b*)");
  contract_assert_bytes (contract, &bytes);
}

static void
who_is_refused_keeps_everything (void **state)
{
  const RevertOptions taken = { .save = "b" }, both = { .running = TRUE, .paused = TRUE };
  const RevertOptions empty = { .save = "" }, save = { .save = "s" };
  g_autofree char *a = NULL;

  contract_grow (*state, "a(b*)");
  a = contract_id (*state, "a");
  assert_not_reverted (*state, a, &taken, BACKEND_ERROR_EXISTS);
  assert_not_reverted (*state, a, &empty, BACKEND_ERROR_INVALID);
  assert_not_reverted (*state, a, &both, BACKEND_ERROR_INVALID);
  assert_not_reverted (*state, "no such id", &save, BACKEND_ERROR_NOT_FOUND);
}

/* -------------------------------------------------------------------- current */

static void
which_is_current_is_no_matter_of_data (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b(c*))");
  bytes = contract_remember (contract);
  a = contract_id (contract, "a");
  assert_true (contract_set_current (contract, a, &error));
  assert_true (contract_set_current (contract, a, &error));
  contract_assert_tree (contract, "a*(b(c))");
  contract_assert_bytes (contract, &bytes);
  g_free (contract_take (contract, "d"));
  bytes.hash['d'] = bytes.live;
  contract_assert_tree (contract, "a(b(c) d*)");
  contract_assert_bytes (contract, &bytes);
}

static void
without_a_current_one_the_next_is_a_root (void **state)
{
  Contract *contract = *state;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b*)");
  bytes = contract_remember (contract);
  assert_true (contract_set_current (contract, NULL, &error));
  contract_assert_tree (contract, "a(b)");
  contract_assert_bytes (contract, &bytes);
  g_free (contract_take (contract, "c"));
  contract_assert_tree (contract, "a(b) c*");
  assert_false (contract_set_current (contract, "no such id", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  contract_assert_tree (contract, "a(b) c*");
}

/* -------------------------------------------------------------------- hold */

static void
assert_held (Contract *contract, const char *id, gboolean held)
{
  g_autoptr (Domain) domain = contract_look (contract);

  assert_int_equal (domain_snapshot (domain, id)->held, held);
}

static void
it_is_held_until_it_is_let_go (void **state)
{
  Contract *contract = *state;
  g_autofree char *b = NULL;
  GError *error = NULL;

  contract_grow (contract, "a(b*)");
  b = contract_id (contract, "b");
  assert_held (contract, b, FALSE);
  assert_true (contract_hold (contract, b, TRUE, &error));
  assert_true (contract_hold (contract, b, TRUE, &error));
  assert_held (contract, b, TRUE);
  assert_false (contract_discard (contract, b, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_true (contract_hold (contract, b, FALSE, &error));
  assert_true (contract_discard (contract, b, &error));
  assert_false (contract_hold (contract, b, TRUE, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

static void
what_takes_nothing_away_is_not_hindered (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  GError *error = NULL;

  contract_grow (contract, "a*(b)");
  a = contract_id (contract, "a");
  assert_true (contract_hold (contract, a, TRUE, &error));
  assert_true (contract_describe (contract, a, "words", &error));
  assert_true (contract_rename (contract, a, "z", &error));
  assert_true (contract_revert (contract, a, &error));
  g_free (contract_take (contract, "c"));
  contract_assert_tree (contract, "z(b c*)");
  assert_held (contract, a, TRUE);
}

int
contract_reverting (void)
{
  static const ContractTest tests[] = {
    contract_test (the_disks_become_the_snapshots),
    contract_test_where (a_snapshot_is_of_the_disks_as_they_are, WHERE_READABLE),
    contract_test (what_was_on_the_disks_can_be_saved),
    contract_test_with (what_is_saved_without_a_current_one_is_a_root, CAN_NO_CURRENT),
    contract_test (who_is_refused_keeps_everything),
    contract_test (which_is_current_is_no_matter_of_data),
    contract_test_with (without_a_current_one_the_next_is_a_root, CAN_NO_CURRENT),
    contract_test_with (it_is_held_until_it_is_let_go, CAN_HOLD),
    contract_test_with (what_takes_nothing_away_is_not_hindered, CAN_HOLD | CAN_RENAME),
  };

  return contract_ask ("reverting", tests);
}
