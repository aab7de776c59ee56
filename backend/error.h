#pragma once
#include <glib.h>

/* What can go wrong behind the filesystem, as the caller needs to tell it
 * apart.  The sentence for people is the GError's message (lower case, no full
 * stop, with the names in it); the number for programs is
 * backend_error_errno(). */
typedef enum {
  BACKEND_ERROR_FAILED,        /* EIO         anything without a better word */
  BACKEND_ERROR_NOT_FOUND,     /* ENOENT      no such domain, snapshot or disk */
  BACKEND_ERROR_EXISTS,        /* EEXIST */
  BACKEND_ERROR_NOT_EMPTY,     /* ENOTEMPTY   other snapshots would be discarded */
  BACKEND_ERROR_BUSY,          /* EBUSY       held, open readers, another job, wrong state now */
  BACKEND_ERROR_INVALID,       /* EINVAL      the request makes no sense */
  BACKEND_ERROR_RANGE,         /* ERANGE */
  BACKEND_ERROR_TOO_BIG,       /* E2BIG       a command */
  BACKEND_ERROR_TEXT_TOO_BIG,  /* EFBIG       a text */
  BACKEND_ERROR_NOT_PERMITTED, /* EPERM       not offered here */
  BACKEND_ERROR_DENIED,        /* EACCES */
  BACKEND_ERROR_READ_ONLY,     /* EROFS */
  BACKEND_ERROR_UNSUPPORTED,   /* EOPNOTSUPP  this backend, domain or topology cannot */
  BACKEND_ERROR_NOT_CURRENT,   /* EOPNOTSUPP  the parent asked for is not the current snapshot */
  BACKEND_ERROR_NO_SPACE,      /* ENOSPC */
  BACKEND_ERROR_NAME_TOO_LONG, /* ENAMETOOLONG */
  BACKEND_ERROR_BAD_ENCODING,  /* EILSEQ */
  BACKEND_ERROR_DAMAGED,     /* EUCLEAN     a record or image contradicts itself; changes are off */
  BACKEND_ERROR_STALE,       /* ESTALE      the object is gone */
  BACKEND_ERROR_UNREACHABLE, /* EIO         libvirtd or QEMU does not answer */
  BACKEND_ERROR_CANCELLED,   /* EINTR */
} BackendError;

#define BACKEND_ERROR (backend_error_quark ())
GQuark backend_error_quark (void);

/* The errno for @error; also understands G_FILE_ERROR.  Never 0, never ENOSYS
 * (the kernel would stop asking). */
int backend_error_errno (const GError *error);

/* Set @error and return FALSE, so that a failure is one statement.  The sentence is made valid
 * UTF-8. */
gboolean fail (GError **error, BackendError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* The same from errno: the code follows errno, and its text ends the sentence. */
gboolean fail_errno (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Says in front of the sentence in @error where it was: "web01.qcow2".  Returns FALSE. */
gboolean fail_in (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
