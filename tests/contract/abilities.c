/* What `can` says, compared with what is done: a word that is there works, and one that is not is
 * UNSUPPORTED. */
#include "contract.h"

/* The snapshots of the tree "a(b*)". */
typedef struct {
  Contract *contract;
  Job *job;
  const char *a;
  const char *b;
} Attempt;

static gboolean
create (const Attempt *attempt, const CreateOptions *options, GError **error)
{
  g_autofree char *id = backend_create (attempt->contract->backend, attempt->contract->domain,
                                        options, attempt->job, error);

  return id != NULL;
}

static gboolean
try_create (const Attempt *attempt, GError **error)
{
  return create (attempt, &(CreateOptions){ .name = "c" }, error);
}

static gboolean
try_parent (const Attempt *attempt, GError **error)
{
  return create (attempt, &(CreateOptions){ .parent = attempt->a }, error);
}

static gboolean
try_copy (const Attempt *attempt, GError **error)
{
  return create (attempt, &(CreateOptions){ .from = attempt->a }, error);
}

static gboolean
try_compress (const Attempt *attempt, GError **error)
{
  return create (attempt, &(CreateOptions){ .compression = "zlib" }, error);
}

static gboolean
try_without_metadata (const Attempt *attempt, GError **error)
{
  return create (attempt, &(CreateOptions){ .flags = CREATE_NO_METADATA }, error);
}

static gboolean
discard (const Attempt *attempt, DiscardMode mode, GError **error)
{
  return backend_discard (attempt->contract->backend, attempt->contract->domain, attempt->b, mode,
                          attempt->job, error);
}

static gboolean
try_discard (const Attempt *attempt, GError **error)
{
  return discard (attempt, DISCARD_ONE, error);
}

static gboolean
try_forget (const Attempt *attempt, GError **error)
{
  return discard (attempt, DISCARD_METADATA_ONLY, error);
}

static gboolean
try_merge_parent (const Attempt *attempt, GError **error)
{
  return backend_merge (attempt->contract->backend, attempt->contract->domain, attempt->b,
                        MERGE_INTO_PARENT, FALSE, attempt->job, error);
}

static gboolean
try_merge_children (const Attempt *attempt, GError **error)
{
  return backend_merge (attempt->contract->backend, attempt->contract->domain, attempt->a,
                        MERGE_INTO_CHILDREN, FALSE, attempt->job, error);
}

static gboolean
revert (const Attempt *attempt, const char *save, GError **error)
{
  const RevertOptions options = { .save = save };

  return backend_revert (attempt->contract->backend, attempt->contract->domain, attempt->a,
                         &options, attempt->job, error);
}

static gboolean
try_revert (const Attempt *attempt, GError **error)
{
  return revert (attempt, NULL, error);
}

static gboolean
try_save (const Attempt *attempt, GError **error)
{
  return revert (attempt, "s", error);
}

static gboolean
try_current (const Attempt *attempt, GError **error)
{
  return backend_set_current (attempt->contract->backend, attempt->contract->domain, attempt->a,
                              NULL, attempt->job, error);
}

static gboolean
try_no_current (const Attempt *attempt, GError **error)
{
  return backend_set_current (attempt->contract->backend, attempt->contract->domain, NULL, NULL,
                              attempt->job, error);
}

static gboolean
try_hold (const Attempt *attempt, GError **error)
{
  return backend_hold (attempt->contract->backend, attempt->contract->domain, attempt->a, TRUE,
                       attempt->job, error);
}

static gboolean
try_describe (const Attempt *attempt, GError **error)
{
  return backend_describe (attempt->contract->backend, attempt->contract->domain, attempt->a,
                           "words", attempt->job, error);
}

static gboolean
try_rename (const Attempt *attempt, GError **error)
{
  return backend_rename (attempt->contract->backend, attempt->contract->domain, attempt->a, "z",
                         attempt->job, error);
}

static gboolean
try_method (const Attempt *attempt, GError **error)
{
  return backend_set_method (attempt->contract->backend, attempt->contract->domain, "vda", NULL,
                             attempt->job, error);
}

static gboolean
try_disk (const Attempt *attempt, GError **error)
{
  return create (attempt, &(CreateOptions){ .name = "c", .disk = "vda" }, error);
}

static gboolean
try_redefine (const Attempt *attempt, GError **error)
{
  SnapshotDescription description = { .name = (char *)"n", .state = (char *)"shutoff" };
  const RedefineOptions options = { 0 };
  g_autofree char *id = backend_redefine (attempt->contract->backend, attempt->contract->domain,
                                          &description, &options, attempt->job, error);

  return id != NULL;
}

static const struct {
  BackendCan can;
  gboolean (*attempt) (const Attempt *attempt, GError **error);
} abilities[] = {
  { CAN_CREATE, try_create },
  { CAN_DISCARD, try_discard },
  { CAN_REVERT, try_revert },
  { CAN_DESCRIBE, try_describe },
  { CAN_RENAME, try_rename },
  { CAN_MERGE_PARENT, try_merge_parent },
  { CAN_MERGE_CHILDREN, try_merge_children },
  { CAN_REDEFINE, try_redefine },
  { CAN_CURRENT, try_current },
  { CAN_NO_CURRENT, try_no_current },
  { CAN_HOLD, try_hold },
  { CAN_PARENT, try_parent },
  { CAN_COPY, try_copy },
  { CAN_SAVE, try_save },
  { CAN_COMPRESS, try_compress },
  { CAN_FORGET, try_without_metadata },
  { CAN_FORGET, try_forget },
  { CAN_METHOD, try_method },
  { CAN_DISK | CAN_DISK_IN_TREE, try_disk },
};

static gboolean
carry_out (Contract *contract, gsize number, Job *job, const char *a, const char *b, GError **error)
{
  const Attempt attempt = { .contract = contract, .job = job, .a = a, .b = b };
  gboolean done = abilities[number].attempt (&attempt, error);

  job_finish (job, NULL);
  return done;
}

/* On the tree "a(b*)", with a job that was cancelled already or not. */
static gboolean
carry_out_on_tree (Contract *contract, gsize number, gboolean cancelled, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "attempt");
  g_autofree char *a = contract_id (contract, "a");
  g_autofree char *b = contract_id (contract, "b");

  if (cancelled)
    assert_true (job_cancel (job));
  return carry_out (contract, number, job, a, b, error);
}

static void
what_it_can_is_what_it_does (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) domain = contract_look (contract);
  GError *error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (abilities); i++) {
    contract_grow (contract, "a(b*)");
    if (domain->can & abilities[i].can) {
      assert_true (carry_out_on_tree (contract, i, FALSE, &error));
      assert_no_error (error);
    } else {
      assert_false (carry_out_on_tree (contract, i, FALSE, &error));
      assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
    }
    contract_clear (contract);
  }
}

static void
whatever_is_cancelled_changes_nothing (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) domain = contract_look (contract);
  Bytes bytes;
  GError *error = NULL;

  contract_grow (contract, "a(b*)");
  bytes = contract_remember (contract);
  for (gsize i = 0; i < G_N_ELEMENTS (abilities); i++) {
    if ((domain->can & abilities[i].can) == 0)
      continue;
    assert_false (carry_out_on_tree (contract, i, TRUE, &error));
    assert_error (&error, BACKEND_ERROR_CANCELLED);
    contract_assert_tree (contract, "a(b*)");
    contract_assert_bytes (contract, &bytes);
  }
}

static void
whatever_is_read_only_is_not_changed (void **state)
{
  Contract *contract = *state;
  const BackendOptions read_only = { .read_only = TRUE };
  GError *error = NULL;

  contract_reopen (contract, &read_only);
  for (gsize i = 0; i < G_N_ELEMENTS (abilities); i++) {
    g_autoptr (Job) job = job_new (contract->domain, "attempt");

    assert_false (carry_out (contract, i, job, "no such id", "no such id", &error));
    assert_error (&error, BACKEND_ERROR_READ_ONLY);
  }
  contract_assert_count (contract, 0);
}

static void
whatever_is_of_no_domain_is_not_found (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) domain = contract_look (contract);
  GError *error = NULL;

  contract->domain = "no such domain";
  for (gsize i = 0; i < G_N_ELEMENTS (abilities); i++) {
    g_autoptr (Job) job = NULL;

    if ((domain->can & abilities[i].can) == 0)
      continue;
    job = job_new (contract->domain, "attempt");
    assert_false (carry_out (contract, i, job, "no such id", "no such id", &error));
    assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  }
}

static void
there_are_no_left_overs_of_domains (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) domain = contract_look (contract);
  GError *error = NULL;
  g_auto (GStrv) uuids = backend_list_orphans (contract->backend, &error);

  assert_no_error (error);
  assert_int_equal (g_strv_length (uuids), 0);
  assert_null (backend_get_orphan (contract->backend, domain->uuid, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

int
contract_abilities (void)
{
  static const ContractTest tests[] = {
    contract_test (what_it_can_is_what_it_does),
    contract_test (whatever_is_cancelled_changes_nothing),
    contract_test (whatever_is_read_only_is_not_changed),
    contract_test (whatever_is_of_no_domain_is_not_found),
    contract_test (there_are_no_left_overs_of_domains),
  };

  return contract_ask ("abilities", tests);
}
