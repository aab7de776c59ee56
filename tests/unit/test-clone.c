/* Clones, in one piece and in several, on a file system that has them (tests/on-reflinks). */
#include "../../backend/local/clone.h"
#include "temporary.h"
#include <sys/mman.h>

#define MIBS 200 /* more than three pieces */

/* The original, and the file that is to be its clone. */
typedef struct {
  int from;
  int to;
} Pair;

static void
pair_clear (Pair *pair)
{
  close (pair->from);
  close (pair->to);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pair, pair_clear)

/* Bytes in each piece and at the end, which is no multiple of a block, and holes between. */
static Pair
make_original (const TemporaryDirectory *directory)
{
  images_run (directory->path, "for mib in 0 63 64 100 128 191 199; do"
                               "  printf 'at %%d' $mib | dd of=original bs=1M seek=$mib"
                               "   conv=notrunc status=none || exit 1; done");
  return (Pair){ temporary_open (directory, "original", O_RDONLY),
                 temporary_open (directory, "clone", O_WRONLY | O_CREAT) };
}

static void
assert_equal (const TemporaryDirectory *directory)
{
  images_run (directory->path, "cmp original clone");
}

static void
a_clone_has_the_bytes_of_the_original (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  g_auto (Pair) pair = make_original (directory);
  if (!clone_file (pair.from, pair.to, &error))
    fail_msg ("%s", error->message);
  assert_equal (directory);
}

static void
so_has_one_that_was_made_in_pieces (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  g_auto (Pair) pair = make_original (directory);
  if (!clone_file_until (pair.from, pair.to, G_MAXINT64, &error))
    fail_msg ("%s", error->message);
  assert_equal (directory);
}

/* What a guest waits for ends when it should, and not when all is done. */
static void
it_is_given_up_at_its_deadline (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  g_auto (Pair) pair = make_original (directory);
  assert_false (clone_file_until (pair.from, pair.to, g_get_monotonic_time () - 1, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  assert_true (lseek (pair.to, 0, SEEK_END) < G_GINT64_CONSTANT (MIBS - 1) << 20);
}

static void
where_there_are_none_is_known (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  assert_true (clone_is_possible (directory->fd));
  int memory = open ("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true (memory >= 0);
  assert_false (clone_is_possible (memory));
  g_auto (Pair) pair = make_original (directory);
  int elsewhere = memfd_create ("clone", MFD_CLOEXEC);
  assert_false (clone_file (pair.from, elsewhere, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  close (memory);
  close (elsewhere);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (a_clone_has_the_bytes_of_the_original),
    temporary_test (so_has_one_that_was_made_in_pieces),
    temporary_test (it_is_given_up_at_its_deadline),
    temporary_test (where_there_are_none_is_known),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
