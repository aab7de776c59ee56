/* How deep a text of JSON goes, which is asked before it is read. */
#include "../../backend/local/json-text.h"
#include "../testing.h"

static void
assert_measures (const char *text, guint opened, guint deepest)
{
  guint found, depth;
  json_text_measure (text, &found, &depth);
  assert_int_equal (found, opened);
  assert_int_equal (depth, deepest);
}

static void
what_stands_beside_another_is_no_deeper (void **state)
{
  assert_measures ("", 0, 0);
  assert_measures ("{}", 1, 1);
  assert_measures ("[[], [], {}, [{}]]", 6, 3);
  assert_measures ("{\"a\": {\"b\": [1, 2]}}", 3, 3);
}

static void
what_is_in_a_string_opens_nothing (void **state)
{
  assert_measures ("[\"[[[{\", \"\\\"[\", \"\\\\\"]", 1, 1);
}

/* As the head of a domain has them. */
static void
a_long_list_is_read (void **state)
{
  g_autoptr (GString) text = g_string_new ("{\"images\": [");
  for (int i = 0; i < 10000; i++)
    g_string_append (text, i ? ", {\"a\": []}" : "{}");
  g_string_append (text, "]}");
  g_autoptr (JsonObject) object = json_text_object (text->str);
  assert_non_null (object);
  assert_int_equal (json_array_get_length (json_object_get_array_member (object, "images")), 10000);
}

static void
a_deep_one_is_not (void **state)
{
  g_autoptr (GString) text = g_string_new ("{\"a\": ");
  for (int i = 0; i < 16; i++)
    g_string_append_c (text, '[');
  for (int i = 0; i < 16; i++)
    g_string_append_c (text, ']');
  g_string_append_c (text, '}');
  assert_null (json_text_object (text->str));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (what_stands_beside_another_is_no_deeper),
    cmocka_unit_test (what_is_in_a_string_opens_nothing),
    cmocka_unit_test (a_long_list_is_read),
    cmocka_unit_test (a_deep_one_is_not),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
