/* A tree that was there before us: test-libvirt.c describes the domain "old" with it. */
#include "contract.h"

static void
begin (Contract *contract)
{
  contract->domain = "old";
  contract_assert_tree (contract, "a(b(c*) d)");
}

static void
it_is_there_with_what_it_says (void **state)
{
  Contract *contract = *state;
  g_autofree char *b = NULL;
  g_autoptr (Domain) domain = NULL;
  const Snapshot *snapshot;

  begin (contract);
  b = contract_id (contract, "b");
  domain = contract_look (contract);
  snapshot = domain_snapshot (domain, b);
  assert_int_equal (snapshot->created, 1500000002);
  assert_text (snapshot->description, "the second");
  assert_text (snapshot->state, "shutoff");
  assert_null (snapshot->problem);
}

static void
who_it_is_is_the_same_next_time (void **state)
{
  Contract *contract = *state;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  begin (contract);
  before = contract_id (contract, "d");
  contract_reopen (contract, NULL);
  after = contract_id (contract, "d");
  assert_text (after, before);
}

static void
it_goes_on_from_there (void **state)
{
  Contract *contract = *state;
  g_autofree char *d = NULL;
  g_autofree char *a = NULL;
  GError *error = NULL;

  begin (contract);
  d = contract_id (contract, "d");
  a = contract_id (contract, "a");
  assert_true (contract_revert (contract, d, &error));
  g_free (contract_take (contract, "e"));
  contract_assert_tree (contract, "a(b(c) d(e*))");
  assert_true (contract_discard_as (contract, a, DISCARD_KEEP_CHILDREN, &error));
  contract_assert_tree (contract, "b(c) d(e*)");
}

int
contract_preloaded (void)
{
  static const ContractTest tests[] = {
    contract_test (it_is_there_with_what_it_says),
    contract_test (who_it_is_is_the_same_next_time),
    contract_test (it_goes_on_from_there),
  };

  return contract_ask ("preloaded", tests);
}
