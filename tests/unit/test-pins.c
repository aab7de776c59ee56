#include "../../backend/pins.h"
#include "../testing.h"

static gboolean
reader_read (DiskReader *reader, void *buffer, gsize count, guint64 offset, gboolean wait,
             GError **error)
{
  *(guchar *)buffer = (guchar)offset;
  return TRUE;
}

static gboolean closed;

static void
reader_close (DiskReader *reader)
{
  closed = TRUE;
}

static const DiskReaderOps ops = { .read = reader_read, .close = reader_close };
static const char owner[] = "backend";

static void
what_nobody_reads_may_go (void **state)
{
  GError *error = NULL;

  assert_true (pins_allow (owner, "web01", "a", &error));
  assert_no_error (error);
}

static void
a_pin_keeps_its_snapshot_only (void **state)
{
  Pin *pin = pin_new (owner, "web01", "a", "vda");
  GError *error = NULL;

  assert_false (pins_allow (owner, "web01", "a", &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_true (pins_allow (owner, "web01", "b", &error));
  assert_true (pins_allow (owner, "web02", "a", &error));
  assert_true (pins_allow ("another", "web01", "a", &error));
  pin_free (pin);
  assert_true (pins_allow (owner, "web01", "a", &error));
}

static void
the_last_of_several_pins_lets_go (void **state)
{
  Pin *one = pin_new (owner, "web01", "a", "vda");
  Pin *other = pin_new (owner, "web01", "a", "vdb");
  GError *error = NULL;

  pin_free (one);
  assert_false (pins_allow (owner, "web01", "a", &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  pin_free (other);
  assert_true (pins_allow (owner, "web01", "a", &error));
}

static void
a_pinned_reader_reads_and_lets_go_when_it_is_closed (void **state)
{
  DiskReader inner = { .ops = &ops, .size = 100 };
  DiskReader *reader = pin_reader (pin_new (owner, "web01", "a", "vda"), &inner);
  GError *error = NULL;
  Extent extent;
  guchar byte;

  assert_int_equal (reader->size, 100);
  assert_true (disk_reader_read (reader, &byte, 1, 42, TRUE, &error));
  assert_int_equal (byte, 42);
  assert_true (disk_reader_extent (reader, 40, TRUE, &extent, &error));
  assert_int_equal (extent.kind, EXTENT_DATA);
  assert_int_equal (extent.length, 60);
  assert_false (pins_allow (owner, "web01", "a", &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  disk_reader_close (reader);
  assert_true (closed);
  assert_true (pins_allow (owner, "web01", "a", &error));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (what_nobody_reads_may_go),
    cmocka_unit_test (a_pin_keeps_its_snapshot_only),
    cmocka_unit_test (the_last_of_several_pins_lets_go),
    cmocka_unit_test (a_pinned_reader_reads_and_lets_go_when_it_is_closed),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
