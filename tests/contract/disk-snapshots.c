/* Snapshots of one disk: beside the tree, and untouched by whatever is done in it. */
#include "contract.h"

static char *
take_of (Contract *contract, const char *target, const char *name, GError **error)
{
  const CreateOptions options = { .name = name, .disk = target };

  return contract_create (contract, &options, error);
}

/* Of the first disk; it must succeed. */
static char *
take (Contract *contract, const char *name)
{
  g_autofree char *target = contract_target (contract);
  GError *error = NULL;
  char *id = take_of (contract, target, name, &error);

  assert_no_error (error);
  assert_non_null (id);
  return id;
}

static int
compare_names (gconstpointer one, gconstpointer other)
{
  return g_strcmp0 ((*(const Snapshot *const *)one)->name, (*(const Snapshot *const *)other)->name);
}

/* In the order of the alphabet: which is older is not known within a second. */
static void
assert_names (Contract *contract, const char *target, const char *names)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const GPtrArray *all = domain_disk_snapshots (domain, target);
  g_autoptr (GPtrArray) sorted = g_ptr_array_copy ((GPtrArray *)all, NULL, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  g_ptr_array_sort (sorted, compare_names);
  for (guint i = 0; i < sorted->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "",
                            ((const Snapshot *)g_ptr_array_index (sorted, i))->name);
  assert_text (text->str, names);
}

static void
it_stands_beside_the_tree (void **state)
{
  Contract *contract = *state;
  g_autofree char *target = contract_target (contract);
  g_autofree char *b = NULL, *id = NULL;
  g_autoptr (Domain) domain = NULL;
  const Snapshot *snapshot;
  Bytes bytes;

  contract_grow (contract, "a(b*)");
  b = contract_id (contract, "b");
  bytes = contract_remember (contract);
  id = take (contract, "d");
  contract_assert_tree (contract, "a(b*)");
  contract_assert_bytes (contract, &bytes);
  domain = contract_look (contract);
  snapshot = domain_snapshot (domain, id);
  assert_text (snapshot->name, "d");
  assert_text (snapshot->disk, target);
  assert_text (snapshot->after, b);
  assert_null (snapshot->parent);
  assert_int_equal (snapshot->disks->len, 1);
  assert_null (domain_named (domain, "d", 0));
  assert_ptr_equal (domain_disk_named (domain, target, "d", 0), snapshot);
  assert_true (contract_hash (contract, id) == bytes.live);
}

static void
each_disk_has_names_of_its_own (void **state)
{
  Contract *contract = *state;
  g_autofree char *target = contract_target (contract);
  g_autofree char *base = NULL, *one = NULL, *again = NULL, *made_up = NULL;
  g_autoptr (Domain) domain = NULL;
  GError *error = NULL;

  base = contract_take (contract, "base");
  one = take (contract, "base");
  assert_string_not_equal (base, one);
  assert_null (take_of (contract, target, "base", &error));
  assert_error (&error, BACKEND_ERROR_EXISTS);
  made_up = take (contract, NULL);
  again = contract_take (contract, "again");
  domain = contract_look (contract);
  assert_text (domain_disk_named (domain, target, "base", 0)->id, one);
  assert_text (domain_named (domain, "base", 0)->id, base);
  assert_int_equal (domain_disk_snapshots (domain, target)->len, 2);
  assert_int_equal (domain_snapshots (domain)->len, 2);
}

static void
of_two_disks_it_is_of_one (void **state)
{
  Contract *contract = *state;
  g_autofree char *first = NULL, *second = NULL;
  g_autoptr (Domain) domain = NULL;
  const Disk *other;
  GError *error = NULL;

  contract->domain = contract->kind->several;
  domain = contract_look (contract);
  other = g_ptr_array_index (domain->disks, domain->disks->len - 1);
  first = take (contract, "d");
  second = take_of (contract, other->target, "e", &error);
  assert_no_error (error);
  assert_names (contract, other->target, "e");
  assert_names (contract, NULL, "d e");
  assert_true (contract_discard (contract, first, &error));
  assert_names (contract, NULL, "e");
  assert_null (take_of (contract, "no-such-disk", "d", &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_null (take_of (contract, other->target, "e", &error));
  assert_error (&error, BACKEND_ERROR_EXISTS);
}

/* -------------------------------------------------------------------- bytes */

/* What is done to the tree while the snapshot is there. */
static void
revert_and_merge_and_discard (Contract *contract)
{
  g_autofree char *a = contract_id (contract, "a"), *b = contract_id (contract, "b");
  g_autofree char *c = contract_id (contract, "c");
  GError *error = NULL;

  assert_true (contract_revert (contract, a, &error));
  contract_change (contract, '?');
  if (contract_can (contract, CAN_MERGE_PARENT))
    assert_true (contract_merge (contract, c, MERGE_INTO_PARENT, TRUE, &error));
  if (contract_can (contract, CAN_MERGE_CHILDREN))
    assert_true (contract_merge (contract, a, MERGE_INTO_CHILDREN, FALSE, &error));
  assert_no_error (error);
  assert_true (contract_revert (contract, b, &error));
  contract_clear (contract);
  contract_change (contract, '!');
}

static void
nothing_in_the_tree_touches_it (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = NULL, *later = NULL;
  guint64 hash;

  contract_grow (contract, "a(b(c*))");
  id = take (contract, "d");
  hash = contract_hash (contract, id);
  contract_change (contract, '.');
  later = take (contract, "e");
  revert_and_merge_and_discard (contract);
  assert_names (contract, NULL, "d e");
  assert_true (contract_hash (contract, id) == hash);
  assert_true (contract_hash (contract, later) != hash || contract->kind->change_disk == NULL);
}

/* The tree "a(b*)" with the snapshots d, before b, and e, after it, of a disk. */
static void
grow_between (Contract *contract, char **d, char **e)
{
  contract_grow (contract, "a*");
  *d = take (contract, "d");
  contract_change (contract, 'b');
  g_free (contract_take (contract, "b"));
  contract_change (contract, 'e');
  *e = take (contract, "e");
  contract_change (contract, '!');
  contract_assert_tree (contract, "a(b*)");
}

static void
nothing_of_the_tree_goes_with_it (void **state)
{
  Contract *contract = *state;
  g_autofree char *d = NULL, *e = NULL;
  guint64 hash;
  Bytes bytes;
  GError *error = NULL;

  grow_between (contract, &d, &e);
  bytes = contract_remember (contract);
  hash = contract_hash (contract, e);
  assert_true (contract_discard (contract, d, &error));
  contract_assert_bytes (contract, &bytes);
  assert_true (contract_hash (contract, e) == hash);
  assert_true (contract_discard (contract, e, &error));
  contract_assert_tree (contract, "a(b*)");
  contract_assert_bytes (contract, &bytes);
  assert_names (contract, NULL, "");
}

static void
merged_it_goes_and_the_disk_stays (void **state)
{
  Contract *contract = *state;
  g_autofree char *d = NULL, *e = NULL;
  g_autoptr (Domain) domain = NULL;
  guint64 hash;
  Bytes bytes;
  GError *error = NULL;

  grow_between (contract, &d, &e);
  bytes = contract_remember (contract);
  hash = contract_hash (contract, e);
  domain = contract_look (contract);
  assert_false (contract_merge (contract, d, MERGE_INTO_PARENT, FALSE, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  if (domain_snapshot (domain, d)->can & CAN_MERGE_CHILDREN) {
    assert_true (contract_merge (contract, d, MERGE_INTO_CHILDREN, FALSE, &error));
    assert_no_error (error);
    assert_names (contract, NULL, "e");
  } else {
    assert_false (contract_merge (contract, d, MERGE_INTO_CHILDREN, FALSE, &error));
    assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
    assert_names (contract, NULL, "d e");
  }
  contract_assert_tree (contract, "a(b*)");
  contract_assert_bytes (contract, &bytes);
  assert_true (contract_hash (contract, e) == hash);
}

/* Where nothing ever is read through one, merging is no matter of its state. */
static BackendError
merge_refusal (Contract *contract, const char *id)
{
  g_autoptr (Domain) domain = contract_look (contract);

  return domain_snapshot (domain, id)->can & CAN_MERGE_CHILDREN ? BACKEND_ERROR_INVALID
                                                                : BACKEND_ERROR_UNSUPPORTED;
}

/* The disk does not go on from it any more, and nothing else does. */
static void
what_nothing_is_read_through_is_not_merged_away (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL, *d = NULL, *e = NULL;
  BackendError refusal;
  guint64 hash;
  GError *error = NULL;

  contract_grow (contract, "a*");
  a = contract_id (contract, "a");
  contract_change (contract, 'd');
  d = take (contract, "d");
  contract_change (contract, 'e');
  e = take (contract, "e");
  hash = contract_hash (contract, e);
  refusal = merge_refusal (contract, e);
  assert_true (contract_revert (contract, a, &error));
  assert_false (contract_merge (contract, e, MERGE_INTO_CHILDREN, TRUE, &error));
  assert_error (&error, refusal);
  assert_names (contract, NULL, "d e");
  assert_true (contract_hash (contract, e) == hash);
  assert_true (contract_discard (contract, e, &error));
  assert_false (contract_merge (contract, d, MERGE_INTO_CHILDREN, FALSE, &error));
  assert_error (&error, refusal);
  assert_names (contract, NULL, "d");
}

/* -------------------------------------------------------------------- what is refused */

static void
what_it_is_not_for_is_refused (void **state)
{
  Contract *contract = *state;
  const RedefineOptions redefine = { .snapshot = NULL };
  RedefineOptions this = redefine;
  g_autofree char *id = NULL;
  GError *error = NULL;

  contract_grow (contract, "a*");
  id = take (contract, "d");
  this.snapshot = id;
  assert_false (contract_revert (contract, id, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  assert_false (contract_set_current (contract, id, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  assert_false (contract_describe (contract, id, "words", &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  assert_null (contract_redefine (contract,
                                  "<domainsnapshot><name>d</name><state>shutoff</state>"
                                  "<creationTime>1</creationTime></domainsnapshot>",
                                  &this, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  for (DiscardMode mode = DISCARD_KEEP_CHILDREN; mode <= DISCARD_METADATA_ONLY; mode++) {
    assert_false (contract_discard_as (contract, id, mode, &error));
    assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  }
  contract_assert_tree (contract, "a*");
  assert_names (contract, NULL, "d");
}

static void
assert_invalid (Contract *contract, const CreateOptions *options)
{
  GError *error = NULL;

  assert_null (contract_create (contract, options, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
whether_the_guest_was_asked_is_noted (void **state)
{
  const CreateFlags asked = CREATE_DISK_ONLY | CREATE_QUIESCE;
  Contract *contract = *state;
  g_autofree char *target = contract_target (contract), *id = NULL;
  GError *error = NULL;

  id = contract_create (contract, &(CreateOptions){ .disk = target, .flags = asked }, &error);
  assert_no_error (error);
  {
    g_autoptr (Domain) domain = contract_look (contract);
    assert_string_equal (domain_snapshot (domain, id)->quiesced, "no: the machine was off");
  }
  assert_null (contract_create (
      contract, &(CreateOptions){ .disk = target, .flags = asked | CREATE_QUIESCE_REQUIRED },
      &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
}

static void
what_makes_no_sense_of_one_disk_is_invalid (void **state)
{
  Contract *contract = *state;
  g_autofree char *target = contract_target (contract);
  g_autofree char *a = NULL, *id = NULL;

  contract_grow (contract, "a*");
  a = contract_id (contract, "a");
  id = take (contract, "d");
  assert_invalid (contract, &(CreateOptions){ .disk = target, .under = a });
  assert_invalid (contract, &(CreateOptions){ .disk = target, .parent = a });
  assert_invalid (contract, &(CreateOptions){ .disk = target, .from = a });
  assert_invalid (contract, &(CreateOptions){ .disk = target, .memory = "no" });
  assert_invalid (contract, &(CreateOptions){ .disk = target, .flags = CREATE_NO_METADATA });
  assert_invalid (contract, &(CreateOptions){ .parent = id });
  assert_invalid (contract, &(CreateOptions){ .from = id });
  contract_assert_tree (contract, "a*");
  assert_names (contract, NULL, "d");
}

static void
held_it_stays (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = NULL;
  GError *error = NULL;

  id = take (contract, "d");
  assert_true (contract_hold (contract, id, TRUE, &error));
  assert_false (contract_discard (contract, id, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_true (contract_hold (contract, id, FALSE, &error));
  assert_true (contract_discard (contract, id, &error));
}

static void
read_it_stays (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = NULL;
  DiskReader *reader;
  GError *error = NULL;

  id = take (contract, "d");
  reader = contract_open (contract, id);
  assert_false (contract_discard (contract, id, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  disk_reader_close (reader);
  assert_true (contract_discard (contract, id, &error));
  assert_false (contract_discard (contract, id, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

static void
it_is_renamed_among_those_of_its_disk (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL, *d = NULL, *e = NULL;
  GError *error = NULL;

  a = contract_take (contract, "a");
  d = take (contract, "d");
  e = take (contract, "e");
  assert_false (contract_rename (contract, d, "e", &error));
  assert_error (&error, BACKEND_ERROR_EXISTS);
  assert_true (contract_rename (contract, d, "a", &error));
  assert_no_error (error);
  assert_true (contract_rename (contract, a, "d", &error));
  assert_no_error (error);
  assert_names (contract, NULL, "a e");
  contract_assert_tree (contract, "d*");
}

int
contract_disk_snapshots (void)
{
  static const ContractTest tests[] = {
    contract_test_with (it_stands_beside_the_tree, CAN_DISK),
    contract_test_with (each_disk_has_names_of_its_own, CAN_DISK),
    contract_test_all (of_two_disks_it_is_of_one, CAN_DISK, WHERE_SEVERAL),
    contract_test_with (nothing_in_the_tree_touches_it, CAN_DISK),
    contract_test_with (nothing_of_the_tree_goes_with_it, CAN_DISK),
    contract_test_with (merged_it_goes_and_the_disk_stays, CAN_DISK),
    contract_test_with (what_nothing_is_read_through_is_not_merged_away, CAN_DISK | CAN_REVERT),
    contract_test_with (what_it_is_not_for_is_refused, CAN_DISK),
    contract_test_with (whether_the_guest_was_asked_is_noted, CAN_DISK),
    contract_test_with (what_makes_no_sense_of_one_disk_is_invalid, CAN_DISK),
    contract_test_with (held_it_stays, CAN_DISK | CAN_HOLD),
    contract_test_all (read_it_stays, CAN_DISK, WHERE_READABLE),
    contract_test_with (it_is_renamed_among_those_of_its_disk, CAN_DISK | CAN_RENAME),
  };

  return contract_ask ("disk snapshots", tests);
}
