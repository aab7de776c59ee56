#pragma once
#include "../backend/error.h"

#define MARKUP_WHITE " \t\r\n\f\v"

/* Where a document ends that comes in pieces: behind its outermost element, and what XML lets
 * follow that: white space, comments and instructions.  Looks at each byte once, whatever the
 * pieces are; whether the document is well-formed is the parser's matter. */
typedef struct {
  gsize at;       /* where the markup begins that is looked at, or the text before it */
  gsize searched; /* up to where its end was looked for */
  guint depth;    /* of open elements */
  gboolean ended; /* the outermost element is behind */
  char quote;     /* of the value in it that is not closed yet; 0: none */
} Markup;

typedef enum { MARKUP_OPEN, MARKUP_CLOSED, MARKUP_REFUSED } MarkupState;

/* Goes on with @text, of which only the end may be new.  CLOSED: the outermost element is behind,
 * and nothing that follows it is unfinished.  REFUSED with INVALID: a document type declaration, an
 * element that ends before one began, or something else behind the end. */
MarkupState markup_scan (Markup *markup, const char *text, gsize length, GError **error);
