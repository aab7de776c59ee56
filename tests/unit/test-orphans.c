/* Metadata whose domain is gone: who gets it back, and what goes with it when it is dropped. */
#include "../../backend/local/store.h"
#include "local-store.h"

#define UUID "93a5c045-6457-4c09-a56c-927cdf34e178"
#define OTHER "5b3b1c1e-0d7e-4f5c-8c8e-0f6d1c1f2a3b"
#define RECORDS ".vmsnapfs/" UUID

static void
describe_domain_as (const TemporaryDirectory *store, const char *uuid)
{
  g_autofree char *text = g_strdup_printf (
      "<domain type='kvm'><name>db01</name><uuid>%s</uuid><memory>1</memory><os><type>hvm</type>"
      "</os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
      "<source file='disk.qcow2'/><target dev='vda'/></disk></devices></domain>",
      uuid);
  images_write_text (store->path, "db01/domain.xml", text);
}

/* A domain with the snapshots base and base/updates, closed. */
static void
make_domain (const TemporaryDirectory *store)
{
  images_run (store->path, "mkdir db01");
  make_image (store, "db01/disk.qcow2");
  describe_domain_as (store, UUID);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *base = create (backend, "db01", "base", NULL);
  g_autofree char *updates = create (backend, "db01", "updates", NULL);
  assert_non_null (base);
  assert_non_null (updates);
}

static gboolean
drop (Backend *backend, const char *uuid, GError **error)
{
  g_autoptr (Job) job = job_new (uuid, "drop");
  gboolean done = backend_drop_orphan (backend, uuid, job, error);
  job_finish (job, NULL);
  return done;
}

static void
assert_drop_fails (Backend *backend, const char *uuid, BackendError code)
{
  g_autoptr (GError) error = NULL;
  assert_false (drop (backend, uuid, &error));
  if (!g_error_matches (error, BACKEND_ERROR, (gint)code))
    fail_msg ("expected code %d, not %d: %s", (int)code, error->code, error->message);
}

static void
assert_orphans (Backend *backend, const char *only)
{
  g_auto (GStrv) uuids = backend_list_orphans (backend, NULL);
  assert_non_null (uuids);
  assert_int_equal (g_strv_length (uuids), only ? 1 : 0);
  if (only)
    assert_string_equal (uuids[0], only);
}

static void
assert_snapshots (Backend *backend, guint count)
{
  g_autoptr (Domain) domain = backend_get_domain (backend, "db01", NULL);
  assert_non_null (domain);
  assert_int_equal (domain_snapshots (domain)->len, count);
}

static void
what_a_domain_leaves_is_shown_and_cannot_be_used (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain (store);
  images_run (store->path, "rm db01/domain.xml");
  g_autoptr (Backend) backend = open_store (store, TRUE);
  assert_orphans (backend, UUID);
  g_autoptr (Domain) domain = backend_get_orphan (backend, UUID, NULL);
  assert_string_equal (domain->name, "db01");
  assert_string_equal (domain->uuid, UUID);
  const Snapshot *base = domain_named (domain, "base", 0);
  const Snapshot *updates = domain_named (domain, "updates", 0);
  assert_non_null (base);
  assert_string_equal (updates->parent, base->id);
  assert_string_equal (domain->current, updates->id);
  assert_non_null (strstr (updates->xml->data, "<name>updates</name>"));
  assert_int_equal (updates->disks->len, 0);
  assert_int_equal (updates->can | domain->can, 0);
}

static void
nothing_is_left_of_domains_that_are_there (void **state)
{
  TemporaryDirectory *store = *state;
  g_autoptr (GError) error = NULL;
  g_autoptr (Backend) empty = open_store (store, TRUE);
  assert_orphans (empty, NULL);
  g_clear_pointer (&empty, backend_close);
  make_domain (store);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_orphans (backend, NULL);
  assert_null (backend_get_orphan (backend, UUID, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND));
  assert_drop_fails (backend, UUID, BACKEND_ERROR_BUSY);
  assert_drop_fails (backend, OTHER, BACKEND_ERROR_NOT_FOUND);
  assert_drop_fails (backend, "..", BACKEND_ERROR_NOT_FOUND);
  assert_snapshots (backend, 2);
}

static void
only_the_same_uuid_gets_the_metadata_back (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain (store);
  describe_domain_as (store, OTHER);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_snapshots (backend, 0);
  assert_orphans (backend, UUID);
  describe_domain_as (store, UUID);
  store_rescan ((Store *)backend);
  assert_snapshots (backend, 2);
  assert_orphans (backend, NULL);
  images_run (store->path, "rm db01/domain.xml");
  store_rescan ((Store *)backend);
  assert_orphans (backend, UUID);
  describe_domain_as (store, OTHER);
  store_rescan ((Store *)backend);
  assert_snapshots (backend, 0);
  assert_orphans (backend, UUID);
  describe_domain_as (store, UUID);
  store_rescan ((Store *)backend);
  assert_snapshots (backend, 2);
}

static void
what_nothing_reads_goes_with_the_records (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain (store);
  images_run (store->path, "rm db01/domain.xml db01/disk.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (GError) error = NULL;
  if (!drop (backend, UUID, &error))
    fail_msg ("%s", error->message);
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 0);
  assert_int_equal (count_files (store, "s-*"), 0);
  assert_orphans (backend, NULL);
  assert_drop_fails (backend, UUID, BACKEND_ERROR_NOT_FOUND);
}

/* The active disk is nobody's now, and still somebody's bytes. */
static void
what_is_read_stays (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain (store);
  images_run (store->path, "rm db01/domain.xml");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_true (drop (backend, UUID, NULL));
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 2);
  images_run (store->path, "qemu-img check -q db01/disk.qcow2");
  assert_orphans (backend, NULL);
}

static void
what_the_records_of_others_name_stays (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain (store);
  images_run (store->path,
              "cp -r " RECORDS " .vmsnapfs/" OTHER " && rm db01/domain.xml db01/disk.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_true (drop (backend, UUID, NULL));
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 2);
  assert_orphans (backend, OTHER);
  assert_true (drop (backend, OTHER, NULL));
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 0);
}

/* In what states a drop that is killed leaves it. */
static const char *const interruptions[] = {
  "true",
  "mv " RECORDS " " RECORDS ".dropped",
  "mv " RECORDS " " RECORDS ".dropped && rm -f $(ls -t db01/.vmsnapfs-*.qcow2 | head -1)",
  "mv " RECORDS " " RECORDS ".dropped && rm -f db01/.vmsnapfs-*.qcow2",
  "mv " RECORDS " " RECORDS ".dropped && rm -f db01/.vmsnapfs-*.qcow2 " RECORDS ".dropped/head",
  "mv " RECORDS " " RECORDS ".dropped && rm -f db01/.vmsnapfs-*.qcow2 " RECORDS ".dropped/*",
};

static void
an_interrupted_drop_is_still_listed_and_dropped_again (void **state)
{
  TemporaryDirectory *store = *state;
  for (guint i = 0; i < G_N_ELEMENTS (interruptions); i++) {
    make_domain (store);
    images_run (store->path, "rm db01/domain.xml db01/disk.qcow2 && %s", interruptions[i]);
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autoptr (GError) error = NULL;
    assert_orphans (backend, UUID);
    g_autoptr (Domain) domain = backend_get_orphan (backend, UUID, NULL);
    assert_non_null (domain);
    if (!drop (backend, UUID, &error))
      fail_msg ("%s: %s", interruptions[i], error->message);
    assert_orphans (backend, NULL);
    assert_int_equal (count_files (store, ".vmsnapfs-*"), 0);
    images_run (store->path, "rmdir .vmsnapfs db01");
  }
}

/* The domain that comes back never sees half of what it had, and loses nothing of what it has. */
static void
what_is_half_dropped_is_not_given_back (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain (store);
  images_run (store->path, "%s", interruptions[1]);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_snapshots (backend, 0);
  g_autofree char *id = create (backend, "db01", "anew", NULL);
  assert_non_null (id);
  assert_orphans (backend, UUID);
  assert_true (drop (backend, UUID, NULL));
  assert_orphans (backend, NULL);
  assert_snapshots (backend, 1);
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 3);
}

static void
where_an_image_cannot_be_read_nothing_is_dropped (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain (store);
  images_run (store->path, "rm db01/domain.xml db01/disk.qcow2 && "
                           "printf 'QFI\\373damaged' > .vmsnapfs-damaged.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_drop_fails (backend, UUID, BACKEND_ERROR_DAMAGED);
  assert_orphans (backend, UUID);
  assert_int_equal (count_files (store, "s-*"), 2);
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 3);
}

/* They may be all that there is, and their images must not stay for ever. */
static void
snapshots_of_one_disk_are_left_and_dropped_like_others (void **state)
{
  TemporaryDirectory *store = *state;
  images_run (store->path, "mkdir db01");
  make_image (store, "db01/disk.qcow2");
  describe_domain_as (store, UUID);
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autofree char *id = create_of_disk (backend, "db01", "nightly", NULL);
    assert_non_null (id);
  }
  assert_int_equal (count_files (store, ".vmsnapfs-*.qcow2"), 1);
  images_run (store->path, "rm db01/domain.xml db01/disk.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (Domain) domain = backend_get_orphan (backend, UUID, NULL);
  assert_int_equal (domain_snapshots (domain)->len, 0);
  assert_int_equal (domain_disk_snapshots (domain, "vda")->len, 1);
  assert_true (drop (backend, UUID, NULL));
  assert_orphans (backend, NULL);
  assert_int_equal (count_files (store, ".vmsnapfs-*.qcow2"), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (what_a_domain_leaves_is_shown_and_cannot_be_used),
    temporary_test (nothing_is_left_of_domains_that_are_there),
    temporary_test (only_the_same_uuid_gets_the_metadata_back),
    temporary_test (what_nothing_reads_goes_with_the_records),
    temporary_test (what_is_read_stays),
    temporary_test (what_the_records_of_others_name_stays),
    temporary_test (an_interrupted_drop_is_still_listed_and_dropped_again),
    temporary_test (what_is_half_dropped_is_not_given_back),
    temporary_test (where_an_image_cannot_be_read_nothing_is_dropped),
    temporary_test (snapshots_of_one_disk_are_left_and_dropped_like_others),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
