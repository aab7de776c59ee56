/* vmsnap: what a mount alone cannot do, and what needs none.
 *
 * Each command is a constant in a file of its own; here is only the list of them, and what they
 * have in common. */
#include "commands.h"
#include "mounted.h"

#include "../backend/error.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Command *const commands[] = { &tree_command,   &export_command, &import_command,
                                           &umount_command, &check_command,  &map_command,
                                           &cat_command };

int
command_misused (GError **error, const char *format, ...)
{
  g_autofree char *sentence = NULL;
  va_list arguments;

  va_start (arguments, format);
  sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  fail (error, BACKEND_ERROR_INVALID, "%s", sentence);
  return STATUS_USAGE;
}

void
command_complain (const GError *error)
{
  g_autofree char *sentence = mounted_printable (error->message, FALSE);

  fprintf (stderr, "vmsnap: %s\n", sentence);
}

static const Command *
find_command (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static int
print_help (void)
{
  puts ("usage: vmsnap COMMAND [options] ARGUMENT...\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    printf ("  %-19s %s\n", commands[i]->name, commands[i]->summary);
  puts ("\n"
        "  --help              show this, or behind COMMAND what it takes\n"
        "  --version           show the version");
  return EXIT_SUCCESS;
}

static gboolean
asks_for_help (char **arguments)
{
  for (; *arguments != NULL && strcmp (*arguments, "--") != 0; arguments++)
    if (strcmp (*arguments, "--help") == 0)
      return TRUE;
  return FALSE;
}

static int
complain (const GError *error, int status, const char *command)
{
  command_complain (error);
  if (status == STATUS_USAGE)
    fprintf (stderr, "vmsnap %s%s--help explains\n", command, command[0] != '\0' ? " " : "");
  return status;
}

static int
run (const Command *command, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  if (asks_for_help (argv)) {
    printf ("%s", command->help);
    return EXIT_SUCCESS;
  }
  opterr = 0;
  status = command->run (argc, argv, &error);
  return error != NULL ? complain (error, status, command->name) : status;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const char *first = argc > 1 ? argv[1] : "";
  const Command *command = find_command (first);
  int status;

  /* A closed pipe ends us silently, also where whoever started us ignores the signal. */
  signal (SIGPIPE, SIG_DFL);
  if (command != NULL)
    return run (command, argc - 1, argv + 1);
  if (strcmp (first, "--help") == 0)
    return print_help ();
  if (strcmp (first, "--version") == 0) {
    puts ("vmsnap " VMSNAPFS_VERSION);
    return EXIT_SUCCESS;
  }
  status = command_misused (&error, "\"%s\" is no command", first);
  return complain (error, status, "");
}
