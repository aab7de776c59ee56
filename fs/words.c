/* Words of commands, read by tables.
 *
 * All or nothing: the first word that is not understood ends it.  A value that begins with "--" is
 * only taken behind "=", because it is more likely the next word of somebody who forgot the value.
 * What words mean together is the commands' matter. */
#include "words.h"

#include <string.h>

#define WORD_WIDTH 24 /* in the usage */

char **
words_split (const char *text, GError **error)
{
  g_autoptr (GError) problem = NULL;
  char **words = NULL;

  if (!g_shell_parse_argv (text, NULL, &words, &problem))
    fail (error, BACKEND_ERROR_INVALID, "%s", problem->message);
  return words;
}

/* What follows "WORD="; NULL: @given is not that. */
static const char *
value_within (const Word *row, const char *given)
{
  gsize length = strlen (row->word);

  if (row->value == NULL || !g_str_has_prefix (row->word, "--") ||
      strncmp (given, row->word, length) != 0 || given[length] != '=')
    return NULL;
  return given + length + 1;
}

static const Word *
find_row (const Word *table, const char *given)
{
  for (const Word *row = table; row->word != NULL; row++)
    if (strcmp (row->word, given) == 0 || value_within (row, given) != NULL)
      return row;
  return NULL;
}

static gboolean
is_there_twice (const Word *row, GError **error)
{
  return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is there twice", row->word);
}

static gboolean
take_flag (const Word *row, gpointer asked, GError **error)
{
  gboolean *flag = (gboolean *)((char *)asked + row->at);

  if (*flag)
    return is_there_twice (row, error);
  *flag = TRUE;
  return TRUE;
}

static gboolean
take_value (const Word *row, const char *value, gpointer asked, GError **error)
{
  GPtrArray **values = (GPtrArray **)((char *)asked + row->at);
  char **kept = (char **)((char *)asked + row->at);

  if (row->many) {
    if (*values == NULL)
      *values = g_ptr_array_new_with_free_func (g_free);
    g_ptr_array_add (*values, g_strdup (value));
    return TRUE;
  }
  if (*kept != NULL)
    return is_there_twice (row, error);
  *kept = g_strdup (value);
  return TRUE;
}

/* Reads the word **@at and its value, if it has one, which *@at then points to. */
static gboolean
take_word (const Word *row, BackendCan can, char ***at, gpointer asked, GError **error)
{
  const char *value;

  if ((row->needs & can) != row->needs)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "\"%s\" is not possible here", row->word);
  if (row->value == NULL)
    return take_flag (row, asked, error);
  value = value_within (row, **at);
  if (value == NULL) {
    value = (*at)[1];
    if (value == NULL || g_str_has_prefix (value, "--"))
      return fail (error, BACKEND_ERROR_INVALID, "\"%s\" needs a value", row->word);
    ++*at;
  }
  return take_value (row, value, asked, error);
}

static gboolean
take_name (const char *given, char **name, GError **error)
{
  if (name == NULL || given[0] == '-')
    return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is not a word that is known here", given);
  if (*name != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is one name too many", given);
  *name = g_strdup (given);
  return TRUE;
}

gboolean
words_read (const Word *table, BackendCan can, char **words, gpointer asked, char **name,
            GError **error)
{
  for (char **at = words; *at != NULL; at++) {
    const Word *row = find_row (table, *at);

    if (row == NULL ? !take_name (*at, name, error) : !take_word (row, can, &at, asked, error))
      return FALSE;
  }
  return TRUE;
}

Text *
words_usage (const char *about, const Word *table, BackendCan can)
{
  g_autoptr (GString) out = g_string_new (about);

  for (const Word *row = table; row->word != NULL; row++) {
    g_autofree char *word =
        g_strconcat (row->word, row->value != NULL ? " " : "", row->value, NULL);

    if (((row->needs | row->offered) & can) == (row->needs | row->offered))
      g_string_append_printf (out, "#   %-*s %s\n", WORD_WIDTH, word, row->meaning);
  }
  return text_new (out->str, out->len);
}
