/* A text that comes in pieces. */
#include "written.h"

#include "../backend/snapshot-description.h"

#include <string.h>

#define LONGEST_CHARACTER 4 /* bytes, in UTF-8 */

void
written_clear (Written *written)
{
  if (written->bytes != NULL)
    g_string_free (written->bytes, TRUE);
  written->bytes = NULL;
}

/* How many bytes at the end of @text are the beginning of a character. */
static gsize
cut_bytes (const char *text, gsize length)
{
  const char *end;
  gsize left;

  g_utf8_validate_len (text, length, &end);
  left = length - (gsize)(end - text);
  if (left == 0 || left >= LONGEST_CHARACTER || *end == '\0') /* which counts as cut, too */
    return 0;
  return g_utf8_get_char_validated (end, (gssize)left) == (gunichar)-2 ? left : 0;
}

/* What XML, and so a description, cannot hold. */
static gboolean
check_text (const char *text, gsize length, GError **error)
{
  if (memchr (text, '\0', length) != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "a description cannot hold a NUL byte");
  if (!g_utf8_validate_len (text, length, NULL))
    return fail (error, BACKEND_ERROR_BAD_ENCODING, "the description is not valid UTF-8");
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar character = g_utf8_get_char (at);

    if ((character < 0x20 && strchr ("\t\n\r", (int)character) == NULL) || character == 0xfffe ||
        character == 0xffff)
      return fail (error, BACKEND_ERROR_INVALID, "a description cannot hold the character U+%04X",
                   character);
  }
  return TRUE;
}

char *
written_with (const Written *written, const char *data, gsize size, GError **error)
{
  gsize before = written->bytes != NULL ? written->bytes->len : 0;
  g_autoptr (GString) text = NULL;

  if (written->refused) {
    fail (error, BACKEND_ERROR_INVALID, "an earlier part of this description was refused");
    return NULL;
  }
  if (size > DESCRIPTION_LIMIT + 1 || before + size > DESCRIPTION_LIMIT + 1) {
    fail (error, BACKEND_ERROR_TEXT_TOO_BIG, "a description may have %d bytes", DESCRIPTION_LIMIT);
    return NULL;
  }
  text = g_string_sized_new (before + size);
  if (before > 0)
    g_string_append_len (text, written->bytes->str, (gssize)before);
  g_string_append_len (text, data, (gssize)size);
  g_string_truncate (text, text->len - cut_bytes (text->str, text->len));
  if (text->len > 0 && text->str[text->len - 1] == '\n')
    g_string_truncate (text, text->len - 1);
  if (text->len > DESCRIPTION_LIMIT) {
    fail (error, BACKEND_ERROR_TEXT_TOO_BIG, "a description may have %d bytes", DESCRIPTION_LIMIT);
    return NULL;
  }
  if (!check_text (text->str, text->len, error))
    return NULL;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

void
written_keep (Written *written, const char *data, gsize size)
{
  if (written->bytes == NULL)
    written->bytes = g_string_new (NULL);
  g_string_append_len (written->bytes, data, (gssize)size);
}

gboolean
written_is_whole (const Written *written, GError **error)
{
  if (written->bytes == NULL || cut_bytes (written->bytes->str, written->bytes->len) == 0)
    return TRUE;
  return fail (error, BACKEND_ERROR_BAD_ENCODING, "the description ends within a character");
}
