/* libvirt's errors: which errno's word each code gets.
 *
 * A code that is not in the table says nothing that a program could act on, and is FAILED.  Whether
 * the connection is what failed is asked of the connection and not of the code (connection.c):
 * libvirt has a dozen codes for that. */
#include "refusal.h"

#include <errno.h>
#include <string.h>

static const struct {
  int code;
  BackendError meaning;
} meanings[] = {
  { VIR_ERR_NO_DOMAIN, BACKEND_ERROR_NOT_FOUND },
  { VIR_ERR_NO_DOMAIN_SNAPSHOT, BACKEND_ERROR_NOT_FOUND },
  { VIR_ERR_INVALID_ARG, BACKEND_ERROR_INVALID },
  { VIR_ERR_XML_ERROR, BACKEND_ERROR_INVALID },
  { VIR_ERR_XML_DETAIL, BACKEND_ERROR_INVALID },
  { VIR_ERR_XML_INVALID_SCHEMA, BACKEND_ERROR_INVALID },
  { VIR_ERR_NO_SUPPORT, BACKEND_ERROR_UNSUPPORTED },
  { VIR_ERR_CONFIG_UNSUPPORTED, BACKEND_ERROR_UNSUPPORTED },
  { VIR_ERR_OPERATION_UNSUPPORTED, BACKEND_ERROR_UNSUPPORTED },
  { VIR_ERR_ARGUMENT_UNSUPPORTED, BACKEND_ERROR_UNSUPPORTED },
  { VIR_ERR_OPERATION_INVALID, BACKEND_ERROR_BUSY },
  { VIR_ERR_RESOURCE_BUSY, BACKEND_ERROR_BUSY },
  { VIR_ERR_BLOCK_COPY_ACTIVE, BACKEND_ERROR_BUSY },
  { VIR_ERR_SNAPSHOT_REVERT_RISKY, BACKEND_ERROR_BUSY },
  /* Another operation had the domain for as long as libvirt waits. */
  { VIR_ERR_OPERATION_TIMEOUT, BACKEND_ERROR_BUSY },
  { VIR_ERR_OPERATION_DENIED, BACKEND_ERROR_DENIED },
  { VIR_ERR_ACCESS_DENIED, BACKEND_ERROR_DENIED },
  { VIR_ERR_AUTH_FAILED, BACKEND_ERROR_DENIED },
  { VIR_ERR_AUTH_CANCELLED, BACKEND_ERROR_DENIED },
  { VIR_ERR_AUTH_UNAVAILABLE, BACKEND_ERROR_DENIED },
  { VIR_ERR_OPERATION_ABORTED, BACKEND_ERROR_CANCELLED },
  { VIR_ERR_AGENT_UNRESPONSIVE, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_AGENT_UNSYNCED, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_NO_CONNECT, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_INVALID_CONN, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_UNKNOWN_HOST, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_NO_SERVER, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_RPC, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_SSH, BACKEND_ERROR_UNREACHABLE },
  { VIR_ERR_LIBSSH, BACKEND_ERROR_UNREACHABLE },
};

Refusal *
refusal_last (void)
{
  const virError *last = virGetLastError ();
  Refusal *refusal = g_new0 (Refusal, 1);
  const char *message = last != NULL ? last->message : NULL;

  refusal->code = last != NULL ? last->code : VIR_ERR_OK;
  refusal->number = last != NULL && last->code == VIR_ERR_SYSTEM_ERROR ? last->int1 : 0;
  refusal->sentence =
      g_strchomp (g_strdup (message != NULL ? message : "libvirt does not say why"));
  return refusal;
}

void
refusal_free (Refusal *refusal)
{
  g_free (refusal->sentence);
  g_free (refusal);
}

static BackendError
meaning_of_number (int number)
{
  switch (number) {
  case ENOSPC:
  case EDQUOT:
    return BACKEND_ERROR_NO_SPACE;
  case EACCES:
  case EPERM:
    return BACKEND_ERROR_DENIED;
  default:
    return BACKEND_ERROR_FAILED;
  }
}

BackendError
refusal_meaning (const Refusal *refusal)
{
  if (refusal->code == VIR_ERR_SYSTEM_ERROR)
    return meaning_of_number (refusal->number);
  if (refusal_unknown_flags (refusal) != 0)
    return BACKEND_ERROR_UNSUPPORTED;
  for (gsize i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (meanings[i].code == refusal->code)
      return meanings[i].meaning;
  return BACKEND_ERROR_FAILED;
}

gboolean
refusal_is_no_support (const Refusal *refusal)
{
  return refusal->code == VIR_ERR_NO_SUPPORT;
}

/* "unsupported flags (0x34) in function …": in whichever language, the number stands there so. */
guint
refusal_unknown_flags (const Refusal *refusal)
{
  const char *number =
      refusal->code == VIR_ERR_INVALID_ARG ? strstr (refusal->sentence, "(0x") : NULL;
  char *end;
  guint64 flags;

  if (number == NULL)
    return 0;
  flags = g_ascii_strtoull (number + strlen ("(0x"), &end, 16);
  return *end == ')' && flags <= G_MAXUINT ? (guint)flags : 0;
}

gboolean
refusal_fail (const Refusal *refusal, GError **error, const char *format, ...)
{
  g_autofree char *context = NULL;
  va_list arguments;

  va_start (arguments, format);
  context = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return fail (error, refusal_meaning (refusal), "%s: %s", context, refusal->sentence);
}

gboolean
refusal_fail_last (GError **error, const char *what)
{
  g_autoptr (Refusal) refusal = refusal_last ();

  return refusal_fail (refusal, error, "%s", what);
}
