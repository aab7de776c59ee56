/* Documents that come in pieces: when they begin, when they are whole, and how long they may be.
 *
 * The end is where the outermost element ends, so nobody has to say it, and what was meant for more
 * is refused before anything happens. */
#include "document.h"

#include "words.h"

#include <string.h>

#define LONGEST_WORDS 4096
#define LONGEST_DOCUMENT (1024 * 1024)
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* which some editors put before every text */

void
document_clear (Document *document)
{
  g_strfreev (document->words);
  if (document->bytes != NULL)
    g_string_free (document->bytes, TRUE);
  *document = (Document){ 0 };
}

static gboolean
is_white (char byte)
{
  return byte != '\0' && strchr (MARKUP_WHITE, byte) != NULL;
}

static gsize
count_white (const char *data, gsize size)
{
  gsize count = 0;

  while (count < size && is_white (data[count]))
    count++;
  return count;
}

static void
skip_mark (const char **data, gsize *size)
{
  gsize length = strlen (BYTE_ORDER_MARK);

  if (*size < length || memcmp (*data, BYTE_ORDER_MARK, length) != 0)
    return;
  *data += length;
  *size -= length;
}

/* Whether the line of @length bytes ends in the word "-". */
static gboolean
ends_in_dash (const char *line, gsize length)
{
  while (length > 0 && is_white (line[length - 1]))
    length--;
  return length > 0 && line[length - 1] == '-' && (length == 1 || is_white (line[length - 2]));
}

/* The words in the first @length bytes; NULL when they are none by themselves. */
static char **
try_words (const char *text, gsize length, GError **error)
{
  g_autofree char *line = g_strchomp (g_strndup (text, length));

  return words_split (line, error);
}

static gboolean
is_too_long (GError **error)
{
  return fail (error, BACKEND_ERROR_TOO_BIG, "a command may have %d bytes", LONGEST_WORDS);
}

/* Takes the "-" at the end off @words; FALSE: there is none. */
static gboolean
drop_dash (char **words)
{
  guint last = g_strv_length (words) - 1;

  if (strcmp (words[last], "-") != 0)
    return FALSE;
  g_clear_pointer (&words[last], g_free);
  return TRUE;
}

/* Finds the line of words before a document: one that ends in "-" and not within quotes.  *@used:
 * how much of @data it is, 0: there is none. */
static void
find_line (Document *document, const char *data, gsize size, gsize *used)
{
  const char *end = data;

  *used = 0;
  while ((end = memchr (end, '\n', MIN (size, LONGEST_WORDS + 1) - (gsize)(end - data))) != NULL) {
    gsize length = (gsize)(end - data);

    if (ends_in_dash (data, length))
      document->words = try_words (data, length, NULL);
    if (document->words != NULL && drop_dash (document->words)) {
      *used = length + 1;
      return;
    }
    g_clear_pointer (&document->words, g_strfreev);
    end++;
  }
}

/* All of @data is words, perhaps of a document that is yet to come. */
static gboolean
take_words (Document *document, const char *data, gsize size, GError **error)
{
  if (size > LONGEST_WORDS)
    return is_too_long (error);
  document->words = try_words (data, size, error);
  if (document->words == NULL)
    return FALSE;
  if (drop_dash (document->words))
    document->bytes = g_string_new (NULL);
  return TRUE;
}

/* The beginning of what is written; *@used: how much of it is no part of a document. */
static gboolean
begin (Document *document, gboolean takes_words, const char *data, gsize size, gsize *used,
       GError **error)
{
  gsize white = count_white (data, size);

  *used = 0;
  if (white == size)
    return fail (error, BACKEND_ERROR_INVALID, "there is nothing in it");
  if (data[white] == '#')
    return fail (error, BACKEND_ERROR_INVALID, "text that begins with # is not a command");
  if (data[white] == '<') {
    document->words = g_new0 (char *, 1);
    document->bytes = g_string_new (NULL);
    return TRUE;
  }
  if (!takes_words)
    return fail (error, BACKEND_ERROR_INVALID, "this takes a whole <domainsnapshot> document");
  find_line (document, data, size, used);
  if (*used == 0) {
    *used = size;
    return take_words (document, data, size, error);
  }
  document->bytes = g_string_new (NULL);
  return TRUE;
}

static MarkupState
scan (Document *document, const char *data, gsize size, GError **error)
{
  GString *bytes = document->bytes;

  if (bytes->len == 0)
    skip_mark (&data, &size);
  if (size > LONGEST_DOCUMENT || bytes->len + size > LONGEST_DOCUMENT) {
    fail (error, BACKEND_ERROR_TEXT_TOO_BIG, "a document may have %d bytes", LONGEST_DOCUMENT);
    return MARKUP_REFUSED;
  }
  g_string_append_len (bytes, data, (gssize)size);
  return markup_scan (&document->markup, bytes->str, bytes->len, error);
}

static gboolean
grow (Document *document, const char *data, gsize size, GError **error)
{
  MarkupState state = scan (document, data, size, error);
  const GString *bytes = document->bytes;

  if (state == MARKUP_REFUSED)
    return FALSE;
  document->state = state == MARKUP_CLOSED ? DOCUMENT_WHOLE : DOCUMENT_WAITS;
  /* A parser would say it less clearly. */
  return state == MARKUP_OPEN || g_utf8_validate_len (bytes->str, bytes->len, NULL) ||
         fail (error, BACKEND_ERROR_BAD_ENCODING, "the document is not valid UTF-8");
}

static gboolean
add (Document *document, gboolean takes_words, const char *data, gsize size, GError **error)
{
  gsize used = 0;

  if (memchr (data, '\0', size) != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "text cannot hold a NUL byte");
  if (document->words == NULL)
    skip_mark (&data, &size);
  if (document->words == NULL && !begin (document, takes_words, data, size, &used, error))
    return FALSE;
  if (document->bytes != NULL)
    return grow (document, data + used, size - used, error);
  document->state = DOCUMENT_WHOLE;
  return TRUE;
}

/* What may be written after the end: white space, and behind a document what else XML lets follow
 * it. */
static gboolean
may_follow (Document *document, const char *data, gsize size)
{
  if (document->bytes == NULL)
    return count_white (data, size) == size;
  return scan (document, data, size, NULL) != MARKUP_REFUSED;
}

gboolean
document_add (Document *document, gboolean takes_words, const char *data, gsize size,
              gboolean *after, GError **error)
{
  *after = document->state == DOCUMENT_WHOLE && may_follow (document, data, size);
  if (*after)
    return TRUE;
  if (document->state == DOCUMENT_WHOLE)
    fail (error, BACKEND_ERROR_INVALID, "open the file again for another command");
  else if (document->state == DOCUMENT_REFUSED)
    fail (error, BACKEND_ERROR_INVALID, "an earlier part of this was refused");
  else if (add (document, takes_words, data, size, error))
    return TRUE;
  document->state = DOCUMENT_REFUSED;
  return FALSE;
}

Text *
document_text (const Document *document)
{
  return document->bytes != NULL ? text_new (document->bytes->str, document->bytes->len) : NULL;
}

gboolean
document_is_done (const Document *document, GError **error)
{
  return document->state != DOCUMENT_WAITS ||
         fail (error, BACKEND_ERROR_INVALID,
               "the document ends before its outermost element does; nothing was done");
}
