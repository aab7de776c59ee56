#include "../../backend/disk-reader.h"
#include "../testing.h"

#define MIB (G_GUINT64_CONSTANT (1) << 20)
#define GIB (G_GUINT64_CONSTANT (1) << 30)

/* A disk of one kind but for one byte, in extents of one size. */
typedef struct {
  DiskReader reader;
  ExtentKind kind;
  guint64 other; /* where the kind is the other one */
  guint64 step;  /* the length of the extents */
  guint asked;
} Striped;

static gboolean
striped_extent (DiskReader *reader, guint64 offset, gboolean wait, Extent *extent, GError **error)
{
  Striped *striped = (Striped *)reader;
  guint64 end = offset < striped->other ? striped->other : reader->size;

  striped->asked++;
  extent->kind = striped->kind;
  extent->length = MIN (striped->step, end - offset);
  if (offset == striped->other) {
    extent->kind = striped->kind == EXTENT_DATA ? EXTENT_ZERO : EXTENT_DATA;
    extent->length = 1;
  }
  return TRUE;
}

static const DiskReaderOps striped_ops = { .extent = striped_extent };
static const DiskReaderOps plain_ops = { 0 };

static void
assert_found (Striped *striped, guint64 offset, ExtentKind kind, gboolean wait, guint64 expected)
{
  GError *error = NULL;
  guint64 found = G_MAXUINT64;

  assert_true (disk_reader_seek (&striped->reader, offset, kind, wait, &found, &error));
  assert_int_equal (found, expected);
}

static void
a_search_goes_through_extents_of_the_same_kind (void **state)
{
  Striped holes = { .reader = { &striped_ops, GIB }, EXTENT_ZERO, 700 * MIB, 3 * MIB };
  Striped data = { .reader = { &striped_ops, GIB }, EXTENT_DATA, 700 * MIB, 3 * MIB };

  assert_found (&holes, 5, EXTENT_DATA, FALSE, 700 * MIB);
  assert_found (&holes, 5, EXTENT_ZERO, FALSE, 5);
  assert_found (&data, 5, EXTENT_ZERO, FALSE, 700 * MIB);
  assert_found (&data, 5, EXTENT_DATA, FALSE, 5);
  assert_found (&data, 700 * MIB, EXTENT_DATA, FALSE, 700 * MIB + 1);
}

static void
what_is_not_there_is_at_the_end (void **state)
{
  Striped holes = { .reader = { &striped_ops, GIB }, EXTENT_ZERO, 700 * MIB, 3 * MIB };
  Striped data = { .reader = { &striped_ops, GIB }, EXTENT_DATA, 700 * MIB, 3 * MIB };

  assert_found (&holes, 700 * MIB + 1, EXTENT_DATA, FALSE, GIB);
  assert_found (&data, 700 * MIB + 1, EXTENT_ZERO, FALSE, GIB);
  assert_found (&data, GIB, EXTENT_DATA, FALSE, GIB);
  assert_found (&data, GIB, EXTENT_ZERO, FALSE, GIB);
}

static void
who_must_not_wait_gives_up_soon (void **state)
{
  Striped holes = { .reader = { &striped_ops, GIB }, EXTENT_ZERO, 700 * MIB, 4096 };
  GError *error = NULL;
  guint64 found;

  assert_false (disk_reader_seek (&holes.reader, 0, EXTENT_DATA, FALSE, &found, &error));
  assert_no_error (error);
  assert_in_range (holes.asked, 100, 10000);
  assert_found (&holes, 0, EXTENT_DATA, TRUE, 700 * MIB);
}

static void
who_gives_up_calls_the_rest_data (void **state)
{
  Striped holes = { .reader = { &striped_ops, 1024 * GIB }, EXTENT_ZERO, 1023 * GIB, 512 };
  Striped data = { .reader = { &striped_ops, 1024 * GIB }, EXTENT_DATA, 1023 * GIB, 512 };
  GError *error = NULL;
  guint64 found;

  assert_true (disk_reader_seek (&holes.reader, 0, EXTENT_DATA, TRUE, &found, &error));
  assert_in_range (found, MIB, 1023 * GIB - 1);
  assert_found (&data, 0, EXTENT_ZERO, TRUE, 1024 * GIB);
}

static void
who_knows_no_extents_has_only_data (void **state)
{
  Striped plain = { .reader = { &plain_ops, GIB } };

  assert_found (&plain, 5, EXTENT_DATA, FALSE, 5);
  assert_found (&plain, 5, EXTENT_ZERO, FALSE, GIB);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_search_goes_through_extents_of_the_same_kind),
    cmocka_unit_test (what_is_not_there_is_at_the_end),
    cmocka_unit_test (who_must_not_wait_gives_up_soon),
    cmocka_unit_test (who_gives_up_calls_the_rest_data),
    cmocka_unit_test (who_knows_no_extents_has_only_data),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
