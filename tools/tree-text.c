/* The tree as lines of text, aligned, with a terminal's colours where there is a terminal.
 *
 * What is in front of a name is kept in one buffer that grows and shrinks from line to line, as
 * nodes come depth first. */
#include "mounted.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WIDTH_LIMIT 64 /* columns; names further right do not move the dates of all others */

typedef struct {
  const char *branch, *last; /* in front of a name */
  const char *bar, *none;    /* the same, of its descendants */
} Strokes;

static const Strokes unicode = { "├── ", "└── ", "│   ", "    " };
static const Strokes ascii = { "|-- ", "`-- ", "|   ", "    " };

typedef struct {
  const GArray *nodes;
  const Strokes *strokes;
  gboolean colours;
  GString *front; /* strokes of the ancestors of the node at hand */
  gsize *fronts;  /* for each node so far, the length of @front for its children */
  guint width;    /* of the first column */
} Printer;

void
tree_format_time (gint64 seconds, char *text)
{
  time_t time = (time_t)seconds;
  struct tm parts;

  if (localtime_r (&time, &parts) == NULL || strftime (text, 32, "%Y-%m-%d %H:%M", &parts) == 0)
    strcpy (text, "-");
}

void
tree_format_size (guint64 bytes, char *text)
{
  static const char suffixes[] = "BKMGTPE";
  double number = (double)bytes;
  guint suffix = 0;

  if (bytes == TREE_UNKNOWN) {
    strcpy (text, "-");
    return;
  }
  for (; number >= 1023.5; suffix++)
    number /= 1024;
  g_snprintf (text, 16, number < 9.95 && suffix > 0 ? "%.1f%c" : "%.0f%c", number,
              suffixes[suffix]);
}

static guint
columns_of (const char *text)
{
  guint columns = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text)) {
    gunichar character = g_utf8_get_char (text);

    columns += g_unichar_iszerowidth (character) ? 0 : g_unichar_iswide (character) ? 2 : 1;
  }
  return columns;
}

/* Sets @front to what is in front of the node @at, and returns the stroke that follows it. */
static const char *
move_to (Printer *printer, guint at)
{
  const TreeNode *node = &g_array_index (printer->nodes, TreeNode, at);

  printer->fronts[at] = 0;
  if (node->parent == TREE_NO_PARENT)
    return "";
  g_string_truncate (printer->front, printer->fronts[node->parent]);
  return node->last ? printer->strokes->last : printer->strokes->branch;
}

static void
descend (Printer *printer, guint at)
{
  const TreeNode *node = &g_array_index (printer->nodes, TreeNode, at);

  if (node->parent == TREE_NO_PARENT)
    return;
  g_string_append (printer->front, node->last ? printer->strokes->none : printer->strokes->bar);
  printer->fronts[at] = printer->front->len;
}

static char *
printable (const Printer *printer, const char *text)
{
  return mounted_printable (text, printer->strokes == &ascii);
}

/* The node's name and marks; *@columns: how wide they are. */
static char *
name_and_marks (const Printer *printer, const TreeNode *node, guint *columns)
{
  g_autofree char *name = printable (printer, node->name);
  g_autofree char *marks = printable (printer, node->marks);
  char *text = marks[0] != '\0' ? g_strdup_printf ("%s [%s]", name, marks) : g_strdup (name);

  *columns = columns_of (text);
  return text;
}

static void
measure (Printer *printer)
{
  for (guint i = 0; i < printer->nodes->len; i++) {
    const char *stroke = move_to (printer, i);
    guint columns, front = columns_of (printer->front->str) + columns_of (stroke);
    g_autofree char *text =
        name_and_marks (printer, &g_array_index (printer->nodes, TreeNode, i), &columns);

    if (front + columns <= WIDTH_LIMIT)
      printer->width = MAX (printer->width, front + columns);
    descend (printer, i);
  }
  g_string_truncate (printer->front, 0);
}

static const char *
colour_of (const Printer *printer, const TreeNode *node)
{
  if (!printer->colours)
    return "";
  if (node->damaged)
    return "\033[31m";
  if (node->current)
    return "\033[1;32m";
  return node->snapshot ? "" : "\033[1;34m";
}

static void
print_details (const Printer *printer, const TreeNode *node, guint columns)
{
  g_autofree char *description = printable (printer, node->description);
  char created[32] = "", stored[16] = "";

  if (node->snapshot) {
    tree_format_time (node->created, created);
    tree_format_size (node->stored, stored);
  } else if (description[0] == '\0') {
    putchar ('\n');
    return;
  }
  printf ("%*s  %-16s  %6s%s%s\n", (int)(printer->width - MIN (columns, printer->width)), "",
          created, stored, description[0] != '\0' ? "  " : "", description);
}

static void
print_node (Printer *printer, guint at)
{
  const TreeNode *node = &g_array_index (printer->nodes, TreeNode, at);
  const char *stroke = move_to (printer, at);
  const char *colour = colour_of (printer, node);
  guint columns;
  g_autofree char *text = name_and_marks (printer, node, &columns);

  printf ("%s%s%s%s%s", printer->front->str, stroke, colour, text,
          colour[0] != '\0' ? "\033[m" : "");
  print_details (printer, node, columns_of (printer->front->str) + columns_of (stroke) + columns);
  descend (printer, at);
}

static gboolean
wants_colours (void)
{
  const char *no = getenv ("NO_COLOR");

  return isatty (STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
         g_strcmp0 (getenv ("TERM"), "dumb") != 0;
}

void
tree_print_text (const GArray *nodes)
{
  g_autoptr (GString) front = g_string_new (NULL);
  g_autofree gsize *fronts = g_new0 (gsize, nodes->len);
  Printer printer = { .nodes = nodes,
                      .strokes = g_get_charset (NULL) ? &unicode : &ascii,
                      .colours = wants_colours (),
                      .front = front,
                      .fronts = fronts };

  measure (&printer);
  for (guint i = 0; i < nodes->len; i++)
    print_node (&printer, i);
}
