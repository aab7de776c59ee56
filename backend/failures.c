/* The last failures of each domain, as finished lines.
 *
 * Kept in memory only: they explain an errno to the person who just got it,
 * and are no log. */
#include "failures.h"
#include "error.h"
#include "text.h"
#include "threads.h"

#include <string.h>

#define FAILURES_KEPT 20

static Lock lock = LOCK_INIT;
static GHashTable *failures; /* domain -> GQueue of char *; protected by lock */

static void
queue_of_lines_free (gpointer lines)
{
  g_queue_free_full (lines, g_free);
}

static char *
format_line (const char *what, const GError *error)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *when = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
  const char *number = strerrorname_np (backend_error_errno (error));
  g_autofree char *line =
      g_strdup_printf ("%s %s: %s: %s", when, what, number != NULL ? number : "EIO",
                       error != NULL ? error->message : "unknown failure");

  /* One line each, and nothing that a terminal obeys, whatever a name or qemu-img's words hold. */
  return text_without_controls (g_strdelimit (line, "\n\r", ' '));
}

static GQueue *
lines_of (const char *domain, const Held *held)
{
  GQueue *lines;

  if (failures == NULL)
    failures = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, queue_of_lines_free);
  lines = g_hash_table_lookup (failures, domain);
  if (lines == NULL) {
    lines = g_queue_new ();
    g_hash_table_insert (failures, g_strdup (domain), lines);
  }
  return lines;
}

void
failures_add (const char *domain, const char *what, const GError *error)
{
  char *line = format_line (what, error);
  autolock held = lock_hold (&lock);
  GQueue *lines = lines_of (domain, &held);

  g_queue_push_tail (lines, line);
  if (g_queue_get_length (lines) > FAILURES_KEPT)
    g_free (g_queue_pop_head (lines));
}

static void
append_line (gpointer line, gpointer text)
{
  g_string_append (text, line);
  g_string_append_c (text, '\n');
}

char *
failures_describe (const char *domain)
{
  GString *text = g_string_new (NULL);
  autolock held = lock_hold (&lock);
  GQueue *lines = failures == NULL ? NULL : g_hash_table_lookup (failures, domain);

  if (lines != NULL)
    g_queue_foreach (lines, append_line, text);
  return g_string_free (text, FALSE);
}
