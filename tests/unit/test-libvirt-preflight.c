/* Looking into images before libvirt has them changed. */
#include "../../backend/libvirt/preflight.h"
#include "images.h"

static void
assert_damaged (const char *directory, const char *image, const char *name)
{
  g_autofree char *file = g_build_filename (directory, image, NULL);
  GError *error = NULL;

  assert_false (preflight_image (file, name, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  g_clear_error (&error);
}

static void
assert_sound (const char *directory, const char *image, const char *name)
{
  g_autofree char *file = g_build_filename (directory, image, NULL);
  GError *error = NULL;

  assert_true (preflight_image (file, name, &error));
  assert_null (error);
}

static void
a_snapshot_that_is_not_inside_is_missed (void **state)
{
  char *directory = images_directory ();

  images_run (directory, "qemu-img create -q -f qcow2 a 1M && qemu-img snapshot -c base a");
  assert_sound (directory, "a", "base");
  assert_damaged (directory, "a", "updates");
  images_run (directory, "qemu-img snapshot -d base a");
  assert_damaged (directory, "a", "base");
  images_remove (directory);
}

/* `qemu-img snapshot -a 2` takes the one with the ID 2. */
static void
a_name_that_is_the_number_of_another_is_refused (void **state)
{
  char *directory = images_directory ();

  images_run (directory, "qemu-img create -q -f qcow2 a 1M && qemu-img snapshot -c 2 a && "
                         "qemu-img snapshot -c base a && qemu-img snapshot -c 3 a");
  assert_damaged (directory, "a", "2");
  assert_sound (directory, "a", "base");
  assert_sound (directory, "a", "3");
  images_remove (directory);
}

static void
what_cannot_be_read_is_let_pass (void **state)
{
  char *directory = images_directory ();

  images_run (directory, "truncate -s 1M raw && mkfifo pipe");
  assert_sound (directory, "raw", "base");
  assert_sound (directory, "pipe", "base");
  assert_sound (directory, "missing", "base");
  images_remove (directory);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_snapshot_that_is_not_inside_is_missed),
    cmocka_unit_test (a_name_that_is_the_number_of_another_is_refused),
    cmocka_unit_test (what_cannot_be_read_is_let_pass),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
