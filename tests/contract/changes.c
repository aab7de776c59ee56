/* Taking, discarding, reverting, describing and renaming: what is current and whose parent it is
 * after each. */
#include "contract.h"

#include <string.h>

static void
the_first_is_a_root_and_current (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");

  contract_assert_parent (contract, base, NULL);
  contract_assert_current (contract, base);
}

static void
the_next_is_the_child_of_the_current (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *updates = contract_take (contract, "updates");
  g_autofree char *nginx = contract_take (contract, "nginx");

  contract_assert_parent (contract, updates, base);
  contract_assert_parent (contract, nginx, updates);
  contract_assert_current (contract, nginx);
}

static void
assert_under (Contract *contract, const char *under, gboolean allowed)
{
  const CreateOptions options = { .name = "under", .under = under };
  GError *error = NULL;
  g_autofree char *id = contract_create (contract, &options, &error);

  assert_int_equal (id != NULL, allowed);
  if (!allowed) {
    assert_error (&error, BACKEND_ERROR_NOT_CURRENT);
    return;
  }
  assert_true (contract_discard (contract, id, &error));
}

static void
it_is_taken_only_under_the_one_that_was_named (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = NULL;
  g_autofree char *updates = NULL;

  assert_under (contract, "no such id", FALSE);
  assert_under (contract, "", TRUE);
  base = contract_take (contract, "base");
  updates = contract_take (contract, "updates");
  assert_under (contract, "", FALSE);
  assert_under (contract, base, FALSE);
  assert_under (contract, updates, TRUE);
  assert_under (contract, NULL, TRUE);
  contract_assert_count (contract, 2);
}

static void
a_name_is_given_once (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *updates = contract_take (contract, "updates");
  const CreateOptions options = { .name = "base" };
  GError *error = NULL;

  assert_null (contract_create (contract, &options, &error));
  assert_error (&error, BACKEND_ERROR_EXISTS);
  contract_assert_current (contract, updates);
  contract_assert_count (contract, 2);
}

static void
made_up_names_do_not_collide (void **state)
{
  Contract *contract = *state;
  g_autofree char *first = contract_take (contract, NULL);
  g_autofree char *second = contract_take (contract, NULL);
  g_autoptr (Domain) domain = contract_look (contract);

  assert_string_not_equal (domain_snapshot (domain, first)->name,
                           domain_snapshot (domain, second)->name);
}

static void
discarding_the_current_makes_its_parent_current (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *updates = contract_take (contract, "updates");
  GError *error = NULL;

  assert_true (contract_discard (contract, updates, &error));
  contract_assert_current (contract, base);
  contract_assert_count (contract, 1);
  assert_false (contract_discard (contract, updates, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

static void
discarding_the_last_leaves_none_current (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *again = NULL;
  GError *error = NULL;

  assert_true (contract_discard (contract, base, &error));
  contract_assert_current (contract, NULL);
  contract_assert_count (contract, 0);
  again = contract_take (contract, "again");
  contract_assert_parent (contract, again, NULL);
}

static void
discarding_another_leaf_leaves_the_current (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *updates = contract_take (contract, "updates");
  GError *error = NULL;

  assert_true (contract_revert (contract, base, &error));
  assert_true (contract_discard (contract, updates, &error));
  contract_assert_current (contract, base);
}

static void
one_with_children_is_not_discarded (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *updates = contract_take (contract, "updates");
  g_autofree char *nginx = contract_take (contract, "nginx");
  GError *error = NULL;

  assert_false (contract_discard (contract, base, &error));
  assert_error (&error, BACKEND_ERROR_NOT_EMPTY);
  assert_false (contract_discard (contract, updates, &error));
  assert_error (&error, BACKEND_ERROR_NOT_EMPTY);
  contract_assert_count (contract, 3);
  contract_assert_current (contract, nginx);
}

static void
reverting_makes_current_and_the_next_one_a_branch (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *left = contract_take (contract, "left");
  g_autofree char *right = NULL;
  GError *error = NULL;

  assert_true (contract_revert (contract, base, &error));
  contract_assert_current (contract, base);
  right = contract_take (contract, "right");
  contract_assert_parent (contract, left, base);
  contract_assert_parent (contract, right, base);
  contract_assert_current (contract, right);
  assert_true (contract_revert (contract, left, &error));
  assert_true (contract_revert (contract, left, &error));
  contract_assert_current (contract, left);
}

static void
assert_description (Contract *contract, const char *id, const char *expected)
{
  g_autoptr (Domain) domain = contract_look (contract);

  assert_text (domain_snapshot (domain, id)->description, expected);
}

static void
a_description_is_set_changed_and_removed (void **state)
{
  Contract *contract = *state;
  const CreateOptions options = { .name = "base", .description = "first <&>\nsecond line" };
  GError *error = NULL;
  g_autofree char *id = contract_create (contract, &options, &error);

  assert_no_error (error);
  assert_description (contract, id, "first <&>\nsecond line");
  assert_true (contract_describe (contract, id, "f\xc3\xbcr alle", &error));
  assert_description (contract, id, "f\xc3\xbcr alle");
  {
    g_autoptr (Domain) domain = contract_look (contract);

    assert_non_null (strstr (domain_snapshot (domain, id)->xml->data, "f\xc3\xbcr alle"));
  }
  assert_true (contract_describe (contract, id, "", &error));
  assert_description (contract, id, NULL);
  assert_false (contract_describe (contract, id, "\xff", &error));
  assert_error (&error, BACKEND_ERROR_BAD_ENCODING);
}

static void
a_renamed_one_stays_who_it_is (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = NULL;
  g_autofree char *updates = NULL;
  g_autofree char *again = NULL;
  GError *error = NULL;

  base = contract_take (contract, "base");
  updates = contract_take (contract, "updates");
  assert_true (contract_rename (contract, base, "ground", &error));
  contract_assert_parent (contract, updates, base);
  contract_assert_current (contract, updates);
  {
    g_autoptr (Domain) domain = contract_look (contract);

    assert_text (domain_snapshot (domain, base)->name, "ground");
    assert_null (domain_named (domain, "base", 0));
    assert_non_null (strstr (domain_snapshot (domain, updates)->xml->data, "<name>ground</name>"));
  }
  assert_false (contract_rename (contract, base, "updates", &error));
  assert_error (&error, BACKEND_ERROR_EXISTS);
  again = contract_take (contract, "base"); /* the name is free */
}

static void
an_id_is_never_given_again (void **state)
{
  Contract *contract = *state;
  g_autofree char *first = contract_take (contract, "base");
  g_autofree char *second = NULL;
  GError *error = NULL;

  assert_true (contract_discard (contract, first, &error));
  second = contract_take (contract, "base");
  assert_string_not_equal (first, second);
}

static void
a_cancelled_job_changes_nothing (void **state)
{
  Contract *contract = *state;
  g_autoptr (Job) job = job_new (contract->domain, "create");
  const CreateOptions options = { .name = "base" };
  GError *error = NULL;

  assert_true (job_cancel (job));
  assert_null (backend_create (contract->backend, contract->domain, &options, job, &error));
  assert_error (&error, BACKEND_ERROR_CANCELLED);
  job_finish (job, NULL);
  contract_assert_count (contract, 0);
  g_free (contract_take (contract, "base"));
}

int
contract_changes (void)
{
  static const ContractTest tests[] = {
    contract_test (the_first_is_a_root_and_current),
    contract_test (the_next_is_the_child_of_the_current),
    contract_test (it_is_taken_only_under_the_one_that_was_named),
    contract_test (a_name_is_given_once),
    contract_test (made_up_names_do_not_collide),
    contract_test (discarding_the_current_makes_its_parent_current),
    contract_test (discarding_the_last_leaves_none_current),
    contract_test (discarding_another_leaf_leaves_the_current),
    contract_test (one_with_children_is_not_discarded),
    contract_test (reverting_makes_current_and_the_next_one_a_branch),
    contract_test (a_description_is_set_changed_and_removed),
    contract_test_with (a_renamed_one_stays_who_it_is, CAN_RENAME),
    contract_test (an_id_is_never_given_again),
    contract_test (a_cancelled_job_changes_nothing),
  };

  return contract_ask ("changes", tests);
}
