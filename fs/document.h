#pragma once
#include "../backend/model.h"
#include "markup.h"

/* What is written to a file that takes a document (design, "Control files", rule 6): a line of
 * words that ends in "-" and then the document, the document alone, or words alone.  A document may
 * come in pieces; words do not.  Does no locking. */
typedef enum {
  DOCUMENT_EMPTY,   /* nothing was written yet */
  DOCUMENT_WAITS,   /* for the rest */
  DOCUMENT_WHOLE,   /* to be carried out, or it was */
  DOCUMENT_REFUSED, /* what follows would be a document with a hole */
} DocumentState;

typedef struct {
  DocumentState state;
  char **words;   /* without the "-"; NULL: not read yet */
  GString *bytes; /* of the document so far; NULL: words only */
  Markup markup;
} Document;

void document_clear (Document *document);

/* Adds what one write wrote.  TRUE with .state WAITS, or WHOLE when it is to be carried out now, or
 * *@after when it was only what may follow the end.  FALSE: REFUSED, with INVALID, TOO_BIG (words),
 * TEXT_TOO_BIG (the document) or BAD_ENCODING.  @takes_words: else it is a document alone. */
gboolean document_add (Document *document, gboolean takes_words, const char *data, gsize size,
                       gboolean *after, GError **error);

/* The document of one that is WHOLE; NULL: words only. */
Text *document_text (const Document *document);

/* FALSE with INVALID while it WAITS: the file is being closed. */
gboolean document_is_done (const Document *document, GError **error);
