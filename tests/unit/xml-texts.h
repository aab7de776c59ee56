#pragma once
/* Long documents, and how soon a hostile one must be refused. */
#include <glib.h>

/* In milliseconds of processor time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REFUSED_IN 1000
#else
#define REFUSED_IN 100
#endif

/* @count times @piece between @head and @tail; "%u" in @piece becomes a number. */
static inline char *
repeat (const char *head, const char *piece, guint count, const char *tail)
{
  GString *text = g_string_new (head);
  g_auto (GStrv) parts = g_strsplit (piece, "%u", 2);

  for (guint i = 0; i < count; i++) {
    g_string_append (text, parts[0]);
    if (parts[1] != NULL)
      g_string_append_printf (text, "%u%s", i, parts[1]);
  }
  g_string_append (text, tail);
  return g_string_free (text, FALSE);
}
