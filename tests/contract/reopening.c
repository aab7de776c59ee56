/* What a backend that keeps what was done still knows after it was closed and opened again. */
#include "contract.h"

static void
what_was_done_is_there_after_reopening (void **state)
{
  Contract *contract = *state;
  g_autofree char *left = NULL;
  g_autoptr (Domain) domain = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b c(d*))");
  left = contract_id (contract, "b");
  assert_true (contract_describe (contract, left, "words", &error));
  assert_true (contract_rename (contract, left, "e", &error));
  bytes = contract_remember (contract);
  contract_reopen (contract, NULL);
  contract_assert_tree (contract, "a(c(d*) e)");
  contract_assert_bytes (contract, &bytes);
  domain = contract_look (contract);
  assert_text (domain_snapshot (domain, left)->description, "words");
  assert_true (contract_discard (contract, left, &error));
  contract_reopen (contract, NULL);
  contract_assert_tree (contract, "a(c(d*))");
  contract_assert_bytes (contract, &bytes);
}

static void
who_is_held_is_held_after_reopening (void **state)
{
  Contract *contract = *state;
  g_autofree char *b = NULL;
  GError *error = NULL;

  contract_grow (contract, "a(b*)");
  b = contract_id (contract, "b");
  assert_true (contract_hold (contract, b, TRUE, &error));
  contract_reopen (contract, NULL);
  assert_false (contract_discard (contract, b, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_true (contract_hold (contract, b, FALSE, &error));
  contract_reopen (contract, NULL);
  assert_true (contract_discard (contract, b, &error));
}

static void
that_none_is_current_is_known_after_reopening (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  GError *error = NULL;

  contract_grow (contract, "a(b*)");
  a = contract_id (contract, "a");
  assert_true (contract_set_current (contract, NULL, &error));
  contract_reopen (contract, NULL);
  contract_assert_tree (contract, "a(b)");
  assert_true (contract_set_current (contract, a, &error));
  contract_reopen (contract, NULL);
  contract_assert_tree (contract, "a*(b)");
}

static void
how_it_was_taken_is_known_after_reopening (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) before = contract_look (contract);
  const char *compression = (before->can & CAN_COMPRESS) != 0 ? "zstd" : NULL;
  const CreateOptions options = { .name = "z", .compression = compression };
  GError *error = NULL;
  g_autofree char *id = contract_create (contract, &options, &error);
  g_autoptr (Domain) domain = NULL;
  Bytes bytes;

  assert_no_error (error);
  bytes = contract_remember (contract);
  contract_reopen (contract, NULL);
  domain = contract_look (contract);
  assert_text (domain_snapshot (domain, id)->compression, compression);
  contract_assert_bytes (contract, &bytes);
}

static void
a_record_without_data_is_one_after_reopening (void **state)
{
  Contract *contract = *state;
  const RedefineOptions options = { .current = TRUE };
  const char *document = "<domainsnapshot><name>n</name><state>disk-snapshot</state>"
                         "<creationTime>7</creationTime><cookie><x/></cookie></domainsnapshot>";
  GError *error = NULL;
  g_autofree char *id = contract_redefine (contract, document, &options, &error);
  g_autoptr (Domain) before = contract_look (contract);
  g_autoptr (Domain) after = NULL;

  assert_no_error (error);
  contract_reopen (contract, NULL);
  after = contract_look (contract);
  assert_text (after->current, id);
  assert_true (domain_snapshot (after, id)->no_data);
  assert_text (domain_snapshot (after, id)->state, "disk-snapshot");
  assert_int_equal (domain_snapshot (after, id)->created, 7);
  assert_text (domain_snapshot (after, id)->xml->data, domain_snapshot (before, id)->xml->data);
}

static void
what_was_merged_is_so_after_reopening (void **state)
{
  Contract *contract = *state;
  g_autofree char *b = NULL;
  g_autofree char *c = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b(c(d*)))");
  bytes = contract_remember (contract);
  b = contract_id (contract, "b");
  c = contract_id (contract, "c");
  assert_true (contract_merge (contract, b, MERGE_INTO_PARENT, FALSE, &error));
  assert_true (contract_merge (contract, c, MERGE_INTO_CHILDREN, FALSE, &error));
  bytes.hash['a'] = bytes.hash['b'];
  contract_reopen (contract, NULL);
  contract_assert_tree (contract, "a(d*)");
  contract_assert_bytes (contract, &bytes);
}

static void
a_snapshot_of_one_disk_is_there_after_reopening (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = NULL, *target = contract_target (contract);
  const CreateOptions options = { .name = "d", .disk = target };
  g_autoptr (Domain) domain = NULL;
  const Snapshot *snapshot;
  guint64 hash;
  GError *error = NULL;

  contract_grow (contract, "a(b*)");
  id = contract_create (contract, &options, &error);
  assert_no_error (error);
  hash = contract_hash (contract, id);
  contract_change (contract, '?');
  assert_true (contract_hold (contract, id, TRUE, &error));
  contract_reopen (contract, NULL);
  contract_assert_tree (contract, "a(b*)");
  domain = contract_look (contract);
  snapshot = domain_snapshot (domain, id);
  assert_text (snapshot->disk, target);
  assert_text (domain_snapshot (domain, snapshot->after)->name, "b");
  assert_true (snapshot->held);
  assert_true (contract_hash (contract, id) == hash);
}

int
contract_reopening (void)
{
  static const ContractTest tests[] = {
    contract_test_where (what_was_done_is_there_after_reopening, WHERE_KEPT),
    contract_test_where (who_is_held_is_held_after_reopening, WHERE_KEPT),
    contract_test_where (that_none_is_current_is_known_after_reopening, WHERE_KEPT),
    contract_test_where (how_it_was_taken_is_known_after_reopening, WHERE_KEPT),
    contract_test_where (a_record_without_data_is_one_after_reopening, WHERE_KEPT),
    contract_test_where (what_was_merged_is_so_after_reopening, WHERE_KEPT),
    contract_test_all (a_snapshot_of_one_disk_is_there_after_reopening, CAN_DISK | CAN_HOLD,
                       WHERE_KEPT),
  };

  return contract_ask ("reopening", tests);
}
