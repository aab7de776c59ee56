/* Discarding what is inside a disk image: that one and no other, or nothing at all. */
#include "../../backend/local/inside-pending.h"
#include "../../backend/local/store.h"
#include "local-store.h"

static gboolean
discard (Backend *backend, const char *domain, const char *id, GError **error)
{
  g_autoptr (Job) job = job_new (domain, "discard");
  gboolean done = backend_discard (backend, domain, id, DISCARD_ONE, job, error);
  job_finish (job, NULL);
  return done;
}

static void
assert_discard_fails (Backend *backend, const char *domain, const char *id, BackendError code)
{
  g_autoptr (GError) error = NULL;
  assert_false (discard (backend, domain, id, &error));
  if (!g_error_matches (error, BACKEND_ERROR, (gint)code))
    fail_msg ("expected code %d, not %d: %s", (int)code, error->code, error->message);
}

static void
assert_discarded (Backend *backend, const char *domain, const char *id)
{
  g_autoptr (GError) error = NULL;
  if (!discard (backend, domain, id, &error))
    fail_msg ("%s", error->message);
}

/* The ids of all snapshots, in order, with a space behind each. */
static char *
ids_of (Backend *backend, const char *domain)
{
  g_autoptr (Domain) picture = backend_get_domain (backend, domain, NULL);
  GString *ids = g_string_new (NULL);
  assert_non_null (picture);
  for (guint i = 0; i < domain_snapshots (picture)->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (domain_snapshots (picture), i);
    g_string_append_printf (ids, "%s ", snapshot->id);
  }
  return g_string_free (ids, FALSE);
}

static void
assert_ids (Backend *backend, const char *domain, const char *expected)
{
  g_autofree char *ids = ids_of (backend, domain);
  assert_string_equal (ids, expected);
}

/* web01 with snapshots of these tags inside, of the patterns 1, 2, … */
static void
make_inside (const TemporaryDirectory *store, const char *const *tags)
{
  make_image (store, "web01.qcow2");
  for (guint i = 0; tags[i]; i++)
    images_run (store->path,
                "qemu-io -f qcow2 -c 'write -q -P %u 0 1M' web01.qcow2 && "
                "qemu-img snapshot -c '%s' web01.qcow2",
                i + 1, tags[i]);
  images_run (store->path, "qemu-io -f qcow2 -c 'write -q -P 99 0 64k' web01.qcow2");
}

static void
assert_live_disk_is_whole (const TemporaryDirectory *store)
{
  images_run (store->path, "qemu-img check -q web01.qcow2 && "
                           "qemu-io -f qcow2 -c 'read -q -P 99 0 64k' web01.qcow2");
}

static void
only_the_one_that_is_meant_goes (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "one", "two", "-d", NULL };
  make_inside (store, tags);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_discarded (backend, "web01", "i:vda:2:two");
  assert_ids (backend, "web01", "i:vda:1:one i:vda:3:-d ");
  assert_discarded (backend, "web01", "i:vda:3:-d");
  assert_ids (backend, "web01", "i:vda:1:one ");
  assert_discard_fails (backend, "web01", "i:vda:2:two", BACKEND_ERROR_NOT_FOUND);
  assert_int_equal (count_files (store, "inside*"), 0);
  assert_live_disk_is_whole (store);
}

/* L8: qemu-img takes a number for an ID where it can; the tag "2" has the ID 1. */
static void
a_tag_that_looks_like_an_id_is_no_id (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "2", "1", NULL };
  make_inside (store, tags);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_discarded (backend, "web01", "i:vda:1:2");
  assert_ids (backend, "web01", "i:vda:2:1 ");
  assert_live_disk_is_whole (store);
}

/* L9: qemu-img snapshot -d removes the first of a tag. */
static void
of_two_with_one_tag_only_the_first_can_go (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "same", "same", NULL };
  make_inside (store, tags);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
  assert_true (domain_snapshot (domain, "i:vda:1:same")->can & CAN_DISCARD);
  assert_false (domain_snapshot (domain, "i:vda:2:same")->can & CAN_DISCARD);
  assert_discard_fails (backend, "web01", "i:vda:2:same", BACKEND_ERROR_UNSUPPORTED);
  assert_ids (backend, "web01", "i:vda:1:same i:vda:2:same ");
  assert_discarded (backend, "web01", "i:vda:1:same");
  assert_ids (backend, "web01", "i:vda:2:same ");
  assert_discarded (backend, "web01", "i:vda:2:same");
  assert_ids (backend, "web01", "");
}

static void
an_image_that_others_read_is_not_touched (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "one", NULL };
  make_inside (store, tags);
  images_run (store->path, "qemu-img create -q -f qcow2 -b web01.qcow2 -F qcow2 clone.qcow2 && "
                           "sha256sum web01.qcow2 > sum");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_discard_fails (backend, "web01", "i:vda:1:one", BACKEND_ERROR_BUSY);
  images_run (store->path, "sha256sum -c --quiet sum && rm clone.qcow2");
  g_autofree char *id = create (backend, "web01", "base", NULL);
  assert_non_null (id);
  assert_discard_fails (backend, "web01", "i:vda:1:one", BACKEND_ERROR_BUSY);
}

static void
an_image_that_a_machine_has_open_is_not_touched (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "one", NULL };
  struct flock writer = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  make_inside (store, tags);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  int machine = openat (store->fd, "web01.qcow2", O_RDONLY);
  assert_int_equal (fcntl (machine, F_OFD_SETLK, &writer), 0);
  assert_discard_fails (backend, "web01", "i:vda:1:one", BACKEND_ERROR_BUSY);
  assert_ids (backend, "web01", "i:vda:1:one ");
  assert_int_equal (count_files (store, "inside*"), 0);
  close (machine);
  assert_discarded (backend, "web01", "i:vda:1:one");
}

/* It has no parent, so there is no other. */
static void
without_the_current_one_none_is_current (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "one", NULL };
  make_inside (store, tags);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (Job) job = job_new ("web01", "current");
  g_autoptr (GError) error = NULL;
  if (!backend_set_current (backend, "web01", "i:vda:1:one", NULL, job, &error))
    fail_msg ("%s", error->message);
  job_finish (job, NULL);
  assert_discarded (backend, "web01", "i:vda:1:one");
  for (guint i = 0; i < 2; i++) {
    g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
    assert_null (domain->current);
    g_clear_pointer (&backend, backend_close);
    backend = open_store (store, FALSE);
  }
}

/* -------------------------------------------------------------------- several disks */

static void
make_domain_of_two (const TemporaryDirectory *store)
{
  images_run (store->path, "mkdir db01");
  make_image (store, "db01/a.qcow2");
  make_image (store, "db01/b.qcow2");
  images_run (store->path, "for disk in a b; do qemu-img snapshot -c one db01/$disk.qcow2; done && "
                           "qemu-img snapshot -c alone db01/b.qcow2");
  images_write_text (
      store->path, "db01/domain.xml",
      "<domain type='kvm'><name>db01</name><uuid>93a5c045-6457-4c09-a56c-927cdf34e178</uuid>"
      "<memory>1</memory><os><type>hvm</type></os><devices>"
      "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
      "<source file='a.qcow2'/><target dev='vda'/></disk>"
      "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
      "<source file='b.qcow2'/><target dev='vdb'/></disk></devices></domain>");
}

static void
it_goes_from_all_disks (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain_of_two (store);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_ids (backend, "db01", "i:vda:1:one i:vdb:2:alone ");
  assert_discarded (backend, "db01", "i:vda:1:one");
  assert_ids (backend, "db01", "i:vdb:2:alone ");
  images_run (store->path, "qemu-img snapshot -l db01/a.qcow2 > list && ! grep -w one list && "
                           "qemu-img snapshot -l db01/b.qcow2 > list && ! grep -w one list");
}

/* Of all disks or of none, also where the second is the one in use. */
static void
no_disk_is_touched_when_another_is_in_use (void **state)
{
  TemporaryDirectory *store = *state;
  struct flock writer = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  make_domain_of_two (store);
  images_run (store->path, "sha256sum db01/*.qcow2 > sum");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  int machine = openat (store->fd, "db01/b.qcow2", O_RDONLY);
  assert_int_equal (fcntl (machine, F_OFD_SETLK, &writer), 0);
  assert_discard_fails (backend, "db01", "i:vda:1:one", BACKEND_ERROR_BUSY);
  close (machine);
  images_run (store->path, "sha256sum -c --quiet sum");
}

/* -------------------------------------------------------------------- interrupted */

/* What is on disk at the commit point of a discard. */
static void
begin_discard (const TemporaryDirectory *store, const char *id)
{
  g_autoptr (Places) places = places_open (store->path, NULL, NULL);
  g_autoptr (GPtrArray) domains = scan_store (places, NULL);
  const LocalDomain *domain = g_ptr_array_index (domains, 0);
  g_autoptr (GPtrArray) parts = internal_parts (places, domain, NULL, id, NULL);
  gboolean committed;
  images_run (store->path, "mkdir -p .vmsnapfs/%s", domain->uuid);
  g_autofree char *path = g_build_filename (store->path, ".vmsnapfs", domain->uuid, NULL);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true (inside_pending_commit (fd, places, id, parts, &committed, NULL));
  close (fd);
}

static void
a_half_done_one_is_completed_when_the_store_is_opened (void **state)
{
  TemporaryDirectory *store = *state;
  make_domain_of_two (store);
  begin_discard (store, "i:vda:1:one");
  images_run (store->path, "qemu-img snapshot -d one db01/a.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_ids (backend, "db01", "i:vdb:2:alone ");
  assert_int_equal (count_files (store, "inside*"), 0);
}

/* Killed before each of qemu-img's writes: the next start ends it, clean, and the other snapshot
 * and the disk have their bytes. */
static void
a_killed_qemu_img_is_repaired_and_done_again (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "one", "two", NULL };
  gboolean killed = TRUE;
  guint when = 1;
  for (; killed && when < 100; when++) {
    make_inside (store, tags);
    begin_discard (store, "i:vda:1:one");
    g_autofree char *command = g_strdup_printf (
        "cd '%s' && strace -qq -f -o /dev/null -e trace=pwrite64 "
        "-e inject=pwrite64:signal=SIGKILL:when=%u qemu-img snapshot -d one web01.qcow2 2>&1",
        store->path, when);
    killed = system (command) != 0;
    g_autoptr (Backend) backend = open_store (store, FALSE);
    assert_ids (backend, "web01", "i:vda:2:two ");
    assert_live_disk_is_whole (store);
    images_run (store->path, "qemu-img convert -l snapshot.name=two -O raw web01.qcow2 two && "
                             "qemu-io -f raw -c 'read -q -P 2 0 1M' two");
  }
  assert_false (killed); /* the last of them ran to its end */
  assert_true (when > 3);
}

static void
it_waits_for_a_machine_that_was_started_meanwhile (void **state)
{
  TemporaryDirectory *store = *state;
  const char *const tags[] = { "one", NULL };
  struct flock writer = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  make_inside (store, tags);
  begin_discard (store, "i:vda:1:one");
  int machine = openat (store->fd, "web01.qcow2", O_RDONLY);
  assert_int_equal (fcntl (machine, F_OFD_SETLK, &writer), 0);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_ids (backend, "web01", "i:vda:1:one ");
  assert_null (create (backend, "web01", "base", NULL));
  close (machine);
  g_autofree char *id = create (backend, "web01", "base", NULL);
  assert_non_null (id);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
  assert_int_equal (domain_snapshots (domain)->len, 1);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (only_the_one_that_is_meant_goes),
    temporary_test (a_tag_that_looks_like_an_id_is_no_id),
    temporary_test (of_two_with_one_tag_only_the_first_can_go),
    temporary_test (an_image_that_others_read_is_not_touched),
    temporary_test (an_image_that_a_machine_has_open_is_not_touched),
    temporary_test (without_the_current_one_none_is_current),
    temporary_test (it_goes_from_all_disks),
    temporary_test (no_disk_is_touched_when_another_is_in_use),
    temporary_test (a_half_done_one_is_completed_when_the_store_is_opened),
    temporary_test (a_killed_qemu_img_is_repaired_and_done_again),
    temporary_test (it_waits_for_a_machine_that_was_started_meanwhile),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
