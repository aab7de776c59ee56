#include "../../fs/buffers.h"
#include "../testing.h"

#include <string.h>

#define SIZE (1 << 20)

static void
a_buffer_that_was_given_back_is_taken_again (void **state)
{
  Buffers *buffers = buffers_new (SIZE);
  char *first = buffers_take (buffers);

  memset (first, 1, SIZE);
  buffers_give (buffers, first);
  assert_ptr_equal (buffers_take (buffers), first);
  buffers_give (buffers, first);
  buffers_free (buffers);
}

static void
nobody_gets_the_buffer_of_another (void **state)
{
  Buffers *buffers = buffers_new (SIZE);
  char *first = buffers_take (buffers);
  char *second = buffers_take (buffers);

  assert_ptr_not_equal (first, second);
  assert_int_equal ((guintptr)first % 4096, 0);
  assert_int_equal ((guintptr)second % 4096, 0);
  buffers_give (buffers, first);
  buffers_give (buffers, second);
  /* The one that was used last. */
  assert_ptr_equal (buffers_take (buffers), second);
  buffers_give (buffers, second);
  buffers_free (buffers);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_buffer_that_was_given_back_is_taken_again),
    cmocka_unit_test (nobody_gets_the_buffer_of_another),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
