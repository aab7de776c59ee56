#include "../../backend/failures.h"
#include "../../backend/threads.h"
#include "../testing.h"

#include <string.h>

static void
nothing_failed_yet (void **state)
{
  g_autofree char *text = failures_describe ("quiet");

  assert_text (text, "");
}

static void
a_line_has_time_words_errno_and_sentence (void **state)
{
  g_autoptr (GError) error = g_error_new (BACKEND_ERROR, BACKEND_ERROR_BUSY, "held\nby ann");
  g_autofree char *text = NULL;

  failures_add ("line", "mkdir base", error);
  text = failures_describe ("line");
  assert_true (g_regex_match_simple (
      "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ mkdir base: EBUSY: held by ann\n$", text, 0, 0));
}

static void
a_terminal_is_told_nothing (void **state)
{
  g_autoptr (GError) error =
      g_error_new_literal (BACKEND_ERROR, BACKEND_ERROR_BUSY, "no \x1b[2J\tor\x7f here");
  g_autofree char *text = NULL;

  failures_add ("controls", "mkdir x", error);
  text = failures_describe ("controls");
  assert_non_null (strstr (text, "EBUSY: no %1B[2J%09or%7F here\n"));
}

static void
the_last_twenty_are_kept_oldest_first (void **state)
{
  g_autoptr (GError) error = g_error_new (BACKEND_ERROR, BACKEND_ERROR_FAILED, "x");
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  for (guint i = 0; i < 30; i++) {
    g_autofree char *what = g_strdup_printf ("number %u", i);

    failures_add ("many", what, error);
  }
  text = failures_describe ("many");
  lines = g_strsplit (text, "\n", -1);
  assert_int_equal (g_strv_length (lines), 21); /* the last one is empty */
  assert_non_null (strstr (lines[0], " number 10: "));
  assert_non_null (strstr (lines[19], " number 29: "));
}

static void *
add_and_read (void *data)
{
  for (guint i = 0; i < 300; i++) {
    g_autoptr (GError) error = g_error_new (BACKEND_ERROR, BACKEND_ERROR_EXISTS, "%u", i);
    g_autofree char *text = NULL;

    failures_add ("crowd", "x", error);
    text = failures_describe ("crowd");
  }
  return NULL;
}

static void
many_threads_may_add (void **state)
{
  pthread_t threads[4];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = thread_start ("add", add_and_read, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    thread_join (threads[i]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (nothing_failed_yet),
    cmocka_unit_test (a_line_has_time_words_errno_and_sentence),
    cmocka_unit_test (a_terminal_is_told_nothing),
    cmocka_unit_test (the_last_twenty_are_kept_oldest_first),
    cmocka_unit_test (many_threads_may_add),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
