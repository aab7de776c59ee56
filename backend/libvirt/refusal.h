#pragma once
#include "../error.h"
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* libvirt's errors in our words: the code by a table, the sentence as libvirt has it. */

/* What went wrong in the last call of this thread.  Copied at once, for the next call forgets it.
 */
typedef struct {
  int code;       /* libvirt's */
  int number;     /* errno, of a failed system call */
  char *sentence; /* without a line's end */
} Refusal;

Refusal *refusal_last (void);
void refusal_free (Refusal *refusal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Refusal, refusal_free)

/* The contract's word for it. */
BackendError refusal_meaning (const Refusal *refusal);

/* Whether a driver does not have the call at all. */
gboolean refusal_is_no_support (const Refusal *refusal);
/* The flags that a driver does not know, as its sentence says; 0: it is about something else. */
guint refusal_unknown_flags (const Refusal *refusal);

/* fail() with both; what is formatted comes first. */
gboolean refusal_fail (const Refusal *refusal, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* The same for the last call of this thread, which was about @what. */
gboolean refusal_fail_last (GError **error, const char *what);
