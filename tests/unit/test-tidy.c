/* Tidying: that it goes by who reads an image now. */
#include "local-store.h"

/* The image that is the first to be folded never can be; before, @what is done once. */
#define FAILING_QEMU_IMG(what, sentence)                                                           \
  "#!/bin/sh\n"                                                                                    \
  "if [ \"$1\" = commit ]; then\n"                                                                 \
  "  [ -e tried ] || { echo \"$7\" >tried; " what "; }\n"                                          \
  "  if [ \"$(/bin/cat tried)\" = \"$7\" ]; then echo 'qemu-img: " sentence "' >&2; exit 1; fi\n"  \
  "fi\n"                                                                                           \
  "exec /usr/bin/qemu-img \"$@\"\n"

/* Somebody makes clones of all that is frozen; it runs where they are. */
#define CLONE_ALL                                                                                  \
  "for image in .vmsnapfs-*.qcow2; do"                                                             \
  "  /usr/bin/qemu-img create -q -u -f qcow2 -b $image -F qcow2 clone-$image 8M || exit 2; done"

static void
use_program (const TemporaryDirectory *directory, const char *script)
{
  g_autofree char *program = g_build_filename (directory->path, "qemu-img", NULL);
  images_write_text (directory->path, "qemu-img", script);
  images_run (directory->path, "chmod +x qemu-img && mkdir store");
  g_setenv ("VMSNAPFS_QEMU_IMG", program, TRUE);
}

/* As a machine would; @number is of the bytes and of where they are. */
static void
write_disk (const TemporaryDirectory *store, guint number)
{
  images_run (store->path, "qemu-io -f qcow2 -c 'write -q -P %u %uM 1M' web.qcow2", number, number);
}

/* The raw bytes of @image are all that was written until it was frozen, or cloned. */
static void
assert_holds (const TemporaryDirectory *store, const char *image, guint written)
{
  images_run (store->path, "qemu-img convert -f qcow2 -O raw '%s' raw", image);
  for (guint number = 1; number <= 3; number++)
    images_run (store->path, "qemu-io -r -f raw -c 'read -q -P %u %uM 1M' raw",
                number <= written ? number : 0, number);
}

/* Two images that nothing names any more, one behind the other, and the disk before both. */
static Backend *
make_two_spare (const TemporaryDirectory *store)
{
  make_image (store, "web.qcow2");
  write_disk (store, 1);
  Backend *backend = open_store (store, FALSE);
  g_autofree char *first = create (backend, "web", "first", NULL);
  write_disk (store, 2);
  g_autofree char *second = create (backend, "web", "second", NULL);
  write_disk (store, 3);
  assert_non_null (second);
  g_autoptr (GError) error = NULL;
  g_autoptr (Job) job = job_new ("web", "discard");
  if (!backend_discard (backend, "web", first, DISCARD_DESCENDANTS, job, &error))
    fail_msg ("%s", error->message);
  job_finish (job, NULL);
  return backend;
}

/* The first is tried and fails, and what was found out of the second is not true any more. */
static void
a_clone_that_came_during_a_fold_is_seen (void **state)
{
  const TemporaryDirectory *directory = *state;
  use_program (directory, FAILING_QEMU_IMG (CLONE_ALL, "no"));
  TemporaryDirectory store = { .path = g_build_filename (directory->path, "store", NULL) };
  Backend *backend = make_two_spare (&store);
  wait_for_files (&store, "clone-*", 2);
  backend_close (backend);
  assert_holds (&store, "web.qcow2", 3);
  /* Of both snapshots, the second of which has what was written after the first, too. */
  images_run (store.path, "seconds=0; for clone in clone-*.qcow2; do"
                          " qemu-img convert -f qcow2 -O raw $clone raw &&"
                          " qemu-io -r -f raw -c 'read -q -P 1 1M 1M' raw || exit 1;"
                          " qemu-io -r -f raw -c 'read -q -P 2 2M 1M' raw >/dev/null &&"
                          " seconds=$((seconds + 1)); done; [ $seconds = 1 ]");
  g_unsetenv ("VMSNAPFS_QEMU_IMG");
  g_free (store.path);
}

/* What follows it works; and still it is told why one is there. */
static void
a_fold_that_failed_is_not_forgotten (void **state)
{
  const TemporaryDirectory *directory = *state;
  use_program (directory, FAILING_QEMU_IMG (":", "No space left on device"));
  TemporaryDirectory store = { .path = g_build_filename (directory->path, "store", NULL) };
  Backend *backend = make_two_spare (&store);
  wait_for_files (&store, ".vmsnapfs-*.qcow2", 1);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web", NULL);
  gboolean told = FALSE;
  for (guint i = 0; i < domain->notes->len; i++)
    told |= strstr (g_ptr_array_index (domain->notes, i), "untidy: ") != NULL;
  assert_true (told);
  backend_close (backend);
  assert_holds (&store, "web.qcow2", 3);
  g_unsetenv ("VMSNAPFS_QEMU_IMG");
  g_free (store.path);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (a_clone_that_came_during_a_fold_is_seen),
    temporary_test (a_fold_that_failed_is_not_forgotten),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
