/* Names that people give: which are taken as they are, and which are refused. */
#include "contract.h"

#include <string.h>

static void
assert_taken (Contract *contract, const char *name)
{
  g_autofree char *id = contract_take (contract, name);
  g_autoptr (Domain) domain = contract_look (contract);
  GError *error = NULL;

  assert_text (domain_snapshot (domain, id)->name, name);
  assert_ptr_equal (domain_named (domain, name, 0), domain_snapshot (domain, id));
  assert_true (contract_discard (contract, id, &error));
}

static void
assert_name_refused (Contract *contract, const char *name, BackendError code)
{
  const CreateOptions options = { .name = name };
  g_autofree char *base = NULL;
  GError *error = NULL;

  assert_null (contract_create (contract, &options, &error));
  assert_error (&error, code);
  base = contract_take (contract, "base");
  assert_false (contract_rename (contract, base, name, &error));
  assert_error (&error, contract_can (contract, CAN_RENAME) ? code : BACKEND_ERROR_UNSUPPORTED);
  assert_true (contract_discard (contract, base, &error));
}

static void
odd_names_are_taken_as_they_are (void **state)
{
  static const char *const names[] = {
    "1",          "-d",    "--",        "..",     ".hidden",    "a/b",          "50%",
    "two\nlines", " a b ", "$(reboot)", "<&\"'>", "f\xc3\xbcr", "snapshot.xml", "head",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    assert_taken (*state, names[i]);
}

static void
control_characters_are_taken_where_no_xml_carries_them (void **state)
{
  const Contract *contract = *state;
  const CreateOptions options = { .name = "\x01x" };
  GError *error = NULL;

  if (!contract->kind->names_in_xml) {
    assert_taken (*state, "\x01x");
    return;
  }
  assert_null (contract_create (*state, &options, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
names_of_255_bytes_are_the_longest (void **state)
{
  g_autofree char *longest = g_strnfill (255, 'x');
  g_autofree char *longer = g_strnfill (256, 'x');

  assert_taken (*state, longest);
  assert_name_refused (*state, longer, BACKEND_ERROR_NAME_TOO_LONG);
}

static void
names_are_utf8_and_not_empty (void **state)
{
  assert_name_refused (*state, "a\xff", BACKEND_ERROR_BAD_ENCODING);
  assert_name_refused (*state, "\xc3", BACKEND_ERROR_BAD_ENCODING);
  assert_name_refused (*state, "", BACKEND_ERROR_INVALID);
}

/* Snapshots inside images are numbered: whoever looks for the name "2" must not find the second. */
static void
numbers_are_names_and_not_places (void **state)
{
  Contract *contract = *state;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "2(3(1*))");
  bytes = contract_remember (contract);
  for (const char *name = "123"; *name != '\0'; name++) {
    const char text[] = { *name, '\0' };
    g_autofree char *id = contract_id (contract, text);

    assert_true (contract_revert (contract, id, &error));
    bytes.live = bytes.hash[(guchar)*name];
    contract_assert_bytes (contract, &bytes);
  }
  {
    g_autofree char *id = contract_id (contract, "2");

    assert_true (contract_merge (contract, id, MERGE_INTO_CHILDREN, FALSE, &error));
  }
  contract_assert_tree (contract, "3*(1)");
  contract_assert_bytes (contract, &bytes);
}

static void
assert_worked_with (Contract *contract, const char *name)
{
  const RevertOptions save = { .save = name };
  g_autofree char *a = NULL;
  g_autofree char *id = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a*");
  bytes = contract_remember (contract);
  a = contract_id (contract, "a");
  assert_true (contract_revert_as (contract, a, &save, &error));
  id = contract_id (contract, name);
  assert_int_equal (contract_hash (contract, id), bytes.live);
  assert_true (contract_hold (contract, id, TRUE, &error));
  assert_true (contract_hold (contract, id, FALSE, &error));
  assert_true (contract_set_current (contract, id, &error));
  assert_true (contract_merge (contract, id, MERGE_INTO_PARENT, FALSE, &error));
  assert_int_equal (contract_hash (contract, a), bytes.live);
  contract_assert_tree (contract, "a*");
  contract_clear (contract);
}

static void
odd_names_are_worked_with (void **state)
{
  g_autofree char *longest = g_strnfill (255, 'x');

  assert_worked_with (*state, "-d");
  assert_worked_with (*state, "--");
  assert_worked_with (*state, "../a");
  assert_worked_with (*state, longest);
}

int
contract_names (void)
{
  static const ContractTest tests[] = {
    contract_test (odd_names_are_taken_as_they_are),
    contract_test (control_characters_are_taken_where_no_xml_carries_them),
    contract_test (names_of_255_bytes_are_the_longest),
    contract_test (names_are_utf8_and_not_empty),
    contract_test_with (numbers_are_names_and_not_places, CAN_MERGE_CHILDREN),
    contract_test_with (odd_names_are_worked_with, CAN_HOLD | CAN_MERGE_PARENT),
  };

  return contract_ask ("names", tests);
}
