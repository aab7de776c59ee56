/* What can be asked of a new snapshot: where it stands, what it is of, and how it is kept. */
#include "contract.h"

#include "../../backend/xml.h"

#include <string.h>

static void
assert_not_created (Contract *contract, const CreateOptions *options, BackendError code)
{
  g_autoptr (Domain) before = contract_look (contract);
  GError *error = NULL;

  assert_null (contract_create (contract, options, &error));
  assert_error (&error, code);
  contract_assert_count (contract, domain_snapshots (before)->len);
  contract_assert_current (contract, before->current);
}

static void
the_present_can_stand_under_any (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  g_autofree char *id = NULL;
  CreateOptions options = { .name = "d" };
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b(c*))");
  bytes = contract_remember (contract);
  options.parent = a = contract_id (contract, "a");
  id = contract_create (contract, &options, &error);
  assert_no_error (error);
  contract_assert_tree (contract, "a(b(c) d*)");
  bytes.hash['d'] = bytes.live;
  contract_assert_bytes (contract, &bytes);
}

static void
a_copy_changes_nothing_else (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  g_autofree char *id = NULL;
  CreateOptions options = { .name = "d" };
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b*)");
  bytes = contract_remember (contract);
  options.from = a = contract_id (contract, "a");
  id = contract_create (contract, &options, &error);
  assert_no_error (error);
  contract_assert_tree (contract, "a(b* d)");
  bytes.hash['d'] = bytes.hash['a'];
  contract_assert_bytes (contract, &bytes);
  /* Each of the two has the bytes for itself. */
  assert_true (contract_discard_as (contract, a, DISCARD_KEEP_CHILDREN, &error));
  contract_assert_tree (contract, "b* d");
  contract_assert_bytes (contract, &bytes);
  assert_true (contract_revert (contract, id, &error));
  bytes.live = bytes.hash['d'];
  contract_assert_bytes (contract, &bytes);
}

static void
a_merged_copy_leaves_its_origin_as_it_is (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  g_autofree char *id = NULL;
  CreateOptions options = { .name = "d" };
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a*");
  bytes = contract_remember (contract);
  options.from = a = contract_id (contract, "a");
  id = contract_create (contract, &options, &error);
  assert_no_error (error);
  assert_true (contract_merge (contract, id, MERGE_INTO_PARENT, FALSE, &error));
  contract_assert_tree (contract, "a*");
  contract_assert_bytes (contract, &bytes);
}

static void
who_stands_nowhere_is_not_taken (void **state)
{
  g_autofree char *a = NULL;

  contract_grow (*state, "a*");
  a = contract_id (*state, "a");
  assert_not_created (*state, &(CreateOptions){ .parent = "a" }, BACKEND_ERROR_INVALID);
  assert_not_created (*state, &(CreateOptions){ .from = "no such id" }, BACKEND_ERROR_INVALID);
  assert_not_created (*state, &(CreateOptions){ .from = a, .parent = a }, BACKEND_ERROR_INVALID);
  assert_not_created (*state, &(CreateOptions){ .from = a, .name = "a" }, BACKEND_ERROR_EXISTS);
  assert_not_created (*state, &(CreateOptions){ .from = a, .compression = "zstd" },
                      BACKEND_ERROR_INVALID);
}

static void
without_metadata_there_is_nothing_to_see (void **state)
{
  Contract *contract = *state;
  const CreateOptions options = { .flags = CREATE_NO_METADATA };
  Bytes bytes;
  GError *error = NULL;
  g_autofree char *id = NULL;

  contract_grow (contract, "a(b*)");
  bytes = contract_remember (contract);
  id = contract_create (contract, &options, &error);
  assert_no_error (error);
  assert_text (id, "");
  contract_assert_tree (contract, "a(b*)");
  contract_assert_bytes (contract, &bytes);
  contract_change (contract, 'x');
  g_free (contract_take (contract, "c"));
  bytes.hash['c'] = bytes.live = contract_hash (contract, NULL);
  contract_assert_tree (contract, "a(b(c*))");
  contract_assert_bytes (contract, &bytes);
}

static void
assert_compressed (Contract *contract, const char *method)
{
  const CreateOptions options = { .name = "c", .compression = method };
  guint64 hash = contract_hash (contract, NULL);
  GError *error = NULL;
  g_autofree char *id = contract_create (contract, &options, &error);
  g_autoptr (Domain) domain = NULL;

  assert_no_error (error);
  domain = contract_look (contract);
  assert_text (domain_snapshot (domain, id)->compression, method);
  assert_int_equal (contract_hash (contract, id), hash);
  assert_int_equal (contract_hash (contract, NULL), hash);
  assert_true (contract_discard (contract, id, &error));
}

static void
what_is_compressed_reads_the_same (void **state)
{
  contract_grow (*state, "a*");
  assert_compressed (*state, "zlib");
  assert_compressed (*state, "zstd");
  assert_compressed (*state, NULL);
  assert_not_created (*state, &(CreateOptions){ .compression = "gzip" }, BACKEND_ERROR_INVALID);
}

static void
assert_flags (Contract *contract, CreateFlags flags)
{
  const CreateOptions options = { .name = "f", .flags = flags };
  GError *error = NULL;
  g_autofree char *id = contract_create (contract, &options, &error);

  if (id == NULL && contract->kind->lacks_flags) {
    assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
    return;
  }
  assert_no_error (error);
  contract_assert_current (contract, id);
  assert_true (contract_discard (contract, id, &error));
}

static void
flags_that_ask_for_less_are_taken (void **state)
{
  assert_flags (*state, CREATE_ATOMIC);
  assert_flags (*state, CREATE_DISK_ONLY);
  assert_flags (*state, CREATE_HALT);
  assert_flags (*state, CREATE_ATOMIC | CREATE_DISK_ONLY | CREATE_HALT);
}

static void
what_a_machine_that_is_off_has_not_is_refused (void **state)
{
  assert_not_created (*state, &(CreateOptions){ .flags = CREATE_LIVE }, BACKEND_ERROR_UNSUPPORTED);
  assert_not_created (*state, &(CreateOptions){ .flags = CREATE_QUIESCE }, BACKEND_ERROR_INVALID);
  assert_not_created (
      *state,
      &(CreateOptions){ .flags = CREATE_DISK_ONLY | CREATE_QUIESCE | CREATE_QUIESCE_REQUIRED },
      BACKEND_ERROR_BUSY);
  assert_not_created (*state, &(CreateOptions){ .memory = "internal" }, BACKEND_ERROR_INVALID);
  assert_not_created (*state, &(CreateOptions){ .memory = "external", .memory_file = "/m" },
                      BACKEND_ERROR_INVALID);
}

static void
assert_quiesced (Contract *contract, const char *id, const char *quiesced)
{
  g_autoptr (Domain) domain = contract_look (contract);

  assert_text (domain_snapshot (domain, id)->quiesced, quiesced);
}

static void
who_asked_is_told_whether_the_guest_was_quiet (void **state)
{
  static const char off[] = "no: the machine was off";
  const CreateOptions quiet = { .name = "q", .flags = CREATE_DISK_ONLY | CREATE_QUIESCE };
  g_autofree char *asked = NULL, *copy = NULL, *other = NULL;
  GError *error = NULL;

  other = contract_create (*state, &(CreateOptions){ .name = "o" }, &error);
  asked = contract_create (*state, &quiet, &error);
  copy = contract_create (*state, &(CreateOptions){ .name = "c", .from = asked }, &error);
  assert_no_error (error);
  assert_quiesced (*state, other, NULL);
  assert_quiesced (*state, asked, off);
  assert_quiesced (*state, copy, off);
  assert_true (contract_merge (*state, asked, MERGE_INTO_PARENT, TRUE, &error));
  assert_quiesced (*state, other, off);
}

/* -------------------------------------------------------------------- several disks */

/* For the first two disks of the domain (NULL: nothing is asked), then the answer. */
static char *
create_with (Contract *contract, const char *name, const char *first, const char *second,
             GError **error)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const Disk *one = g_ptr_array_index (domain->disks, 0);
  const Disk *other = g_ptr_array_index (domain->disks, 1);
  g_autofree char *file = xml_disk_source (other->xml);
  DiskRequest requests[] = { { .name = one->target, .snapshot = (char *)first },
                             { .name = file, .snapshot = (char *)second } };
  g_autoptr (GPtrArray) disks = g_ptr_array_new ();
  const CreateOptions options = { .name = name, .disks = disks };

  g_ptr_array_add (disks, &requests[0]);
  g_ptr_array_add (disks, &requests[1]);
  return contract_create (contract, &options, error);
}

static guint64
hash_disk_number (Contract *contract, guint number)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const Disk *disk = g_ptr_array_index (domain->disks, number);
  g_autoptr (DiskReader) reader =
      backend_open_disk (contract->backend, contract->domain, NULL, disk->target, NULL);
  guint64 hash = 0;

  assert_non_null (reader);
  assert_true (contract_hash_disk (reader, &hash));
  return hash;
}

static void
a_disk_that_is_left_out_is_not_reverted (void **state)
{
  Contract *contract = *state;
  guint64 first, second;
  g_autofree char *id = NULL;
  GError *error = NULL;

  contract->domain = contract->kind->several;
  contract_change (contract, 1);
  first = hash_disk_number (contract, 0);
  id = create_with (contract, "a", "external", "no", &error);
  assert_no_error (error);
  {
    g_autoptr (Domain) domain = contract_look (contract);

    assert_int_equal (domain_snapshot (domain, id)->disks->len, 1);
  }
  contract_change (contract, 2);
  second = hash_disk_number (contract, 1);
  assert_int_not_equal (hash_disk_number (contract, 0), first);
  assert_true (contract_revert (contract, id, &error));
  assert_int_equal (hash_disk_number (contract, 0), first);
  assert_int_equal (hash_disk_number (contract, 1), second);
}

static void
one_disk_at_least_is_taken (void **state)
{
  Contract *contract = *state;
  GError *error = NULL;

  contract->domain = contract->kind->several;
  assert_null (create_with (contract, "a", "no", "manual", &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_null (create_with (contract, "a", "sometimes", NULL, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  contract_assert_count (contract, 0);
}

static void
a_disk_that_is_not_there_cannot_be_asked_for (void **state)
{
  g_autoptr (GPtrArray) disks = g_ptr_array_new ();
  DiskRequest request = { .name = (char *)"vdz", .snapshot = (char *)"no" };

  g_ptr_array_add (disks, &request);
  assert_not_created (*state, &(CreateOptions){ .disks = disks }, BACKEND_ERROR_INVALID);
}

static void
all_disks_are_taken_together (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract->domain = contract->kind->several;
  contract_grow (contract, "a(b(c*))");
  bytes = contract_remember (contract);
  a = contract_id (contract, "a");
  assert_true (contract_revert (contract, a, &error));
  bytes.live = bytes.hash['a'];
  contract_assert_bytes (contract, &bytes);
  {
    g_autoptr (Domain) domain = contract_look (contract);

    assert_int_equal (domain->disks->len, 2);
    assert_int_equal (domain_snapshot (domain, a)->disks->len, 2);
  }
}

static void
all_disks_are_merged_together (void **state)
{
  Contract *contract = *state;
  g_autofree char *b = NULL;
  Bytes bytes;
  GError *error = NULL;

  contract->domain = contract->kind->several;
  contract_grow (contract, "a(b(c*) d)");
  bytes = contract_remember (contract);
  b = contract_id (contract, "b");
  assert_true (contract_merge (contract, b, MERGE_INTO_PARENT, TRUE, &error));
  bytes.hash['a'] = bytes.hash['b'];
  contract_assert_tree (contract, "a(c*)");
  contract_assert_bytes (contract, &bytes);
}

int
contract_creating (void)
{
  static const ContractTest tests[] = {
    contract_test_with (the_present_can_stand_under_any, CAN_PARENT),
    contract_test_with (a_copy_changes_nothing_else, CAN_COPY),
    contract_test_with (a_merged_copy_leaves_its_origin_as_it_is, CAN_COPY | CAN_MERGE_PARENT),
    contract_test_with (who_stands_nowhere_is_not_taken, CAN_PARENT | CAN_COPY),
    contract_test_with (without_metadata_there_is_nothing_to_see, CAN_FORGET),
    contract_test_with (what_is_compressed_reads_the_same, CAN_COMPRESS),
    contract_test (flags_that_ask_for_less_are_taken),
    contract_test_where (what_a_machine_that_is_off_has_not_is_refused, WHERE_OFF),
    contract_test_with (who_asked_is_told_whether_the_guest_was_quiet, CAN_COPY | CAN_MERGE_PARENT),
    contract_test (a_disk_that_is_not_there_cannot_be_asked_for),
  };

  return contract_ask ("creating", tests);
}

int
contract_disks (void)
{
  static const ContractTest tests[] = {
    contract_test_where (all_disks_are_taken_together, WHERE_SEVERAL),
    contract_test_where (all_disks_are_merged_together, WHERE_SEVERAL),
    contract_test_where (a_disk_that_is_left_out_is_not_reverted, WHERE_SEVERAL),
    contract_test_where (one_disk_at_least_is_taken, WHERE_SEVERAL),
  };

  return contract_ask ("disks", tests);
}
