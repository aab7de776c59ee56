/* Which method a disk is snapshotted by, and which can be used where. */
#include "../../backend/local/clone.h"
#include "../../backend/local/method.h"
#include "temporary.h"

static LocalDisk
a_disk (const TemporaryDirectory *directory, const char *format, const char *method)
{
  return (LocalDisk){ .target = (char *)"vda",
                      .format = (char *)format,
                      .directory = directory->path,
                      .file = (char *)"root.img",
                      .method = (char *)method };
}

static void
assert_refused (const char *word, BackendError code)
{
  g_autoptr (GError) error = NULL;
  assert_null (method_find (word, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, (gint)code));
  assert_non_null (strstr (error->message, word));
}

static void
words_are_methods_or_refused_with_a_reason (void **state)
{
  assert_ptr_equal (method_find ("qemu", NULL), &method_qemu);
  assert_ptr_equal (method_find ("btrfs", NULL), &method_btrfs);
  assert_ptr_equal (method_find ("reflink", NULL), &method_btrfs);
  assert_ptr_equal (method_find ("lvm", NULL), &method_lvm);
  assert_ptr_equal (method_find ("zfs", NULL), &method_zfs);
  assert_ptr_equal (method_find ("exec", NULL), &method_exec);
  assert_refused ("magic", BACKEND_ERROR_INVALID);
  assert_refused ("", BACKEND_ERROR_INVALID);
}

/* Aliases are for people: a record holds the name. */
static void
records_know_names_only (void **state)
{
  assert_ptr_equal (method_of_record ("btrfs"), &method_btrfs);
  assert_null (method_of_record ("reflink"));
  assert_ptr_equal (method_of_record ("lvm"), &method_lvm);
}

static void
what_was_written_goes_before_the_description_and_that_before_the_default (void **state)
{
  const TemporaryDirectory *directory = *state;
  const LocalDisk raw = a_disk (directory, "raw", NULL);
  const LocalDisk plain = a_disk (directory, "qcow2", NULL);
  const LocalDisk described = a_disk (directory, "qcow2", "reflink");
  LocalDisk volume = a_disk (directory, "raw", NULL);
  g_autoptr (Records) records = records_new ("uuid", "name");
  assert_string_equal (method_word (NULL, &raw), "btrfs");
  assert_string_equal (method_word (records, &plain), "qemu");
  volume.usual = "lvm";
  assert_string_equal (method_word (records, &volume), "lvm");
  assert_string_equal (method_word (records, &described), "reflink");
  records_set_method (records, "vda", "qemu");
  assert_string_equal (method_word (records, &described), "qemu");
  records_set_method (records, "vda", NULL);
  assert_string_equal (method_word (records, &described), "reflink");
}

/* Whoever takes the snapshot has made no mistake. */
static void
a_word_of_the_description_that_nobody_knows_is_not_supported (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  const LocalDisk disk = a_disk (directory, "qcow2", "magic");
  g_autoptr (GError) error = NULL;
  assert_null (method_choose (places, NULL, &disk, NULL, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  assert_ptr_equal (method_choose (places, NULL, &disk, "qemu", NULL), &method_qemu);
}

/* The proposal's <device path>, where it is not the disk: it would need that file system to rest.
 */
static void
a_device_beneath_the_disk_is_not_supported_where_the_description_decides (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Records) records = records_new ("uuid", "name");
  LocalDisk disk = a_disk (directory, "qcow2", "lvm");
  g_autoptr (GError) error = NULL;
  disk.beneath = (char *)"/dev/vg/lv4";
  assert_null (method_choose (places, records, &disk, NULL, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  assert_non_null (strstr (error->message, "/dev/vg/lv4, which is not the disk"));
  assert_ptr_equal (method_choose (places, records, &disk, "qemu", NULL), &method_qemu);
  records_set_method (records, "vda", "qemu");
  assert_ptr_equal (method_choose (places, records, &disk, NULL, NULL), &method_qemu);
}

/* On whatever file system the tests run. */
static void
what_is_possible_follows_from_the_format_and_the_file_system (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  gboolean clones = clone_is_possible (directory->fd);
  const LocalDisk raw = a_disk (directory, "raw", NULL);
  const LocalDisk plain = a_disk (directory, "qcow2", NULL);
  g_autofree char *of_raw = method_possible (places, &raw);
  g_autofree char *of_plain = method_possible (places, &plain);
  assert_string_equal (of_raw, clones ? "btrfs" : "");
  assert_string_equal (of_plain, clones ? "qemu btrfs" : "qemu");
}

static void
trying_leaves_nothing_and_is_true (void **state)
{
  const TemporaryDirectory *directory = *state;
  gboolean clones = clone_is_possible (directory->fd);
  images_run (directory->path, "test -z \"$(ls -A)\"");
  images_run (directory->path, "echo bytes > from && : > to");
  g_autoptr (GError) error = NULL;
  int from = openat (directory->fd, "from", O_RDONLY), to = openat (directory->fd, "to", O_RDWR);
  assert_int_equal (clone_file (from, to, &error), clones);
  if (clones)
    images_run (directory->path, "cmp from to");
  else
    assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  close (from);
  close (to);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (words_are_methods_or_refused_with_a_reason),
    cmocka_unit_test (records_know_names_only),
    temporary_test (what_was_written_goes_before_the_description_and_that_before_the_default),
    temporary_test (a_word_of_the_description_that_nobody_knows_is_not_supported),
    temporary_test (a_device_beneath_the_disk_is_not_supported_where_the_description_decides),
    temporary_test (what_is_possible_follows_from_the_format_and_the_file_system),
    temporary_test (trying_leaves_nothing_and_is_true),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
