#pragma once
/* What every target includes.  A target is one function that is given bytes and must return; what
 * must hold is said with MUST, which ends the program so that libFuzzer keeps the input. */
#include "../../backend/error.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* For loops over bytes that tell the fuzzer nothing. */
#define UNWATCHED __attribute__ ((no_sanitize ("coverage", "address", "undefined")))

/* Not g_assert: it would hand the sentence to GLib's log, where nobody looks. */
#define MUST(condition)                                                                            \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      g_printerr ("%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #condition);              \
      __builtin_trap ();                                                                           \
    }                                                                                              \
  } while (0)

/* A complaint of GLib's about our own mistakes is a failure.  G_DEBUG=fatal-criticals would end the
 * program by SIGTRAP, at which libFuzzer does not keep the input. */
static inline void
on_log (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
  g_printerr ("%s: %s\n", domain ? domain : "", message);
  if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR))
    __builtin_trap ();
}

__attribute__ ((constructor)) static inline void
watch_log (void)
{
  g_log_set_default_handler (on_log, NULL);
}

/* A call that returned @result did set @error exactly when it failed, with a sentence in UTF-8. */
static inline void
must_agree (gboolean result, const GError *error)
{
  MUST (result == (error == NULL));
  MUST (!error || (error->message[0] != '\0' && g_utf8_validate (error->message, -1, NULL)));
}
