/* Bringing a disk back in its place. */
#include "../../backend/local/copy-back.h"
#include "temporary.h"

#define SIZE (3 * 1024 * 1024 + 4096)

static void
make_two (const TemporaryDirectory *directory)
{
  images_run (directory->path,
              "head -c %d /dev/urandom >kept && cp kept now && "
              "printf x | dd of=now bs=1 seek=70000 conv=notrunc status=none && "
              "printf x | dd of=now bs=1 seek=3149823 conv=notrunc status=none",
              SIZE);
}

static void
only_what_differs_is_written (void **state)
{
  const TemporaryDirectory *directory = *state;
  gboolean touched;
  make_two (directory);
  int from = temporary_open (directory, "kept", O_RDONLY),
      to = temporary_open (directory, "now", O_RDWR);
  assert_true (copy_back (from, to, SIZE, NULL, &touched, NULL));
  assert_true (touched);
  images_run (directory->path, "cmp kept now");
  close (to);
  /* Then it cannot be written to, and need not be. */
  to = temporary_open (directory, "now", O_RDONLY);
  assert_true (copy_back (from, to, SIZE, NULL, &touched, NULL));
  assert_false (touched);
  close (from);
  close (to);
}

static void
what_was_interrupted_is_done_again (void **state)
{
  const TemporaryDirectory *directory = *state;
  gboolean touched;
  make_two (directory);
  images_run (directory->path, "dd if=kept of=now bs=64k count=1 conv=notrunc status=none");
  int from = temporary_open (directory, "kept", O_RDONLY),
      to = temporary_open (directory, "now", O_RDWR);
  assert_true (copy_back (from, to, SIZE, NULL, &touched, NULL));
  images_run (directory->path, "cmp kept now");
  close (from);
  close (to);
}

static void
how_far_it_is_is_told (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Job) job = job_new ("db", "revert a");
  gboolean touched;
  make_two (directory);
  int from = temporary_open (directory, "kept", O_RDONLY),
      to = temporary_open (directory, "now", O_RDWR);
  assert_true (copy_back (from, to, SIZE, job, &touched, NULL));
  g_autofree char *jobs = jobs_describe ("db");
  assert_non_null (strstr (jobs, "running 99% revert a")); /* of 3 MiB and 4 KiB */
  job_finish (job, NULL);
  close (from);
  close (to);
}

/* Nothing before the first difference is touched, and it is known whether anything was. */
static void
a_snapshot_that_ends_too_early_is_damaged (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  gboolean touched;
  make_two (directory);
  images_run (directory->path, "truncate -s 60000 kept && cp now before");
  int from = temporary_open (directory, "kept", O_RDONLY),
      to = temporary_open (directory, "now", O_RDWR);
  assert_false (copy_back (from, to, SIZE, NULL, &touched, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  assert_false (touched);
  images_run (directory->path, "cmp now before");
  close (from);
  close (to);
}

static void
a_disk_that_cannot_be_written_to_may_have_been_touched (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  gboolean touched;
  make_two (directory);
  int from = temporary_open (directory, "kept", O_RDONLY),
      to = temporary_open (directory, "now", O_RDONLY);
  assert_false (copy_back (from, to, SIZE, NULL, &touched, &error));
  assert_true (touched);
  assert_non_null (strstr (error->message, "writing the disk"));
  close (from);
  close (to);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (only_what_differs_is_written),
    temporary_test (what_was_interrupted_is_done_again),
    temporary_test (how_far_it_is_is_told),
    temporary_test (a_snapshot_that_ends_too_early_is_damaged),
    temporary_test (a_disk_that_cannot_be_written_to_may_have_been_touched),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
