#include "../testing.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static void
every_code_has_an_errno (void **state)
{
  for (int code = BACKEND_ERROR_FAILED; code <= BACKEND_ERROR_CANCELLED; code++) {
    g_autoptr (GError) error = g_error_new (BACKEND_ERROR, code, "x");
    int number = backend_error_errno (error);

    assert_int_not_equal (number, 0);
    assert_int_not_equal (number, ENOSYS);
    if (code != BACKEND_ERROR_FAILED && code != BACKEND_ERROR_UNREACHABLE)
      assert_int_not_equal (number, EIO);
  }
}

static void
codes_outside_the_table_are_eio (void **state)
{
  g_autoptr (GError) high = g_error_new (BACKEND_ERROR, 1000, "x");
  g_autoptr (GError) low = g_error_new (BACKEND_ERROR, -1, "x");
  g_autoptr (GError) other = g_error_new (G_SHELL_ERROR, 0, "x");

  assert_int_equal (backend_error_errno (high), EIO);
  assert_int_equal (backend_error_errno (low), EIO);
  assert_int_equal (backend_error_errno (other), EIO);
  assert_int_equal (backend_error_errno (NULL), EIO);
}

static void
file_errors_keep_their_errno (void **state)
{
  static const int numbers[] = { ENOENT, EACCES, EEXIST, ENOSPC, EROFS, EINTR, ELOOP };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    g_autoptr (GError) error =
        g_error_new (G_FILE_ERROR, g_file_error_from_errno (numbers[i]), "x");

    assert_int_equal (backend_error_errno (error), numbers[i]);
  }
}

static void
file_errors_are_never_enosys (void **state)
{
  g_autoptr (GError) error = g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOSYS, "x");

  assert_int_equal (backend_error_errno (error), EIO);
}

static void
fail_sets_and_answers_false (void **state)
{
  GError *error = NULL;

  assert_false (fail (&error, BACKEND_ERROR_EXISTS, "\"%s\" exists", "base"));
  assert_text (error->message, "\"base\" exists");
  assert_error (&error, BACKEND_ERROR_EXISTS);
}

static void
fail_without_an_error_is_allowed (void **state)
{
  assert_false (fail (NULL, BACKEND_ERROR_FAILED, "nobody asks"));
  errno = ENOENT;
  assert_false (fail_errno (NULL, "nobody asks"));
}

static void
fail_errno_follows_errno (void **state)
{
  static const struct {
    int number;
    BackendError code;
  } cases[] = {
    { ENOENT, BACKEND_ERROR_NOT_FOUND },    { EDQUOT, BACKEND_ERROR_NO_SPACE },
    { ETXTBSY, BACKEND_ERROR_BUSY },        { EACCES, BACKEND_ERROR_DENIED },
    { EROFS, BACKEND_ERROR_READ_ONLY },     { EINTR, BACKEND_ERROR_CANCELLED },
    { ECONNREFUSED, BACKEND_ERROR_FAILED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;

    errno = cases[i].number;
    assert_false (fail_errno (&error, "opening %s", "x"));
    assert_true (g_str_has_prefix (error->message, "opening x: "));
    assert_non_null (strstr (error->message, g_strerror (cases[i].number)));
    assert_error (&error, cases[i].code);
  }
}

/* Names of files in a sentence may be any bytes; it is shown in files that are UTF-8. */
static void
sentences_are_valid_utf8 (void **state)
{
  GError *error = NULL;

  assert_false (fail (&error, BACKEND_ERROR_DAMAGED, "%s is cut off", "a\x82"));
  assert_true (g_utf8_validate (error->message, -1, NULL));
  assert_false (fail_in (&error, "%s", "b\xff"));
  assert_true (g_utf8_validate (error->message, -1, NULL));
  assert_true (g_str_has_prefix (error->message, "b"));
  assert_non_null (strstr (error->message, ": a"));
  assert_error (&error, BACKEND_ERROR_DAMAGED);
  assert_false (fail_in (NULL, "nowhere"));
}

static void *
ask_for_the_quark (void *data)
{
  return GUINT_TO_POINTER (backend_error_quark ());
}

static void
every_thread_gets_the_same_quark (void **state)
{
  pthread_t threads[4];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    assert_int_equal (pthread_create (&threads[i], NULL, ask_for_the_quark, NULL), 0);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++) {
    void *quark;

    pthread_join (threads[i], &quark);
    assert_int_equal (GPOINTER_TO_UINT (quark), BACKEND_ERROR);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_thread_gets_the_same_quark),
    cmocka_unit_test (every_code_has_an_errno),
    cmocka_unit_test (codes_outside_the_table_are_eio),
    cmocka_unit_test (file_errors_keep_their_errno),
    cmocka_unit_test (file_errors_are_never_enosys),
    cmocka_unit_test (fail_sets_and_answers_false),
    cmocka_unit_test (fail_without_an_error_is_allowed),
    cmocka_unit_test (fail_errno_follows_errno),
    cmocka_unit_test (sentences_are_valid_utf8),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
