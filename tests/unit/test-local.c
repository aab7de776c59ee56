/* The local backend where it differs from others: whose files it may touch, and what it does when
 * they are not as they should be. */
#include "local-store.h"
#include <sys/mount.h>
#include <sys/stat.h>

static void
assert_create_fails (const TemporaryDirectory *store, const char *domain, BackendError code)
{
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (GError) error = NULL;
  assert_null (create (backend, domain, "base", &error));
  if (!g_error_matches (error, BACKEND_ERROR, (gint)code))
    fail_msg ("expected code %d, not %d: %s", (int)code, error->code, error->message);
}

/* Names, modes, sizes and times of everything below the store. */
static char *
listing (const TemporaryDirectory *store)
{
  char *text = NULL;
  g_autofree char *output = g_strconcat (store->path, ".list", NULL);
  images_run (store->path, "find . -printf '%%p %%m %%s %%T@\\n' | sort > '%s'", output);
  assert_true (g_file_get_contents (output, &text, NULL, NULL));
  assert_int_equal (remove (output), 0);
  return text;
}

/* -------------------------------------------------------------------- refusals */

static void
a_base_that_another_machine_reads_is_not_replaced (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "template.qcow2");
  images_run (store->path, "qemu-img create -q -f qcow2 -b template.qcow2 -F qcow2 clone.qcow2");
  assert_create_fails (store, "template", BACKEND_ERROR_BUSY);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *id = create (backend, "clone", "base", NULL);
  assert_non_null (id);
}

static void
a_disk_with_several_names_is_refused (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  images_run (store->path, "ln web01.qcow2 backup");
  assert_create_fails (store, "web01", BACKEND_ERROR_UNSUPPORTED);
}

static void
a_file_that_is_no_image_is_refused (void **state)
{
  TemporaryDirectory *store = *state;
  images_run (store->path, "head -c 100000 /dev/zero > web01.qcow2");
  assert_create_fails (store, "web01", BACKEND_ERROR_DAMAGED);
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 0);
}

static void
without_qemu_img_browsing_works_and_creating_is_unsupported (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  images_run (store->path, "qemu-img snapshot -c inside web01.qcow2");
  g_setenv ("VMSNAPFS_QEMU_IMG", "/nonexistent/qemu-img", TRUE);
  assert_create_fails (store, "web01", BACKEND_ERROR_UNSUPPORTED);
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
    assert_non_null (domain_named (domain, "inside", 0));
  }
  g_unsetenv ("VMSNAPFS_QEMU_IMG");
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 0);
}

static void
a_full_disk_leaves_everything_as_it_was (void **state)
{
  TemporaryDirectory *store = *state;
  if (mount ("none", store->path, "tmpfs", 0, "size=1m") != 0)
    fail_msg ("this test needs to mount a tmpfs");
  make_image (store, "web01.qcow2");
  images_run (store->path, "head -c 700000 /dev/zero > filler");
  assert_create_fails (store, "web01", BACKEND_ERROR_NO_SPACE);
  assert_int_equal (count_files (store, "*.new"), 0);
  assert_int_equal (count_files (store, ".vmsnapfs-*"), 0);
  assert_int_equal (umount2 (store->path, MNT_DETACH), 0);
}

#define DESCRIPTION(name, file)                                                                    \
  "<domain type='kvm'><name>" name "</name><uuid>93a5c045-6457-2c09-e56c-927cdf34e178</uuid>"      \
  "<memory>1</memory><os><type>hvm</type></os><devices><disk type='file' device='disk'>"           \
  "<driver name='qemu' type='qcow2'/><source file='" file "'/><target dev='vda'/></disk>"          \
  "</devices></domain>"

/* Their records would be each other's. */
static void
two_domains_with_one_uuid_are_not_changed (void **state)
{
  TemporaryDirectory *store = *state;
  images_run (store->path, "mkdir a b");
  make_image (store, "a/disk.qcow2");
  make_image (store, "b/disk.qcow2");
  images_write_text (store->path, "a/domain.xml", DESCRIPTION ("a", "disk.qcow2"));
  images_write_text (store->path, "b/domain.xml", DESCRIPTION ("b", "disk.qcow2"));
  assert_create_fails (store, "b", BACKEND_ERROR_UNSUPPORTED);
}

static void
a_frozen_image_that_somebody_uses_as_a_disk_stays (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *base = create (backend, "web01", "base", NULL);
  images_run (store->path, "mkdir clone && image=$(ls .vmsnapfs-*.qcow2) && "
                           "echo \"<domain type='kvm'><name>c</name><memory>1</memory><os>"
                           "<type>hvm</type></os><devices><disk type='file' device='disk'>"
                           "<driver name='qemu' type='qcow2'/><source file='../$image'/>"
                           "<target dev='vda'/></disk></devices></domain>\" > clone/domain.xml");
  g_autoptr (Job) job = job_new ("web01", "discard");
  g_autofree char *next = create (backend, "web01", "next", NULL);
  assert_non_null (next);
  backend_close (g_steal_pointer (&backend));
  backend = open_store (store, FALSE);
  assert_true (revert (backend, "web01", base, NULL));
  assert_true (backend_discard (backend, "web01", next, DISCARD_ONE, job, NULL));
  assert_true (backend_discard (backend, "web01", base, DISCARD_ONE, job, NULL));
  job_finish (job, NULL);
  wait_for_files (store, ".vmsnapfs-*.qcow2", 1);
  backend_close (g_steal_pointer (&backend));
  images_run (store->path, "cd clone && test -e \"$(sed \"s/.*source file='\\([^']*\\)'.*/\\1/\" "
                           "domain.xml)\"");
}

/* -------------------------------------------------------------------- what is already there */

static void
a_name_that_is_no_text_is_kept_as_it_is (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "caf\xe9.qcow2");
  g_autofree char *base = NULL;
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    base = create (backend, "caf\xe9", "base", NULL);
  }
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (Domain) domain = backend_get_domain (backend, "caf\xe9", NULL);
  assert_null (domain->problem);
  assert_string_equal (domain->current, base);
}

static void
reading_writes_nothing (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  images_run (store->path, "qemu-img snapshot -c 1 web01.qcow2 && mkdir other");
  g_autofree char *before = listing (store);
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_auto (GStrv) names = backend_list_domains (backend, NULL);
    g_autoptr (Domain) domain = backend_get_domain (backend, names[0], NULL);
    assert_int_equal (domain_snapshots (domain)->len, 1);
  }
  g_autofree char *after = listing (store);
  assert_string_equal (after, before);
}

static void
reverting_to_a_snapshot_inside_an_image_copies_it (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  images_run (store->path, "qemu-io -f qcow2 -c 'write -P 7 0 1M' web01.qcow2 > /dev/null && "
                           "qemu-img snapshot -c 2 web01.qcow2 && "
                           "qemu-io -f qcow2 -c 'write -P 8 0 1M' web01.qcow2 > /dev/null && "
                           "qemu-img snapshot -c 1 web01.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (Domain) before = backend_get_domain (backend, "web01", NULL);
  const Snapshot *two = domain_named (before, "2", 0);
  assert_true (revert (backend, "web01", two->id, NULL));
  images_run (store->path, "qemu-io -f qcow2 -r -c 'read -P 7 0 1M' web01.qcow2 | grep -qv failed");
  g_autoptr (Domain) after = backend_get_domain (backend, "web01", NULL);
  assert_int_equal (domain_snapshots (after)->len, 2);
  assert_string_equal (after->current, two->id);
  g_autofree char *child = create (backend, "web01", "child", NULL);
  g_autoptr (Domain) last = backend_get_domain (backend, "web01", NULL);
  assert_string_equal (domain_snapshot (last, child)->parent, two->id);
}

/* -------------------------------------------------------------------- damage */

static void
a_damaged_record_hides_only_itself_and_forbids_changes (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  g_autofree char *base = NULL, *child = NULL;
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    base = create (backend, "web01", "base", NULL);
    child = create (backend, "web01", "child", NULL);
  }
  images_run (store->path, "for f in .vmsnapfs/*/s-%s; do echo x >> $f; done", base);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
  g_autoptr (GError) error = NULL;
  assert_non_null (domain_snapshot (domain, base)->problem);
  assert_null (domain_snapshot (domain, child)->problem);
  assert_string_equal (domain_snapshot (domain, child)->parent, base);
  assert_null (create (backend, "web01", "more", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
}

static void
a_store_can_be_moved (void **state)
{
  TemporaryDirectory *store = *state;
  images_run (store->path, "mkdir first && qemu-img create -q -f qcow2 first/web01.qcow2 8M");
  TemporaryDirectory first = { .path = g_build_filename (store->path, "first", NULL) };
  TemporaryDirectory second = { .path = g_build_filename (store->path, "second", NULL) };
  g_autofree char *id = NULL;
  {
    g_autoptr (Backend) backend = open_store (&first, FALSE);
    id = create (backend, "web01", "base", NULL);
  }
  images_run (store->path, "mv first second");
  g_autoptr (Backend) backend = open_store (&second, FALSE);
  assert_true (revert (backend, "web01", id, NULL));
  images_run (second.path, "qemu-img check -q web01.qcow2");
  g_free (first.path);
  g_free (second.path);
}

static void
one_store_has_one_daemon (void **state)
{
  TemporaryDirectory *store = *state;
  g_autoptr (Backend) first = open_store (store, FALSE);
  const BackendOptions options = { .read_only = FALSE };
  g_autoptr (GError) error = NULL;
  assert_null (backend_open (store->path, &options, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
}

static void
what_was_prepared_before_a_crash_is_removed_at_start (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autofree char *id = create (backend, "web01", "base", NULL);
    assert_non_null (id);
  }
  images_run (store->path, "touch .vmsnapfs-$(cat /proc/sys/kernel/random/uuid).new person.new && "
                           "for d in .vmsnapfs/*/; do touch $d/head.new $d/journal.t; done");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_int_equal (count_files (store, ".vmsnapfs-*.new"), 0);
  assert_int_equal (count_files (store, "head.new"), 0);
  assert_int_equal (count_files (store, "journal.t"), 0);
  assert_int_equal (count_files (store, "person.new"), 1);
}

/* -------------------------------------------------------------------- tidying */

static void
discarded_images_are_folded_away (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *base = create (backend, "web01", "base", NULL);
  for (int i = 0; i < 5; i++) {
    images_run (store->path, "qemu-io -f qcow2 -c 'write -P %d %dM 1M' web01.qcow2 >/dev/null",
                i + 1, i);
    g_autofree char *id = create (backend, "web01", "leaf", NULL);
    g_autoptr (Job) job = job_new ("web01", "discard");
    assert_true (backend_discard (backend, "web01", id, DISCARD_ONE, job, NULL));
    job_finish (job, NULL);
    wait_for_files (store, ".vmsnapfs-*.qcow2", 1);
  }
  images_run (store->path, "for i in 0 1 2 3 4; do "
                           "qemu-io -f qcow2 -r -c \"read -P $((i + 1)) ${i}M 1M\" web01.qcow2; "
                           "done > out && ! grep -q failed out && qemu-img check -q web01.qcow2");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (a_base_that_another_machine_reads_is_not_replaced),
    temporary_test (a_disk_with_several_names_is_refused),
    temporary_test (a_file_that_is_no_image_is_refused),
    temporary_test (without_qemu_img_browsing_works_and_creating_is_unsupported),
    temporary_test (a_full_disk_leaves_everything_as_it_was),
    temporary_test (two_domains_with_one_uuid_are_not_changed),
    temporary_test (a_frozen_image_that_somebody_uses_as_a_disk_stays),
    temporary_test (a_name_that_is_no_text_is_kept_as_it_is),
    temporary_test (reading_writes_nothing),
    temporary_test (reverting_to_a_snapshot_inside_an_image_copies_it),
    temporary_test (a_damaged_record_hides_only_itself_and_forbids_changes),
    temporary_test (a_store_can_be_moved),
    temporary_test (one_store_has_one_daemon),
    temporary_test (what_was_prepared_before_a_crash_is_removed_at_start),
    temporary_test (discarded_images_are_folded_away),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
