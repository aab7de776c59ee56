/* Folding: whatever the shape of the chain, the dependent's bytes stay as they were. */
#include "../../backend/local/fold.h"
#include "../../backend/local/locks.h"
#include "temporary.h"
#include <sys/stat.h>

#define UNNAMED ".vmsnapfs-aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.qcow2"

/* What a shell command in the directory prints; it must succeed. */
static char *
output_of (const TemporaryDirectory *directory, const char *command)
{
  char *output = NULL;
  images_run (directory->path, "%s > .output", command);
  g_autofree char *path = g_build_filename (directory->path, ".output", NULL);
  assert_true (g_file_get_contents (path, &output, NULL, NULL));
  return output;
}

static void
sh (const TemporaryDirectory *directory, const char *command)
{
  images_run (directory->path, "%s", command);
}

static char *
bytes_of (const TemporaryDirectory *directory, const char *image)
{
  g_autofree char *command =
      g_strdup_printf ("qemu-img convert -f qcow2 -O raw './%s' .raw && sha256sum < .raw", image);
  return output_of (directory, command);
}

static gboolean
exists (const TemporaryDirectory *directory, const char *file)
{
  return faccessat (directory->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static gboolean
fold_pair (const TemporaryDirectory *directory, const char *dependent, GError **error)
{
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  const Fold pair = {
    .places = places,
    .path = places_store_path (places),
    .directory = directory->fd,
    .records = directory->fd,
    .unnamed = UNNAMED,
    .dependent = dependent,
  };
  g_autoptr (Job) job = job_new ("test", "fold");
  gboolean folded = fold (&pair, job, error);
  job_finish (job, folded ? NULL : *error);
  return folded;
}

/* The whole life of one pair: made by @make, folded, the same bytes, clean, nothing left over. */
static void
assert_folds (const TemporaryDirectory *directory, const char *make, const char *dependent)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *check = g_strdup_printf ("qemu-img check -q -f qcow2 './%s'", dependent);
  sh (directory, make);
  g_autofree char *before = bytes_of (directory, dependent);
  if (!fold_pair (directory, dependent, &error))
    fail_msg ("%s", error->message);
  g_autofree char *after = bytes_of (directory, dependent);
  assert_string_equal (after, before);
  sh (directory, check);
  assert_false (exists (directory, "folding"));
  g_autofree char *prepared = output_of (directory, "(ls -A | grep -c '[.]new$' || true)");
  assert_string_equal (prepared, "0\n");
}

#define BASE                                                                                       \
  "qemu-img create -q -f qcow2 base.qcow2 16M && "                                                 \
  "qemu-io -f qcow2 -c 'write -P 1 0 8M' base.qcow2 >/dev/null && "
#define OVERLAY(name, backing, size, options)                                                      \
  "qemu-img create -q -f qcow2 " options " -b " backing " -F qcow2 " name " " size " && "
#define WRITE(name, what) "qemu-io -f qcow2 -c '" what "' " name " >/dev/null && "

static void
the_middle_of_a_chain_is_folded (void **state)
{
  assert_folds (*state,
                BASE OVERLAY (UNNAMED, "base.qcow2", "16M", "") WRITE (UNNAMED, "write -P 2 1M 3M")
                    WRITE (UNNAMED, "write -z 5M 1M") OVERLAY ("web.qcow2", UNNAMED, "16M", "")
                        WRITE ("web.qcow2", "write -P 3 2M 3M")
                            WRITE ("web.qcow2", "write -z 1M 64k") "true",
                "web.qcow2");
  assert_false (exists (*state, UNNAMED));
}

static void
the_root_is_folded (void **state)
{
  assert_folds (*state,
                "qemu-img create -q -f qcow2 " UNNAMED " 16M && " WRITE (UNNAMED, "write -P 1 0 9M")
                    OVERLAY ("web.qcow2", UNNAMED, "16M", "")
                        WRITE ("web.qcow2", "write -P 3 2M 64k") "true",
                "web.qcow2");
}

static void
layers_of_other_sizes_are_folded (void **state)
{
  assert_folds (*state,
                BASE OVERLAY (UNNAMED, "base.qcow2", "4M", "") WRITE (UNNAMED, "write -P 2 1M 1M")
                    OVERLAY ("web.qcow2", UNNAMED, "12M", "")
                        WRITE ("web.qcow2", "write -P 3 11M 1M") "true",
                "web.qcow2");
}

static void
a_larger_layer_is_folded_into_a_smaller_one (void **state)
{
  assert_folds (*state,
                BASE OVERLAY (UNNAMED, "base.qcow2", "32M", "") WRITE (UNNAMED, "write -P 2 1M 30M")
                    OVERLAY ("web.qcow2", UNNAMED, "10M", "")
                        WRITE ("web.qcow2", "write -P 3 3M 1M") "true",
                "web.qcow2");
}

static void
an_old_image_that_must_grow_is_folded_upwards (void **state)
{
  assert_folds (*state,
                BASE OVERLAY (UNNAMED, "base.qcow2", "4M", "-o compat=0.10")
                    WRITE (UNNAMED, "write -P 2 1M 1M") OVERLAY ("web.qcow2", UNNAMED, "12M", "")
                        WRITE ("web.qcow2", "write -P 3 11M 1M") "true",
                "web.qcow2");
}

static void
a_name_that_looks_like_a_protocol_is_folded (void **state)
{
  assert_folds (*state,
                BASE OVERLAY (UNNAMED, "base.qcow2", "16M", "") WRITE (UNNAMED, "write -P 2 1M 3M")
                    OVERLAY ("./we:b.qcow2", UNNAMED, "16M", "")
                        WRITE ("./we:b.qcow2", "write -P 3 2M 3M") "true",
                "we:b.qcow2");
}

#define PAIR                                                                                       \
  BASE OVERLAY (UNNAMED, "base.qcow2", "16M", "") WRITE (UNNAMED, "write -P 2 1M 3M")              \
      OVERLAY ("web.qcow2", UNNAMED, "16M", "") WRITE ("web.qcow2", "write -P 3 2M 3M")

static void
the_rights_of_the_dependent_stay (void **state)
{
  const TemporaryDirectory *directory = *state;
  struct stat status;
  assert_folds (directory, PAIR "chmod 0604 web.qcow2 && chmod a-w " UNNAMED, "web.qcow2");
  assert_int_equal (fstatat (directory->fd, "web.qcow2", &status, 0), 0);
  assert_int_equal (status.st_mode & 07777, 0604);
}

static void
leave_mark (const TemporaryDirectory *directory)
{
  images_write_text (directory->path, "folding", UNNAMED);
}

static void
an_interrupted_fold_is_repaired (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Job) job = job_new ("test", "repair");
  struct stat status;
  gboolean repaired;
  sh (directory, PAIR "chmod a-w " UNNAMED);
  leave_mark (directory);
  assert_true (fold_is_interrupted (directory->fd));
  assert_true (fold_repair (places, directory->fd, job, &repaired, NULL));
  assert_true (repaired);
  assert_false (fold_is_interrupted (directory->fd));
  assert_int_equal (fstatat (directory->fd, UNNAMED, &status, 0), 0);
  assert_true (status.st_mode & S_IWUSR); /* which qemu-img needs where it is not root */
  job_finish (job, NULL);
}

static void
the_mark_of_an_image_that_is_gone_is_dropped (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  leave_mark (directory);
  assert_true (fold_drop_stale_mark (places, directory->fd, NULL));
  assert_false (fold_is_interrupted (directory->fd));
}

static void
a_dependent_with_snapshots_is_left_alone (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  sh (directory, PAIR "qemu-img snapshot -c kept web.qcow2");
  g_autofree char *before = bytes_of (directory, UNNAMED);
  assert_false (fold_pair (directory, "web.qcow2", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  g_autofree char *after = bytes_of (directory, UNNAMED);
  assert_string_equal (after, before);
}

static void
a_disk_in_use_is_left_alone (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  sh (directory, PAIR "true");
  int fd = openat (directory->fd, "web.qcow2", O_RDONLY);
  struct flock writer = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  assert_int_equal (fcntl (fd, F_OFD_SETLK, &writer), 0);
  assert_true (locks_writer_lives (openat (directory->fd, "web.qcow2", O_RDONLY | O_CLOEXEC)));
  assert_false (fold_pair (directory, "web.qcow2", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  close (fd);
}

static void
a_chain_that_leads_outside_is_left_alone (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  sh (directory, "qemu-img create -q -f qcow2 -u -b /etc/hostname -F raw " UNNAMED " 16M && "
                 "qemu-img create -q -f qcow2 -u -b " UNNAMED " -F qcow2 web.qcow2 16M");
  assert_false (fold_pair (directory, "web.qcow2", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DENIED));
}

static void
a_chain_that_bites_its_tail_is_left_alone (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  sh (directory, "qemu-img create -q -f qcow2 -u -b web.qcow2 -F qcow2 " UNNAMED " 16M && "
                 "qemu-img create -q -f qcow2 -u -b " UNNAMED " -F qcow2 web.qcow2 16M");
  assert_false (fold_pair (directory, "web.qcow2", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (the_middle_of_a_chain_is_folded),
    temporary_test (the_root_is_folded),
    temporary_test (layers_of_other_sizes_are_folded),
    temporary_test (a_larger_layer_is_folded_into_a_smaller_one),
    temporary_test (an_old_image_that_must_grow_is_folded_upwards),
    temporary_test (a_name_that_looks_like_a_protocol_is_folded),
    temporary_test (the_rights_of_the_dependent_stay),
    temporary_test (an_interrupted_fold_is_repaired),
    temporary_test (the_mark_of_an_image_that_is_gone_is_dropped),
    temporary_test (a_dependent_with_snapshots_is_left_alone),
    temporary_test (a_disk_in_use_is_left_alone),
    temporary_test (a_chain_that_leads_outside_is_left_alone),
    temporary_test (a_chain_that_bites_its_tail_is_left_alone),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
