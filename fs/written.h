#pragma once
#include "../backend/error.h"

/* What was written to an editable text since it was opened.  Writers cut their text where their
 * buffers end, so each write makes a text of all that came so far; a character that is cut in two
 * waits for its other half.  Does no locking. */
typedef struct {
  GString *bytes;   /* NULL: nothing yet */
  gboolean refused; /* a write failed: what follows would be a text with a hole */
} Written;

void written_clear (Written *written);

/* The text with @data at its end, without its last newline and without a character that is still
 * cut; free with g_free.  TEXT_TOO_BIG, BAD_ENCODING, INVALID. */
char *written_with (const Written *written, const char *data, gsize size, GError **error);
/* It was taken. */
void written_keep (Written *written, const char *data, gsize size);

/* FALSE with BAD_ENCODING: it ends within a character. */
gboolean written_is_whole (const Written *written, GError **error);
