/* What went wrong, as a code, an errno and a sentence.
 *
 * One table ties the three together; everything else of the program speaks in
 * codes and leaves numbers to this file.  It does not keep or print failures:
 * failures.c does. */
#include "error.h"
#include "threads.h"

#include <errno.h>

static const int errnos[] = {
  [BACKEND_ERROR_FAILED] = EIO,
  [BACKEND_ERROR_NOT_FOUND] = ENOENT,
  [BACKEND_ERROR_EXISTS] = EEXIST,
  [BACKEND_ERROR_NOT_EMPTY] = ENOTEMPTY,
  [BACKEND_ERROR_BUSY] = EBUSY,
  [BACKEND_ERROR_INVALID] = EINVAL,
  [BACKEND_ERROR_RANGE] = ERANGE,
  [BACKEND_ERROR_TOO_BIG] = E2BIG,
  [BACKEND_ERROR_TEXT_TOO_BIG] = EFBIG,
  [BACKEND_ERROR_NOT_PERMITTED] = EPERM,
  [BACKEND_ERROR_DENIED] = EACCES,
  [BACKEND_ERROR_READ_ONLY] = EROFS,
  [BACKEND_ERROR_UNSUPPORTED] = EOPNOTSUPP,
  [BACKEND_ERROR_NOT_CURRENT] = EOPNOTSUPP,
  [BACKEND_ERROR_NO_SPACE] = ENOSPC,
  [BACKEND_ERROR_NAME_TOO_LONG] = ENAMETOOLONG,
  [BACKEND_ERROR_BAD_ENCODING] = EILSEQ,
  [BACKEND_ERROR_DAMAGED] = EUCLEAN,
  [BACKEND_ERROR_STALE] = ESTALE,
  [BACKEND_ERROR_UNREACHABLE] = EIO,
  [BACKEND_ERROR_CANCELLED] = EINTR,
};

static const int file_errnos[] = {
  [G_FILE_ERROR_EXIST] = EEXIST, [G_FILE_ERROR_ISDIR] = EISDIR,
  [G_FILE_ERROR_ACCES] = EACCES, [G_FILE_ERROR_NAMETOOLONG] = ENAMETOOLONG,
  [G_FILE_ERROR_NOENT] = ENOENT, [G_FILE_ERROR_NOTDIR] = ENOTDIR,
  [G_FILE_ERROR_NXIO] = ENXIO,   [G_FILE_ERROR_NODEV] = ENODEV,
  [G_FILE_ERROR_ROFS] = EROFS,   [G_FILE_ERROR_TXTBSY] = ETXTBSY,
  [G_FILE_ERROR_FAULT] = EFAULT, [G_FILE_ERROR_LOOP] = ELOOP,
  [G_FILE_ERROR_NOSPC] = ENOSPC, [G_FILE_ERROR_NOMEM] = ENOMEM,
  [G_FILE_ERROR_MFILE] = EMFILE, [G_FILE_ERROR_NFILE] = ENFILE,
  [G_FILE_ERROR_BADF] = EBADF,   [G_FILE_ERROR_INVAL] = EINVAL,
  [G_FILE_ERROR_PIPE] = EPIPE,   [G_FILE_ERROR_AGAIN] = EAGAIN,
  [G_FILE_ERROR_INTR] = EINTR,   [G_FILE_ERROR_IO] = EIO,
  [G_FILE_ERROR_PERM] = EPERM,
};

/* The codes that a system call's errno means; more than one errno may mean the same. */
static const struct {
  int number;
  BackendError code;
} codes[] = {
  { ENOENT, BACKEND_ERROR_NOT_FOUND },       { EEXIST, BACKEND_ERROR_EXISTS },
  { ENOTEMPTY, BACKEND_ERROR_NOT_EMPTY },    { EBUSY, BACKEND_ERROR_BUSY },
  { ETXTBSY, BACKEND_ERROR_BUSY },           { EAGAIN, BACKEND_ERROR_BUSY },
  { EINVAL, BACKEND_ERROR_INVALID },         { ERANGE, BACKEND_ERROR_RANGE },
  { EFBIG, BACKEND_ERROR_TEXT_TOO_BIG },     { EPERM, BACKEND_ERROR_DENIED },
  { EACCES, BACKEND_ERROR_DENIED },          { EROFS, BACKEND_ERROR_READ_ONLY },
  { EOPNOTSUPP, BACKEND_ERROR_UNSUPPORTED }, { ENOSPC, BACKEND_ERROR_NO_SPACE },
  { EDQUOT, BACKEND_ERROR_NO_SPACE },        { ENAMETOOLONG, BACKEND_ERROR_NAME_TOO_LONG },
  { EILSEQ, BACKEND_ERROR_BAD_ENCODING },    { EUCLEAN, BACKEND_ERROR_DAMAGED },
  { ESTALE, BACKEND_ERROR_STALE },           { EINTR, BACKEND_ERROR_CANCELLED },
};

static pthread_once_t quark_once = PTHREAD_ONCE_INIT;
static GQuark quark;

static void
make_quark (void)
{
  quark = g_quark_from_static_string ("vmsnapfs-backend-error");
}

/* Not G_DEFINE_QUARK: its check of the static variable is not ordered in a way ThreadSanitizer
 * can see. */
GQuark
backend_error_quark (void)
{
  pthread_once (&quark_once, make_quark);
  return quark;
}

static int
lookup_errno (const int *table, gsize length, int code)
{
  if (code < 0 || (gsize)code >= length || table[code] == 0)
    return EIO;
  return table[code];
}

int
backend_error_errno (const GError *error)
{
  if (error == NULL)
    return EIO;
  if (error->domain == BACKEND_ERROR)
    return lookup_errno (errnos, G_N_ELEMENTS (errnos), error->code);
  if (error->domain == G_FILE_ERROR)
    return lookup_errno (file_errnos, G_N_ELEMENTS (file_errnos), error->code);
  return EIO;
}

/* Names of files that are part of a sentence may be any bytes. */
gboolean
fail (GError **error, BackendError code, const char *format, ...)
{
  g_autofree char *sentence = NULL, *valid = NULL;
  va_list arguments;

  if (error == NULL)
    return FALSE;
  va_start (arguments, format);
  sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  valid = g_utf8_make_valid (sentence, -1);
  g_set_error_literal (error, BACKEND_ERROR, (int)code, valid);
  return FALSE;
}

static BackendError
code_from_errno (int number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    if (codes[i].number == number)
      return codes[i].code;
  return BACKEND_ERROR_FAILED;
}

gboolean
fail_errno (GError **error, const char *format, ...)
{
  int number = errno; /* formatting may change it */
  g_autofree char *sentence = NULL;
  va_list arguments;

  va_start (arguments, format);
  sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return fail (error, code_from_errno (number), "%s: %s", sentence, g_strerror (number));
}

gboolean
fail_in (GError **error, const char *format, ...)
{
  g_autofree char *where = NULL, *valid = NULL;
  va_list arguments;

  if (error == NULL || *error == NULL)
    return FALSE;
  va_start (arguments, format);
  where = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  valid = g_utf8_make_valid (where, -1);
  g_prefix_error (error, "%s: ", valid);
  return FALSE;
}
