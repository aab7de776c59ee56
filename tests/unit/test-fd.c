#include "../../backend/local/fd.h"
#include "../testing.h"
#include <fcntl.h>

static int
open_something (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  assert_true (fd >= 0);
  return fd;
}

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static void
its_scope_closes_it (void **state)
{
  int number;
  {
    autofd fd = open_something ();
    number = fd;
  }
  assert_false (is_open (number));
}

static void
what_is_taken_from_it_stays_open (void **state)
{
  int taken;
  {
    autofd fd = open_something ();
    taken = fd_steal (&fd);
  }
  assert_true (is_open (taken));
  close (taken);
}

/* Another thread, say. */
static void
one_that_was_closed_before_leaves_who_has_its_number_alone (void **state)
{
  int other;
  {
    autofd fd = open_something ();
    int number = fd;
    fd_close_pointer (&fd);
    other = open_something ();
    assert_int_equal (other, number);
  }
  assert_true (is_open (other));
  close (other);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (its_scope_closes_it),
    cmocka_unit_test (what_is_taken_from_it_stays_open),
    cmocka_unit_test (one_that_was_closed_before_leaves_who_has_its_number_alone),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
