/* The contract on the memory backend, and what its scripts promise to tests. */
#include "contract.h"

#include "../../backend/job.h"
#include "../../backend/threads.h"

#include <string.h>

static gpointer
make (void)
{
  return NULL;
}

static Backend *
open_empty (gpointer place, const BackendOptions *options, GError **error)
{
  return backend_open ("memory:?chain=0", options, error);
}

static void
clean (gpointer place)
{
}

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
  assert_source_refused ("memory:?delay=create");
  assert_source_refused ("memory:?delay=sleep:5");
  assert_source_refused ("memory:?fail=create:sad");
  assert_source_refused ("memory:?fail=create:busy:x");
  assert_source_refused ("nonsense:x");
  assert_source_refused ("qemu:///system");
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
main (void)
{
  static const ContractBackend memory = {
    .domain = "chain", .make = make, .open = open_empty, .clean = clean
  };
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (mistakes_in_a_source_are_refused),
    cmocka_unit_test (the_demonstration_is_the_same_every_time),
    cmocka_unit_test (trees_have_the_size_and_shape_asked_for),
    cmocka_unit_test (a_scripted_failure_comes_as_often_as_it_says),
    cmocka_unit_test (reads_that_take_time_or_fail_do_so_as_scripted),
    cmocka_unit_test (a_scripted_delay_disturbs_nobody_and_can_be_cancelled),
    cmocka_unit_test (a_slow_get_hides_the_picture_until_it_is_over),
  };

  return contract_run (&memory) + cmocka_run_group_tests_name ("scripts", tests, NULL, NULL);
}
