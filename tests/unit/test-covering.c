/* Whether an image hides what is behind it, as both files say. */
#include "../../backend/error.h"
#include "../../backend/qcow2/covering.h"
#include "temporary.h"

static int
open_plainly (gpointer data, const char *path, GError **error)
{
  return open (path, O_RDONLY | O_CLOEXEC);
}

/* What is seen of "below" through "over"; the @make of both is a shell command. */
static guint64
seen_in (const TemporaryDirectory *directory, const char *make)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *over = g_build_filename (directory->path, "over", NULL);
  g_autofree char *below = g_build_filename (directory->path, "below", NULL);
  guint64 seen = 12345;
  int unshared; /* another one's images are never taken for these */
  const ImageOpener opener = { .open = open_plainly, .data = &unshared };
  images_run (directory->path, "%s", make);
  if (!covering_count_seen (&opener, over, below, &seen, &error))
    fail_msg ("%s", error->message);
  return seen;
}

#define BELOW "qemu-img create -q -f qcow2 below 8M && "
#define OVER "&& qemu-img create -q -f qcow2 -b below -F qcow2 over 8M "
#define IO "qemu-io -f qcow2 "

static void
what_is_not_covered_is_counted (void **state)
{
  assert_int_equal (seen_in (*state, BELOW IO "-c 'write -q 1M 256k' below" OVER), 256 * 1024);
  assert_int_equal (seen_in (*state, IO "-c 'write -q 1M 128k' over"), 128 * 1024);
  assert_int_equal (seen_in (*state, IO "-c 'write -q -z 1152k 128k' over"), 0);
}

static void
an_empty_image_is_not_seen (void **state)
{
  assert_int_equal (seen_in (*state, BELOW "true" OVER), 0);
}

/* They hide what is behind them, and must be hidden. */
static void
zeros_count (void **state)
{
  assert_int_equal (seen_in (*state, BELOW IO "-c 'write -q -z 2M 64k' below" OVER), 64 * 1024);
}

static void
whole_clusters_of_the_upper_one_are_counted (void **state)
{
  assert_int_equal (seen_in (*state,
                             "qemu-img create -q -f qcow2 -o cluster_size=4k below 8M && " IO
                             "-c 'write -q 1M 4k' -c 'write -q 1032k 4k' "
                             "-c 'write -q 4M 4k' below" OVER),
                    2 * 65536);
}

static void
what_is_beyond_the_upper_ones_end_does_not_matter (void **state)
{
  assert_int_equal (seen_in (*state, BELOW IO "-c 'write -q 7M 64k' below && qemu-img create -q "
                                              "-f qcow2 -b below -F qcow2 over 4M"),
                    0);
}

static void
a_longer_upper_one_is_looked_at_as_far_as_the_other_reaches (void **state)
{
  assert_int_equal (seen_in (*state, BELOW IO "-c 'write -q 7M 1M' below && qemu-img create -q "
                                              "-f qcow2 -b below -F qcow2 over 16M"),
                    1024 * 1024);
}

static void
compressed_clusters_and_subclusters_count (void **state)
{
  assert_int_equal (seen_in (*state,
                             BELOW IO "-c 'write -q -c 0 64k' below && qemu-img create -q -f "
                                      "qcow2 -o extended_l2=on -b below -F qcow2 over 8M"),
                    64 * 1024);
  assert_int_equal (seen_in (*state, IO "-c 'write -q 0 64k' over"), 0);
}

static void
damage_is_an_error (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (directory->path, "below", NULL);
  guint64 seen;
  int unshared;
  const ImageOpener opener = { .open = open_plainly, .data = &unshared };
  images_write_text (directory->path, "below", "nothing of a kind");
  assert_false (covering_count_seen (&opener, path, path, &seen, &error));
  assert_int_equal (error->code, BACKEND_ERROR_DAMAGED);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (what_is_not_covered_is_counted),
    temporary_test (an_empty_image_is_not_seen),
    temporary_test (zeros_count),
    temporary_test (whole_clusters_of_the_upper_one_are_counted),
    temporary_test (what_is_beyond_the_upper_ones_end_does_not_matter),
    temporary_test (a_longer_upper_one_is_looked_at_as_far_as_the_other_reaches),
    temporary_test (compressed_clusters_and_subclusters_count),
    temporary_test (damage_is_an_error),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
