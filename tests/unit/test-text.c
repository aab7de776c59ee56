#include "../../backend/text.h"
#include "../testing.h"

#include <string.h>

static void
bytes_are_kept_and_ended_by_a_nul (void **state)
{
  g_autoptr (Text) text = text_new ("a\0b", 3);

  assert_int_equal (text->length, 3);
  assert_memory_equal (text->data, "a\0b", 4);
}

static void
an_empty_text_is_a_text (void **state)
{
  g_autoptr (Text) text = text_new (NULL, 0);

  assert_int_equal (text->length, 0);
  assert_text (text->data, "");
}

static void
the_last_reference_frees (void **state)
{
  Text *text = text_take_string (g_strdup ("hello"));
  Text *again = text_ref (text);

  text_unref (text);
  assert_text (again->data, "hello");
  text_unref (again);
  assert_null (text_ref (NULL));
  text_unref (NULL);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (bytes_are_kept_and_ended_by_a_nul),
    cmocka_unit_test (an_empty_text_is_a_text),
    cmocka_unit_test (the_last_reference_frees),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
