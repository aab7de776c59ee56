/* Immutable shared bytes: one allocation holds the count and the bytes.
 *
 * There is no way to change or slice a text; what needs that makes another. */
#include "text.h"

#include <string.h>

Text *
text_new (const char *data, gsize length)
{
  Text *text = g_malloc (sizeof *text + length + 1);

  text->refs = 1;
  text->length = length;
  if (length > 0)
    memcpy (text->data, data, length);
  text->data[length] = '\0';
  return text;
}

Text *
text_from_string (const char *string)
{
  return text_new (string, strlen (string));
}

Text *
text_take_string (char *string)
{
  Text *text = text_from_string (string);

  g_free (string);
  return text;
}

Text *
text_ref (Text *text)
{
  if (text != NULL)
    g_atomic_int_inc (&text->refs);
  return text;
}

void
text_unref (Text *text)
{
  if (text != NULL && g_atomic_int_dec_and_test (&text->refs))
    g_free (text);
}

char *
text_without_controls (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *at = text; *at != '\0'; at++)
    if ((guchar)*at < 0x20 || *at == 0x7f)
      g_string_append_printf (out, "%%%02X", (guint)(guchar)*at);
    else
      g_string_append_c (out, *at);
  return g_string_free (out, FALSE);
}

#define TELLING 12 /* characters; enough for "i:vda:123456", too */

guint
id_hash (gconstpointer id)
{
  guint hash = 5381;

  for (const char *at = id; *at != '\0' && at < (const char *)id + TELLING; at++)
    hash = hash * 33 + (guchar)*at;
  return hash;
}
