/* The tree as a graph for Graphviz. */
#include "mounted.h"
#include "tree.h"

#include <stdio.h>

/* Inside a quoted label a backslash begins an escape, and an ampersand an entity of HTML. */
static void
print_escaped (const char *text)
{
  g_autofree char *printable = mounted_printable (text, FALSE);

  for (const char *at = printable; *at != '\0'; at++)
    switch (*at) {
    case '"':
    case '\\':
      printf ("\\%c", *at);
      break;
    case '&':
      printf ("&amp;");
      break;
    default:
      putchar (*at);
    }
}

static void
print_label (const TreeNode *node)
{
  char created[32], stored[16];

  print_escaped (node->name);
  if (node->marks[0] != '\0') {
    printf ("\\n[");
    print_escaped (node->marks);
    putchar (']');
  }
  if (!node->snapshot)
    return;
  tree_format_time (node->created, created);
  tree_format_size (node->stored, stored);
  printf ("\\n%s  %s", created, stored);
  if (node->description[0] != '\0')
    printf ("\\n");
  print_escaped (node->description);
}

static const char *
looks_of (const TreeNode *node)
{
  if (node->damaged)
    return ", color=\"red\", fontcolor=\"red\"";
  if (node->current)
    return ", style=\"filled\", fillcolor=\"palegreen\", penwidth=\"2\"";
  return node->snapshot ? "" : ", shape=\"folder\"";
}

void
tree_print_dot (const GArray *nodes)
{
  puts ("digraph snapshots {\n"
        "  charset=\"UTF-8\";\n"
        "  rankdir=\"LR\";\n"
        "  node [shape=\"box\", fontname=\"sans-serif\"];");
  for (guint i = 0; i < nodes->len; i++) {
    const TreeNode *node = &g_array_index (nodes, TreeNode, i);

    printf ("  n%u [label=\"", i);
    print_label (node);
    printf ("\"%s];\n", looks_of (node));
    if (node->parent != TREE_NO_PARENT)
      printf ("  n%u -> n%u;\n", node->parent, i);
  }
  puts ("}");
}
