/* A description that comes in pieces. */
#include "../../fs/written.h"
#include "../testing.h"

static void
assert_makes (const Written *written, const char *data, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = written_with (written, data, strlen (data), &error);

  assert_null (error);
  assert_string_equal (text, expected);
}

static void
each_piece_makes_a_text_of_all_so_far (void **state)
{
  Written written = { 0 };

  assert_makes (&written, "one\n", "one");
  written_keep (&written, "one\n", 4);
  assert_makes (&written, "two\n", "one\ntwo");
  written_clear (&written);
}

static void
half_a_character_waits_for_its_other_half (void **state)
{
  Written written = { 0 };

  assert_makes (&written, "caf\xc3", "caf");
  written_keep (&written, "caf\xc3", 4);
  assert_false (written_is_whole (&written, NULL));
  assert_makes (&written, "\xa9\n", "café");
  written_keep (&written, "\xa9\n", 2);
  assert_true (written_is_whole (&written, NULL));
  written_clear (&written);
}

static void
what_is_no_text_is_refused (void **state)
{
  static const char *const wrong[] = { "\xff", "a\xc3z", "\x01", "\xc3\xa9\xa9", "\xef\xbf\xbe" };
  Written written = { 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_null (written_with (&written, wrong[i], strlen (wrong[i]), NULL));
  assert_null (written_with (&written, "a\0b", 3, NULL));
  written.refused = TRUE;
  assert_null (written_with (&written, "fine", 4, NULL));
}

static void
the_limit_is_of_the_whole_text (void **state)
{
  Written written = { 0 };
  g_autofree char *half = g_strnfill (32 * 1024, 'x');
  g_autoptr (GError) error = NULL;

  written_keep (&written, half, 32 * 1024);
  g_free (written_with (&written, half, 32 * 1024, &error));
  assert_null (error);
  written_keep (&written, half, 32 * 1024);
  assert_null (written_with (&written, "xx", 2, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_TEXT_TOO_BIG));
  written_clear (&written);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (each_piece_makes_a_text_of_all_so_far),
    cmocka_unit_test (half_a_character_waits_for_its_other_half),
    cmocka_unit_test (what_is_no_text_is_refused),
    cmocka_unit_test (the_limit_is_of_the_whole_text),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
