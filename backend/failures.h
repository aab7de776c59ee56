#pragma once
#include <glib.h>

/* The last failures of each domain with the sentence that an errno cannot
 * carry: what control/error shows.  Any thread. */

/* @what: in words, "mkdir base/updates". */
void failures_add (const char *domain, const char *what, const GError *error);

/* Oldest first, a line each: "2026-11-20T21:03:04Z mkdir base: EBUSY: sentence".  Free with g_free.
 */
char *failures_describe (const char *domain);
