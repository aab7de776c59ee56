/* Metadata that are installed from a document, and that no data change. */
#include "contract.h"

#include <string.h>

#define CREATED 1500000000

/* Free with g_free. */
static char *
document (const Contract *contract, const char *name, const char *parent, gint64 created,
          const char *description)
{
  g_autofree char *above =
      parent == NULL ? g_strdup ("") : g_strdup_printf ("<parent><name>%s</name></parent>", parent);

  return g_strdup_printf ("<domainsnapshot><name>%s</name><description>%s</description>"
                          "<state>%s</state>%s<creationTime>%" G_GINT64_FORMAT
                          "</creationTime></domainsnapshot>",
                          name, description, contract_state (contract), above, created);
}

/* The id; it must succeed. */
static char *
redefine (Contract *contract, const char *text, RedefineOptions options)
{
  GError *error = NULL;
  char *id = contract_redefine (contract, text, &options, &error);

  assert_no_error (error);
  assert_non_null (id);
  return id;
}

static void
assert_refused (Contract *contract, const char *text, RedefineOptions options, BackendError code)
{
  GError *error = NULL;

  assert_null (contract_redefine (contract, text, &options, &error));
  assert_error (&error, code);
}

static gint64
created_of (Contract *contract, const char *id)
{
  g_autoptr (Domain) domain = contract_look (contract);

  return domain_snapshot (domain, id)->created;
}

/* A record without data below "a", of the name "n". */
static char *
install_record (Contract *contract)
{
  g_autofree char *text = document (contract, "n", "a", CREATED, "from elsewhere");

  return redefine (contract, text, (RedefineOptions){ 0 });
}

static void
a_new_one_is_a_record_without_data (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = NULL;
  g_autoptr (Domain) domain = NULL;
  const Snapshot *snapshot;
  Bytes bytes;

  contract_grow (contract, "a(b*)");
  bytes = contract_remember (contract);
  id = install_record (contract);
  contract_assert_tree (contract, "a(b* n)");
  contract_assert_bytes (contract, &bytes);
  domain = contract_look (contract);
  snapshot = domain_snapshot (domain, id);
  assert_int_equal (snapshot->no_data, contract->kind->change_disk != NULL);
  assert_true (snapshot->metadata);
  assert_text (snapshot->state, contract_state (contract));
  assert_text (snapshot->description, "from elsewhere");
  assert_int_equal (snapshot->created, CREATED);
  assert_non_null (strstr (snapshot->xml->data, "<name>n</name>"));
  for (guint i = 0; i < snapshot->disks->len; i++)
    assert_false (((const Disk *)g_ptr_array_index (snapshot->disks, i))->readable);
}

static void
what_needs_data_is_refused_without (void **state)
{
  Contract *contract = *state;
  const RevertOptions save = { .save = "s" };
  CreateOptions copy = { .name = "c" };
  g_autofree char *id = NULL;
  GError *error = NULL;

  contract_grow (contract, "a*");
  copy.from = id = install_record (contract);
  assert_false (contract_revert (contract, id, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  assert_false (contract_revert_as (contract, id, &save, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  assert_null (contract_create (contract, &copy, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (contract_merge (contract, id, MERGE_INTO_PARENT, TRUE, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_null (backend_open_disk (contract->backend, contract->domain, id, "vda", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  contract_assert_tree (contract, "a*(n)");
}

static void
what_needs_no_data_goes_without (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a*");
  id = install_record (contract);
  bytes = contract_remember (contract);
  assert_true (contract_describe (contract, id, "words", &error));
  assert_true (contract_rename (contract, id, "m", &error));
  assert_true (contract_set_current (contract, id, &error));
  g_free (contract_take (contract, "c"));
  bytes.hash['c'] = bytes.live;
  contract_assert_tree (contract, "a(m(c*))");
  assert_true (contract_discard_as (contract, id, DISCARD_KEEP_CHILDREN, &error));
  contract_assert_tree (contract, "a(c*)");
  contract_assert_bytes (contract, &bytes);
}

static void
a_record_takes_the_data_that_are_merged_into_it (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = NULL;
  g_autofree char *child = NULL;
  guint64 hash;
  GError *error = NULL;

  contract_grow (contract, "a*");
  id = install_record (contract);
  assert_true (contract_set_current (contract, id, &error));
  hash = contract_hash (contract, NULL);
  child = contract_take (contract, "c");
  assert_true (contract_merge (contract, child, MERGE_INTO_PARENT, FALSE, &error));
  assert_no_error (error);
  contract_assert_tree (contract, "a(n*)");
  assert_int_equal (contract_hash (contract, id), hash);
  assert_true (contract_revert (contract, id, &error));
  assert_int_equal (contract_hash (contract, NULL), hash);
}

static void
one_that_is_there_keeps_its_data (void **state)
{
  Contract *contract = *state;
  g_autofree char *text = document (contract, "b", "a", CREATED, "told anew");
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  g_autoptr (Domain) domain = NULL;
  Bytes bytes;

  contract_grow (contract, "a(b(c*))");
  bytes = contract_remember (contract);
  before = contract_id (contract, "b");
  after = redefine (contract, text, (RedefineOptions){ 0 });
  assert_text (after, before);
  contract_assert_tree (contract, "a(b(c*))");
  contract_assert_bytes (contract, &bytes);
  domain = contract_look (contract);
  assert_text (domain_snapshot (domain, after)->description, "told anew");
  assert_int_equal (domain_snapshot (domain, after)->created, CREATED);
  assert_false (domain_snapshot (domain, after)->no_data);
}

static void
one_is_moved_with_its_children (void **state)
{
  Contract *contract = *state;
  g_autofree char *under_d = document (contract, "b", "d", CREATED, "");
  g_autofree char *root = document (contract, "b", NULL, CREATED, "");
  Bytes bytes;

  contract_grow (contract, "a(b(c*) d)");
  bytes = contract_remember (contract);
  g_free (redefine (contract, under_d, (RedefineOptions){ 0 }));
  contract_assert_tree (contract, "a(d(b(c*)))");
  contract_assert_bytes (contract, &bytes);
  g_free (redefine (contract, root, (RedefineOptions){ 0 }));
  contract_assert_tree (contract, "a(d) b(c*)");
  contract_assert_bytes (contract, &bytes);
}

static void
it_is_current_only_when_that_is_asked_for (void **state)
{
  Contract *contract = *state;
  g_autofree char *there = document (contract, "a", NULL, CREATED, "");
  g_autofree char *fresh = document (contract, "n", "a", CREATED, "");

  contract_grow (contract, "a(b*)");
  g_free (redefine (contract, there, (RedefineOptions){ 0 }));
  contract_assert_tree (contract, "a(b*)");
  g_free (redefine (contract, there, (RedefineOptions){ .current = TRUE }));
  contract_assert_tree (contract, "a*(b)");
  g_free (redefine (contract, fresh, (RedefineOptions){ .current = TRUE }));
  contract_assert_tree (contract, "a(b n*)");
}

static void
data_are_not_given_another_time_or_parent_carefully (void **state)
{
  Contract *contract = *state;
  const RedefineOptions careful = { .careful = TRUE };
  g_autofree char *a = NULL;
  g_autofree char *b = NULL;
  g_autofree char *other_time = document (contract, "b", "a", CREATED, "x");
  g_autofree char *other_parent = NULL;
  g_autofree char *same = NULL;

  contract_grow (contract, "a(b*)");
  a = contract_id (contract, "a");
  b = contract_id (contract, "b");
  other_parent = document (contract, "b", NULL, created_of (contract, b), "x");
  same = document (contract, "b", "a", created_of (contract, b), "y");
  assert_refused (contract, other_time, careful, BACKEND_ERROR_INVALID);
  assert_refused (contract, other_parent, careful, BACKEND_ERROR_INVALID);
  contract_assert_tree (contract, "a(b*)");
  g_free (redefine (contract, same, careful));
  if (contract->kind->change_disk == NULL)
    return;
  g_free (install_record (contract));
  {
    g_autofree char *moved = document (contract, "n", "b", CREATED + 1, "without data it may");

    g_free (redefine (contract, moved, careful));
  }
  contract_assert_tree (contract, "a(b*(n))");
}

static void
what_makes_no_tree_is_refused (void **state)
{
  Contract *contract = *state;
  g_autofree char *itself = document (contract, "b", "b", CREATED, "");
  g_autofree char *below = document (contract, "a", "c", CREATED, "");
  g_autofree char *missing = document (contract, "b", "x", CREATED, "");
  g_autofree char *fresh = document (contract, "n", "n", CREATED, "");

  contract_grow (contract, "a(b(c*))");
  assert_refused (contract, itself, (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  assert_refused (contract, below, (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  assert_refused (contract, missing, (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  assert_refused (contract, fresh, (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  contract_assert_tree (contract, "a(b(c*))");
}

static void
what_says_too_little_or_is_for_others_is_refused (void **state)
{
  Contract *contract = *state;
  g_autofree char *text = document (contract, "a", NULL, CREATED, "");

  contract_grow (contract, "a*");
  assert_refused (contract, "<domainsnapshot/>", (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  assert_refused (contract, "<domainsnapshot><name>a</name><state>shutoff</state></domainsnapshot>",
                  (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  assert_refused (contract,
                  "<domainsnapshot><name>a</name><creationTime>1</creationTime></domainsnapshot>",
                  (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  assert_refused (contract,
                  "<domainsnapshot><name>a</name><creationTime>1</creationTime><state>shutoff"
                  "</state><domain><uuid>11111111-2222-4333-8444-555555555555</uuid></domain>"
                  "</domainsnapshot>",
                  (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
  assert_refused (contract, text, (RedefineOptions){ .snapshot = "no such id" },
                  BACKEND_ERROR_NOT_FOUND);
  contract_assert_tree (contract, "a*");
}

/* Else it could be read and not be written back. */
static void
a_description_is_limited_wherever_it_comes_from (void **state)
{
  Contract *contract = *state;
  g_autofree char *longest = g_strnfill (DESCRIPTION_LIMIT, 'x');
  g_autofree char *longer = g_strnfill (DESCRIPTION_LIMIT + 1, 'x');
  g_autofree char *most = document (contract, "n", NULL, CREATED, longest);
  g_autofree char *more = document (contract, "m", NULL, CREATED, longer);
  g_autofree char *id = redefine (contract, most, (RedefineOptions){ 0 });
  const CreateOptions options = { .name = "m", .description = longer };
  GError *error = NULL;

  assert_true (contract_describe (contract, id, longest, &error));
  assert_no_error (error);
  assert_false (contract_describe (contract, id, longer, &error));
  assert_error (&error, BACKEND_ERROR_TEXT_TOO_BIG);
  assert_null (contract_create (contract, &options, &error));
  assert_error (&error, BACKEND_ERROR_TEXT_TOO_BIG);
  assert_refused (contract, more, (RedefineOptions){ 0 }, BACKEND_ERROR_TEXT_TOO_BIG);
  contract_assert_tree (contract, "n");
}

/* The documents of all snapshots, parents first. */
static GPtrArray *
documents (Contract *contract)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const GPtrArray *snapshots = domain_snapshots (domain);
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < snapshots->len; i++)
    g_ptr_array_add (texts,
                     g_strdup (((const Snapshot *)g_ptr_array_index (snapshots, i))->xml->data));
  return texts;
}

static void
a_tree_comes_back_from_its_documents (void **state)
{
  Contract *contract = *state;
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (GPtrArray) after = NULL;

  contract_grow (contract, "a(b(c*) d)");
  before = documents (contract);
  contract_clear (contract);
  for (guint i = 0; i < before->len; i++)
    g_free (redefine (contract, g_ptr_array_index (before, i), (RedefineOptions){ 0 }));
  contract_assert_tree (contract, "a(b(c) d)");
  /* The order of siblings is nobody's promise. */
  after = documents (contract);
  for (guint i = 0; i < before->len; i++)
    assert_true (
        g_ptr_array_find_with_equal_func (after, g_ptr_array_index (before, i), g_str_equal, NULL));
}

int
contract_redefining (void)
{
  static const ContractTest tests[] = {
    contract_test_with (a_new_one_is_a_record_without_data, CAN_REDEFINE),
    contract_test_with (what_needs_data_is_refused_without, CAN_COPY | CAN_MERGE_PARENT),
    contract_test_with (what_needs_no_data_goes_without, CAN_RENAME),
    contract_test_with (a_record_takes_the_data_that_are_merged_into_it, CAN_MERGE_PARENT),
    contract_test (one_that_is_there_keeps_its_data),
    contract_test (one_is_moved_with_its_children),
    contract_test (it_is_current_only_when_that_is_asked_for),
    contract_test_with (data_are_not_given_another_time_or_parent_carefully, CAN_REDEFINE),
    contract_test (what_makes_no_tree_is_refused),
    contract_test (what_says_too_little_or_is_for_others_is_refused),
    contract_test (a_description_is_limited_wherever_it_comes_from),
    contract_test (a_tree_comes_back_from_its_documents),
  };

  return contract_ask ("redefining", tests);
}
