/* libvirt's errors in our words. */
#include "../../backend/libvirt/refusal.h"
#include "../testing.h"

#include <errno.h>

static BackendError
meaning_of (int code, int number, const char *sentence)
{
  const Refusal refusal = { .code = code, .number = number, .sentence = (char *)sentence };

  return refusal_meaning (&refusal);
}

static guint
unknown_in (int code, const char *sentence)
{
  const Refusal refusal = { .code = code, .sentence = (char *)sentence };

  return refusal_unknown_flags (&refusal);
}

static void
each_code_has_its_word (void **state)
{
  static const struct {
    int code;
    BackendError meaning;
  } rows[] = {
    { VIR_ERR_NO_DOMAIN, BACKEND_ERROR_NOT_FOUND },
    { VIR_ERR_NO_DOMAIN_SNAPSHOT, BACKEND_ERROR_NOT_FOUND },
    { VIR_ERR_INVALID_ARG, BACKEND_ERROR_INVALID },
    { VIR_ERR_XML_DETAIL, BACKEND_ERROR_INVALID },
    { VIR_ERR_NO_SUPPORT, BACKEND_ERROR_UNSUPPORTED },
    { VIR_ERR_CONFIG_UNSUPPORTED, BACKEND_ERROR_UNSUPPORTED },
    { VIR_ERR_OPERATION_INVALID, BACKEND_ERROR_BUSY },
    { VIR_ERR_OPERATION_TIMEOUT, BACKEND_ERROR_BUSY },
    { VIR_ERR_SNAPSHOT_REVERT_RISKY, BACKEND_ERROR_BUSY },
    { VIR_ERR_OPERATION_DENIED, BACKEND_ERROR_DENIED },
    { VIR_ERR_AUTH_FAILED, BACKEND_ERROR_DENIED },
    { VIR_ERR_OPERATION_ABORTED, BACKEND_ERROR_CANCELLED },
    { VIR_ERR_AGENT_UNRESPONSIVE, BACKEND_ERROR_UNREACHABLE },
    { VIR_ERR_NO_CONNECT, BACKEND_ERROR_UNREACHABLE },
    { VIR_ERR_INTERNAL_ERROR, BACKEND_ERROR_FAILED },
    { VIR_ERR_OPERATION_FAILED, BACKEND_ERROR_FAILED },
    { 12345, BACKEND_ERROR_FAILED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_int_equal (meaning_of (rows[i].code, 0, "no"), rows[i].meaning);
}

static void
a_failed_system_call_is_what_its_errno_is (void **state)
{
  assert_int_equal (meaning_of (VIR_ERR_SYSTEM_ERROR, ENOSPC, "no"), BACKEND_ERROR_NO_SPACE);
  assert_int_equal (meaning_of (VIR_ERR_SYSTEM_ERROR, EACCES, "no"), BACKEND_ERROR_DENIED);
  assert_int_equal (meaning_of (VIR_ERR_SYSTEM_ERROR, EPIPE, "no"), BACKEND_ERROR_FAILED);
}

static void
unknown_flags_are_read_in_any_language (void **state)
{
  assert_int_equal (
      unknown_in (VIR_ERR_INVALID_ARG, "unsupported flags (0x34) in function testDomainX"), 0x34);
  assert_int_equal (unknown_in (VIR_ERR_INVALID_ARG, "nicht unterst\xc3\xbctzt (0x8), x"), 8);
  assert_int_equal (unknown_in (VIR_ERR_INVALID_ARG, "flags (0x) in function"), 0);
  assert_int_equal (unknown_in (VIR_ERR_INVALID_ARG, "flags (0xfffffffffff) in function"), 0);
  assert_int_equal (unknown_in (VIR_ERR_INVALID_ARG, "flags (0x12"), 0);
  assert_int_equal (unknown_in (VIR_ERR_OPERATION_FAILED, "unsupported flags (0x34)"), 0);
}

static void
unknown_flags_are_unsupported_and_not_invalid (void **state)
{
  assert_int_equal (meaning_of (VIR_ERR_INVALID_ARG, 0, "unsupported flags (0x10) in function f"),
                    BACKEND_ERROR_UNSUPPORTED);
}

static void
the_sentence_is_kept (void **state)
{
  const Refusal refusal = { .code = VIR_ERR_NO_DOMAIN, .sentence = (char *)"Domain not found" };
  GError *error = NULL;

  assert_false (refusal_fail (&refusal, &error, "cannot find %s", "web"));
  assert_text (error->message, "cannot find web: Domain not found");
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (each_code_has_its_word),
    cmocka_unit_test (a_failed_system_call_is_what_its_errno_is),
    cmocka_unit_test (unknown_flags_are_read_in_any_language),
    cmocka_unit_test (unknown_flags_are_unsupported_and_not_invalid),
    cmocka_unit_test (the_sentence_is_kept),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
