#pragma once
/* What every cmocka test includes: cmocka in the order it wants, and one way to ask for an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* `fail` is a word of ours too, and cmocka's fail_msg is made of it. */
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                              \
  do {                                                                                             \
    print_error (__VA_ARGS__);                                                                     \
    print_error ("\n");                                                                            \
    _fail (__FILE__, __LINE__);                                                                    \
  } while (0)

#include "../backend/error.h"

/* @error is set, with @code and a sentence; it is cleared. */
static inline void
assert_error (GError **error, BackendError code)
{
  assert_non_null (*error);
  assert_int_equal ((*error)->domain, BACKEND_ERROR);
  if ((*error)->code != (int)code)
    fail_msg ("expected code %d, got %d: %s", (int)code, (*error)->code, (*error)->message);
  assert_true ((*error)->message[0] != '\0');
  g_clear_error (error);
}

/* Nothing failed; says what did. */
static inline void
assert_no_error (const GError *error)
{
  if (error != NULL)
    fail_msg ("%s", error->message);
}

/* cmocka has these as macros over integers; a failed one shows both texts. */
static inline void
assert_text (const char *actual, const char *expected)
{
  if (g_strcmp0 (actual, expected) != 0)
    fail_msg ("expected \"%s\", got \"%s\"", expected != NULL ? expected : "(null)",
              actual != NULL ? actual : "(null)");
}
