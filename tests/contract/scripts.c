/* What the memory backend promises besides the contract, to tests above all: what it begins with,
 * what its scripts do, and what it lacks. */
#include "contract.h"

#include "../../backend/threads.h"

#include <string.h>

static void
assert_source_refused (const char *source)
{
  GError *error = NULL;

  assert_null (backend_open (source, NULL, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
mistakes_in_a_source_are_refused (void **state)
{
  assert_source_refused ("memory:x");
  assert_source_refused ("memory:?what=1");
  assert_source_refused ("memory:?snapshots");
  assert_source_refused ("memory:?snapshots=-1");
  assert_source_refused ("memory:?snapshots=5&fanout=0");
  assert_source_refused ("memory:?pair=x");
  assert_source_refused ("memory:?orphans=1000000");
  assert_source_refused ("memory:?delay=create");
  assert_source_refused ("memory:?delay=sleep:5");
  assert_source_refused ("memory:?fail=create:sad");
  assert_source_refused ("memory:?fail=create:busy:x");
  assert_source_refused ("nonsense:x");
  assert_source_refused ("disks:old");
}

static void
the_demonstration_is_the_same_every_time (void **state)
{
  g_autoptr (Backend) first = backend_open ("memory:", NULL, NULL);
  g_autoptr (Backend) second = backend_open ("memory:", NULL, NULL);
  g_auto (GStrv) names = backend_list_domains (first, NULL);

  assert_int_equal (g_strv_length (names), 2);
  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (Domain) one = backend_get_domain (first, names[i], NULL);
    g_autoptr (Domain) other = backend_get_domain (second, names[i], NULL);
    const GPtrArray *snapshots = domain_snapshots (one);

    assert_text (one->uuid, other->uuid);
    assert_text (one->xml->data, other->xml->data);
    assert_non_null (one->current);
    assert_true (snapshots->len > 1);
    for (guint j = 0; j < snapshots->len; j++) {
      const Snapshot *snapshot = g_ptr_array_index (snapshots, j);

      assert_text (domain_snapshot (other, snapshot->id)->xml->data, snapshot->xml->data);
    }
  }
}

static void
trees_have_the_size_and_shape_asked_for (void **state)
{
  g_autoptr (Backend) backend =
      backend_open ("memory:?snapshots=1000&fanout=3&chain=200", NULL, NULL);
  g_autoptr (Domain) big = backend_get_domain (backend, "big", NULL);
  g_autoptr (Domain) chain = backend_get_domain (backend, "chain", NULL);
  const Snapshot *root = domain_named (big, "s00001", 0);
  const Snapshot *first = domain_named (chain, "s00001", 0);

  assert_int_equal (domain_snapshots (big)->len, 1000);
  assert_int_equal (domain_children (big, root->id)->len, 3);
  assert_int_equal (domain_descendants (big, root), 999);
  assert_int_equal (domain_descendants (chain, first), 199);
  assert_int_equal (domain_children (chain, first->id)->len, 1);
  assert_text (domain_snapshot (chain, chain->current)->name, "s00200");
}

static void
a_scripted_failure_comes_as_often_as_it_says (void **state)
{
  g_autoptr (Backend) backend =
      backend_open ("memory:?chain=0&fail=create:no-space:2&fail=revert:damaged", NULL, NULL);
  Contract contract = { .backend = backend, .domain = "chain" };
  const CreateOptions options = { .name = "x" };
  g_autofree char *id = NULL;
  GError *error = NULL;

  for (guint i = 0; i < 2; i++) {
    assert_null (contract_create (&contract, &options, &error));
    assert_error (&error, BACKEND_ERROR_NO_SPACE);
    contract_assert_count (&contract, 0);
  }
  id = contract_take (&contract, "x");
  for (guint i = 0; i < 3; i++) {
    assert_false (contract_revert (&contract, id, &error));
    assert_error (&error, BACKEND_ERROR_DAMAGED);
  }
}

static void
reads_that_take_time_or_fail_do_so_as_scripted (void **state)
{
  g_autoptr (Backend) backend = backend_open (
      "memory:?chain=1&delay=read:1&fail=open:busy:1&fail=read:damaged:1&fail=measure:busy:1", NULL,
      NULL);
  g_autoptr (DiskReader) reader = NULL;
  DiskMeasure measure;
  guchar byte;
  GError *error = NULL;

  assert_null (backend_open_disk (backend, "chain", NULL, "vda", &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (backend_measure_disk (backend, "chain", "vda", &measure, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  reader = backend_open_disk (backend, "chain", NULL, "vda", &error);
  assert_no_error (error);
  assert_false (disk_reader_read (reader, &byte, 1, 0, FALSE, &error));
  assert_no_error (error);
  assert_false (disk_reader_read (reader, &byte, 1, 0, TRUE, &error));
  assert_error (&error, BACKEND_ERROR_DAMAGED);
  assert_true (disk_reader_read (reader, &byte, 1, 0, TRUE, &error));
}

typedef struct {
  Backend *backend;
  Job *job;
  int code; /* of the error; -1: none */
} Slow;

static void *
create_slowly (void *data)
{
  Slow *slow = data;
  const CreateOptions options = { .name = "slow" };
  g_autoptr (GError) error = NULL;
  g_autofree char *id = backend_create (slow->backend, "big", &options, slow->job, &error);

  slow->code = error == NULL ? -1 : error->code;
  return NULL;
}

static void
wait_until_running (const char *domain)
{
  g_autofree char *jobs = jobs_describe (domain);

  while (strstr (jobs, "%") == NULL) {
    g_usleep (1000);
    g_free (jobs);
    jobs = jobs_describe (domain);
  }
}

static void
a_scripted_delay_disturbs_nobody_and_can_be_cancelled (void **state)
{
  g_autoptr (Backend) backend =
      backend_open ("memory:?snapshots=0&chain=0&delay=create:60000", NULL, NULL);
  g_autoptr (Job) job = job_new ("big", "create slow");
  Slow slow = { .backend = backend, .job = job };
  Contract same = { .backend = backend, .domain = "big" };
  Contract other = { .backend = backend, .domain = "chain" };
  pthread_t thread = thread_start ("slow", create_slowly, &slow);
  GError *error = NULL;

  wait_until_running ("big");
  assert_false (contract_revert (&same, "x", &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (contract_revert (&other, "x", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  contract_assert_count (&same, 0);
  assert_true (job_cancel (job));
  thread_join (thread);
  job_finish (job, NULL);
  assert_int_equal (slow.code, BACKEND_ERROR_CANCELLED);
  contract_assert_count (&same, 0);
}

static void
what_changes_metadata_fails_as_scripted (void **state)
{
  g_autoptr (Backend) backend =
      backend_open ("memory:?chain=2&fail=merge:busy:1&fail=current:failed:1&fail=hold:no-space:1"
                    "&fail=redefine:denied:1",
                    NULL, NULL);
  Contract contract = { .backend = backend, .domain = "chain" };
  const char *document = "<domainsnapshot><name>n</name><state>shutoff</state>"
                         "<creationTime>7</creationTime></domainsnapshot>";
  const RedefineOptions options = { 0 };
  g_autofree char *id = contract_id (&contract, "s00002");
  GError *error = NULL;

  assert_false (contract_merge (&contract, id, MERGE_INTO_PARENT, FALSE, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_false (contract_set_current (&contract, NULL, &error));
  assert_error (&error, BACKEND_ERROR_FAILED);
  assert_false (contract_hold (&contract, id, TRUE, &error));
  assert_error (&error, BACKEND_ERROR_NO_SPACE);
  assert_null (contract_redefine (&contract, document, &options, &error));
  assert_error (&error, BACKEND_ERROR_DENIED);
  contract_assert_tree (&contract, "s00001(s00002*)");
}

static gboolean
drop_orphan (Backend *backend, const char *uuid, GError **error)
{
  g_autoptr (Job) job = job_new ("orphans", "drop");
  gboolean done = backend_drop_orphan (backend, uuid, job, error);

  job_finish (job, NULL);
  return done;
}

static void
left_overs_of_domains_are_seen_and_dropped (void **state)
{
  g_autoptr (Backend) backend = backend_open ("memory:?orphans=2", NULL, NULL);
  g_auto (GStrv) before = backend_list_orphans (backend, NULL);
  g_auto (GStrv) after = NULL;
  g_autoptr (Domain) orphan = NULL;
  GError *error = NULL;

  assert_int_equal (g_strv_length (before), 2);
  orphan = backend_get_orphan (backend, before[0], &error);
  assert_no_error (error);
  assert_text (orphan->uuid, before[0]);
  assert_int_equal (orphan->disks->len, 0);
  assert_int_equal (domain_snapshots (orphan)->len, 2);
  assert_null (backend_get_domain (backend, orphan->name, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_true (drop_orphan (backend, before[0], &error));
  assert_false (drop_orphan (backend, before[0], &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  after = backend_list_orphans (backend, NULL);
  assert_int_equal (g_strv_length (after), 1);
  assert_text (after[0], before[1]);
}

static void
assert_create_lacks (Contract *contract, CreateOptions options)
{
  GError *error = NULL;

  assert_null (contract_create (contract, &options, &error));
  assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
}

static void
assert_disk_lacks (Contract *contract, DiskRequest request)
{
  g_autoptr (GPtrArray) disks = g_ptr_array_new ();

  request.name = (char *)"vda";
  g_ptr_array_add (disks, &request);
  assert_create_lacks (contract, (CreateOptions){ .disks = disks });
}

static void
there_are_no_files_and_no_machines (void **state)
{
  g_autoptr (Backend) backend = backend_open ("memory:?chain=1", NULL, NULL);
  Contract contract = { .backend = backend, .domain = "chain" };
  const RevertOptions lacking[] = { { .running = TRUE },
                                    { .paused = TRUE },
                                    { .reset_nvram = TRUE } };
  g_autofree char *id = contract_id (&contract, "s00001");
  GError *error = NULL;

  assert_create_lacks (&contract, (CreateOptions){ .flags = CREATE_LIVE });
  assert_create_lacks (&contract, (CreateOptions){ .flags = CREATE_REUSE_EXTERNAL });
  assert_disk_lacks (&contract, (DiskRequest){ .file = (char *)"/over" });
  assert_disk_lacks (&contract, (DiskRequest){ .driver = (char *)"qed" });
  assert_disk_lacks (&contract, (DiskRequest){ .type = (char *)"block" });
  for (gsize i = 0; i < G_N_ELEMENTS (lacking); i++) {
    assert_false (contract_revert_as (&contract, id, &lacking[i], &error));
    assert_error (&error, BACKEND_ERROR_UNSUPPORTED);
  }
  contract_assert_count (&contract, 1);
}

static void
the_disks_of_a_snapshot_are_in_its_domains_description (void **state)
{
  g_autoptr (Backend) backend = backend_open ("memory:", NULL, NULL);
  Contract contract = { .backend = backend, .domain = "web01" };
  g_autofree char *id = contract_id (&contract, "rescue");
  g_autoptr (Domain) domain = NULL;
  const Disk *disk;
  GError *error = NULL;

  assert_true (contract_revert (&contract, id, &error));
  domain = contract_look (&contract);
  disk = g_ptr_array_index (domain->disks, 0);
  assert_text (
      disk->xml->data,
      ((const Disk *)g_ptr_array_index (domain_snapshot (domain, id)->disks, 0))->xml->data);
  assert_non_null (strstr (domain->xml->data, "/images/web01-vda.rescue.qcow2"));
}

static void
a_slow_get_hides_the_picture_until_it_is_over (void **state)
{
  g_autoptr (Backend) backend = backend_open ("memory:?chain=3&get=20", NULL, NULL);
  Contract contract = { .backend = backend, .domain = "chain" };
  g_autoptr (Domain) peeked = NULL;

  assert_null (backend_peek_domain (backend, "chain"));
  contract_assert_count (&contract, 3);
  peeked = backend_peek_domain (backend, "chain");
  assert_non_null (peeked);
}

int
contract_scripts (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (mistakes_in_a_source_are_refused),
    cmocka_unit_test (the_demonstration_is_the_same_every_time),
    cmocka_unit_test (trees_have_the_size_and_shape_asked_for),
    cmocka_unit_test (a_scripted_failure_comes_as_often_as_it_says),
    cmocka_unit_test (reads_that_take_time_or_fail_do_so_as_scripted),
    cmocka_unit_test (a_scripted_delay_disturbs_nobody_and_can_be_cancelled),
    cmocka_unit_test (what_changes_metadata_fails_as_scripted),
    cmocka_unit_test (left_overs_of_domains_are_seen_and_dropped),
    cmocka_unit_test (there_are_no_files_and_no_machines),
    cmocka_unit_test (the_disks_of_a_snapshot_are_in_its_domains_description),
    cmocka_unit_test (a_slow_get_hides_the_picture_until_it_is_over),
  };

  return cmocka_run_group_tests_name ("scripts", tests, NULL, NULL);
}
