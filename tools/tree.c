/* vmsnap tree: the domains and snapshots of a mounted tree, as people draw them. */
#include "tree.h"

#include "commands.h"

#include "../backend/error.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static int
print (const char *path, gboolean dot, GError **error)
{
  g_autoptr (GArray) nodes = tree_read (path, error);

  if (nodes == NULL)
    return EXIT_FAILURE;
  if (dot)
    tree_print_dot (nodes);
  else
    tree_print_text (nodes);
  if (fflush (stdout) != 0 || ferror (stdout)) {
    fail_errno (error, "standard output");
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

static int
run (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { "dot", no_argument, NULL, 'd' }, { 0 } };
  gboolean dot = FALSE;
  int letter;

  while ((letter = getopt_long (argc, argv, "", long_options, NULL)) != -1) {
    if (letter != 'd')
      return command_misused (error, "an option is unknown");
    dot = TRUE;
  }
  if (argc - optind != 1)
    return command_misused (error, "one directory of a mounted tree is needed");
  setlocale (LC_CTYPE, "");
  return print (argv[optind], dot, error);
}

const Command tree_command = {
  "tree", "draw the snapshots of a mounted tree",
  "usage: vmsnap tree [--dot] DIR\n"
  "\n"
  "DIR is where a tree is mounted, or the directory of one domain in it.  A line is a\n"
  "snapshot with its date, the bytes stored for it, and what its description begins with.\n"
  "\n"
  "  --dot               print a graph for Graphviz instead\n",
  run
};
