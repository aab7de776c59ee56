#pragma once
#include "../backend/error.h"
#include "../backend/model.h"

/* The words of a command: one row for each, in a table that ends with an empty row.  What is read
 * and what the usage text says both come from it. */
typedef struct {
  const char *word;    /* "--parent", "save" */
  const char *value;   /* what stands for its value in the usage: "NAME"; NULL: it has none */
  const char *meaning; /* in a line of the usage */
  BackendCan needs;    /* works only with all of these */
  BackendCan
      offered;   /* named in the usage only with these; else the backend says that it lacks it */
  gsize at;      /* in what is read: of a gboolean, of a char * where it has a value */
  gboolean many; /* may be there several times: of a GPtrArray * of char * */
} Word;

/* The words in @text, as the shell would split it; NULL with INVALID. */
char **words_split (const char *text, GError **error);

/* Reads @words into the struct @asked, whose strings and arrays the caller frees also when this
 * fails.  A value follows its word, or with "=" a word that begins with "--".  @name: where the one
 * word goes that is in no row; NULL: there must be none.  INVALID for a word that is unknown, there
 * twice or without its value; UNSUPPORTED for one that needs more than @can. */
gboolean words_read (const Word *table, BackendCan can, char **words, gpointer asked, char **name,
                     GError **error);

/* @about, lines that begin with "#", and a line for each word that works with @can. */
Text *words_usage (const char *about, const Word *table, BackendCan can);
