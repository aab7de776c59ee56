#pragma once
/* Long documents, and how soon a hostile one must be refused. */
#include <glib.h>
#include <libxml/parser.h>
#include <malloc.h>
#include <time.h>

/* In milliseconds of processor time, on a machine that has nothing else to do (reliability.md,
 * "Bars"). */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REFUSED_IN 1000
#else
#define REFUSED_IN 100
#endif
/* What usual_work() takes there. */
#define USUAL_WORK 15

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

/* Milliseconds of processor time for parsing a plain document, with getting the memory. */
static inline double
usual_work (void)
{
  g_autofree char *text = repeat ("<a>", "<b c='%u'>some text</b>", 20000, "</a>");
  clock_t begin;

  malloc_trim (0);
  begin = clock ();
  xmlFreeDoc (xmlReadDoc ((const xmlChar *)text, NULL, NULL, 0));
  return (double)(clock () - begin) * 1000 / CLOCKS_PER_SEC;
}

/* Whether refusing took less than @limit milliseconds, where it took @used. A machine that others
 * use as well, or that has not got its memory yet, is slower at what is usual no less.
 */
static inline gboolean
is_soon (clock_t used, double limit)
{
  double milliseconds = (double)used * 1000 / CLOCKS_PER_SEC;

  return milliseconds < limit || milliseconds < limit * usual_work () / USUAL_WORK;
}
