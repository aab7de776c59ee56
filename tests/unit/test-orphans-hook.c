/* Metadata whose domain is gone, and whose snapshots storage of the site's own has. */
#include "hook.h"
#include "local-store.h"

#define UUID "93a5c045-6457-4c09-a56c-927cdf34e178"
#define COPIES                                                                                     \
  "disk=$(printf '%s' \"$request\" | sed -n 's/^ *\"disk\" : \"\\(.*\\)\",$/\\1/p') "              \
  "copy=$d/copies/$image\n"                                                                        \
  "case $1 in create) cp $disk $copy; yes ;; delete) rm -f $copy; yes ;; "                         \
  "locate) if [ -e $copy ]; then at $copy; else printf '{\"image\":\"%s\",\"path\":null}' "        \
  "$image; fi ;; "                                                                                 \
  "revert) echo >>$d/reverts; exit 1 ;; esac"

static void
describe_domain (const TemporaryDirectory *store)
{
  images_write_text (store->path, "db01/domain.xml",
                     "<domain type='kvm'><name>db01</name><uuid>" UUID
                     "</uuid><memory>1</memory><os>"
                     "<type>hvm</type></os><devices><disk type='file' device='disk'>"
                     "<driver name='qemu' type='raw'/><source file='disk.raw'/><target dev='vda'/>"
                     "<diskSnapshot method='exec'/></disk></devices></domain>");
}

static Backend *
open_with_hook (const TemporaryDirectory *store)
{
  g_autofree char *hook = hook_path (store);
  g_autoptr (GError) error = NULL;
  const BackendOptions options = { .hook = hook, .hook_seconds = 20 };
  Backend *backend = backend_open (store->path, &options, &error);
  if (!backend)
    fail_msg ("%s", error->message);
  return backend;
}

/* A domain with the snapshot base; its id. */
static char *
make_domain (const TemporaryDirectory *store)
{
  hook_write (store, COPIES);
  images_run (store->path, "mkdir db01 copies; truncate -s 4096 db01/disk.raw");
  describe_domain (store);
  g_autoptr (Backend) backend = open_with_hook (store);
  char *base = create (backend, "db01", "base", NULL);
  assert_non_null (base);
  assert_int_equal (count_files (store, "*-*-*-*-*"), 3); /* the copy, the records, one of them */
  return base;
}

static gboolean
drop (Backend *backend, GError **error)
{
  g_autoptr (Job) job = job_new (UUID, "drop");
  gboolean done = backend_drop_orphan (backend, UUID, job, error);
  job_finish (job, NULL);
  return done;
}

static void
what_the_storage_is_not_asked_for_is_not_dropped (void **state)
{
  const TemporaryDirectory *store = *state;
  g_autoptr (GError) error = NULL;
  g_autofree char *base = make_domain (store);
  images_run (store->path, "rm db01/domain.xml");
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    assert_false (drop (backend, &error));
    assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
    assert_non_null (strstr (error->message, "-o hook=PROGRAM"));
  }
  describe_domain (store);
  g_autoptr (Backend) backend = open_with_hook (store);
  g_autoptr (Domain) domain = backend_get_domain (backend, "db01", NULL);
  assert_non_null (domain_snapshot (domain, base));
}

static void
all_goes_with_the_hook (void **state)
{
  const TemporaryDirectory *store = *state;
  g_autofree char *base = make_domain (store);
  images_run (store->path, "rm db01/domain.xml");
  g_autoptr (Backend) backend = open_with_hook (store);
  assert_true (drop (backend, NULL));
  assert_int_equal (count_files (store, "*-*-*-*-*"), 0);
}

/* It would hold up the whole store, for a disk that is nobody's. */
static void
nothing_is_brought_back_for_what_is_dropped (void **state)
{
  const TemporaryDirectory *store = *state;
  g_autofree char *base = make_domain (store);
  {
    g_autoptr (Backend) backend = open_with_hook (store);
    assert_false (revert (backend, "db01", base, NULL));
  }
  images_run (store->path, "rm db01/domain.xml");
  g_autoptr (Backend) backend = open_with_hook (store);
  images_run (store->path, "rm reverts");
  assert_true (drop (backend, NULL));
  assert_int_equal (count_files (store, "reverts"), 0);
  assert_int_equal (count_files (store, "*-*-*-*-*"), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    hook_test (what_the_storage_is_not_asked_for_is_not_dropped),
    hook_test (all_goes_with_the_hook),
    hook_test (nothing_is_brought_back_for_what_is_dropped),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
