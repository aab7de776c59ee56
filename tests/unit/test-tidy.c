/* Tidying: that it goes by who reads an image now. */
#include "local-store.h"

/* Before the first fold fails, somebody makes clones of all that is frozen: it runs where they are.
 */
#define CLONING_QEMU_IMG                                                                           \
  "#!/bin/sh\n"                                                                                    \
  "if [ \"$1\" = commit ] && /bin/mkdir cloned; then\n"                                            \
  "  for image in .vmsnapfs-*.qcow2; do\n"                                                         \
  "    %s create -q -u -f qcow2 -b $image -F qcow2 clone-$image 8M || exit 2\n"                    \
  "  done\n"                                                                                       \
  "  echo 'no room' >&2\n"                                                                         \
  "  exit 1\n"                                                                                     \
  "fi\n"                                                                                           \
  "exec %s \"$@\"\n"

static void
use_cloning_program (const TemporaryDirectory *directory)
{
  g_autofree char *real = g_find_program_in_path ("qemu-img");
  g_autofree char *script = g_strdup_printf (CLONING_QEMU_IMG, real, real);
  g_autofree char *program = g_build_filename (directory->path, "qemu-img", NULL);
  images_write_text (directory->path, "qemu-img", script);
  images_run (directory->path, "chmod +x qemu-img && mkdir store");
  g_setenv ("VMSNAPFS_QEMU_IMG", program, TRUE);
}

static void
discard_all_below (Backend *backend, const char *snapshot)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Job) job = job_new ("web", "discard");
  if (!backend_discard (backend, "web", snapshot, DISCARD_DESCENDANTS, job, &error))
    fail_msg ("%s", error->message);
  job_finish (job, NULL);
}

/* Two images wait, and would both be folded: the first is tried and fails, and what was found out
 * of the second is not true any more. */
static void
a_clone_that_came_during_a_fold_is_seen (void **state)
{
  const TemporaryDirectory *directory = *state;
  use_cloning_program (directory);
  TemporaryDirectory store = { .path = g_build_filename (directory->path, "store", NULL) };
  make_image (&store, "web.qcow2");
  Backend *backend = open_store (&store, FALSE);
  g_autofree char *first = create (backend, "web", "first", NULL);
  g_autofree char *second = create (backend, "web", "second", NULL);
  assert_non_null (second);
  discard_all_below (backend, first);
  backend_close (backend);
  assert_int_equal (count_files (&store, "clone-*"), 2);
  images_run (store.path, "for clone in clone-.vmsnapfs-*; do"
                          " qemu-img convert -O raw $clone raw || exit 1; done");
  g_unsetenv ("VMSNAPFS_QEMU_IMG");
  g_free (store.path);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (a_clone_that_came_during_a_fold_is_seen),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
