/* Tags are counted, and everything is stepped over in which "<" or ">" means something else:
 * comments, CDATA, instructions, and values in quotes. */
#include "markup.h"

#include <string.h>

static const struct {
  const char *begin;
  const char *end;
} stepped_over[] = {
  { "<!--", "-->" },
  { "<![CDATA[", "]]>" },
  { "<?", "?>" },
};

/* Goes on behind @end. */
static void
step (Markup *markup, gsize end)
{
  markup->at = markup->searched = end;
  markup->quote = 0;
}

/* FALSE: its end is not there yet. */
static gboolean
step_over (Markup *markup, const char *text, gsize length, const char *begin, const char *end)
{
  gsize first = markup->at + strlen (begin);
  gsize from = MAX (first, markup->searched);
  const char *found = memmem (text + from, length - from, end, strlen (end));

  if (found != NULL) {
    step (markup, (gsize)(found - text) + strlen (end));
    return TRUE;
  }
  /* It may have begun. */
  markup->searched = MAX (first, length - MIN (length, strlen (end) - 1));
  return FALSE;
}

/* The ">" of a tag; 0: it is not there yet. */
static gsize
find_tag_end (Markup *markup, const char *text, gsize length)
{
  for (gsize i = MAX (markup->searched, markup->at + 1); i < length; i++) {
    if (markup->quote != 0)
      markup->quote = text[i] == markup->quote ? 0 : markup->quote;
    else if (text[i] == '"' || text[i] == '\'')
      markup->quote = text[i];
    else if (text[i] == '>')
      return i;
  }
  markup->searched = length;
  return 0;
}

static MarkupState
scan_tag (Markup *markup, const char *text, gsize length, GError **error)
{
  gsize end = find_tag_end (markup, text, length);

  if (end == 0)
    return MARKUP_OPEN;
  if (text[markup->at + 1] == '/' && markup->depth == 0) {
    fail (error, BACKEND_ERROR_INVALID, "the document begins with the end of an element");
    return MARKUP_REFUSED;
  }
  if (text[markup->at + 1] == '/')
    markup->depth--;
  else if (text[end - 1] != '/')
    markup->depth++;
  step (markup, end + 1);
  markup->ended = markup->depth == 0;
  return MARKUP_OPEN;
}

static MarkupState
refuse_more (GError **error)
{
  fail (error, BACKEND_ERROR_INVALID, "there is something behind the document's end");
  return MARKUP_REFUSED;
}

/* Whether the @length bytes of @text are the beginning of @whole, or begin with it. */
static gboolean
may_become (const char *text, gsize length, const char *whole)
{
  return memcmp (text, whole, MIN (length, strlen (whole))) == 0;
}

/* At a "<".  OPEN without a step: what it is, or where it ends, is not there yet. */
static MarkupState
scan_markup (Markup *markup, const char *text, gsize length, GError **error)
{
  const char *from = text + markup->at;
  gsize left = length - markup->at;

  if (left < 2)
    return MARKUP_OPEN;
  for (gsize i = 0; i < G_N_ELEMENTS (stepped_over); i++)
    if (may_become (from, left, stepped_over[i].begin)) {
      if (left >= strlen (stepped_over[i].begin))
        step_over (markup, text, length, stepped_over[i].begin, stepped_over[i].end);
      return MARKUP_OPEN;
    }
  if (from[1] == '!') {
    fail (error, BACKEND_ERROR_INVALID, "the document has a declaration");
    return MARKUP_REFUSED;
  }
  return markup->ended ? refuse_more (error) : scan_tag (markup, text, length, error);
}

/* Goes on to the next "<", or to the end. */
static MarkupState
scan_text (Markup *markup, const char *text, gsize length, GError **error)
{
  const char *next = memchr (text + markup->at, '<', length - markup->at);
  gsize end = next != NULL ? (gsize)(next - text) : length;

  for (gsize i = markup->at; markup->ended && i < end; i++)
    if (strchr (MARKUP_WHITE, text[i]) == NULL)
      return refuse_more (error);
  if (end != markup->at)
    step (markup, end);
  return MARKUP_OPEN;
}

MarkupState
markup_scan (Markup *markup, const char *text, gsize length, GError **error)
{
  MarkupState state;
  gsize before;

  do {
    state = scan_text (markup, text, length, error);
    before = markup->at;
    if (state == MARKUP_OPEN && before < length)
      state = scan_markup (markup, text, length, error);
  } while (state == MARKUP_OPEN && markup->at != before);
  return state == MARKUP_OPEN && markup->ended && before == length ? MARKUP_CLOSED : state;
}
