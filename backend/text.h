#pragma once
#include <glib.h>

/* Immutable bytes that many threads share, ended by a NUL that does not count.
 * (GBytes would do, but for its reference count; see threads.h.) */
typedef struct {
  gint refs; /* atomic */
  gsize length;
  char data[];
} Text;

Text *text_new (const char *data, gsize length);
Text *text_from_string (const char *string);
Text *text_take_string (char *string); /* frees @string */
Text *text_ref (Text *text);           /* NULL gives NULL */
void text_unref (Text *text);          /* NULL is ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Text, text_unref)

/* @text with control characters as %XX, for a line that people read.  Free with g_free. */
char *text_without_controls (const char *text);

/* For tables of ids, most of which are random uuids: the first characters tell them apart. */
guint id_hash (gconstpointer id);
