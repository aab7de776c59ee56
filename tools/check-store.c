/* vmsnap check: whether a store is sound, and its repair.  What is looked at, and what can be
 * repaired, is the local backend's matter (backend/local/check.h); this prints it. */
#include "commands.h"
#include "mounted.h"

#include "../backend/error.h"
#include "../backend/local/check.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define STATUS_CANNOT_LOOK 2

static void
say (CheckKind kind, const char *path, const char *sentence, gpointer data)
{
  static const char *const before[] = {
    [CHECK_FAULT] = "",
    [CHECK_NOTE] = "note: ",
    [CHECK_REPAIRED] = "repaired: ",
  };
  g_autofree char *line = g_strconcat (path, ": ", before[kind], sentence, NULL);
  g_autofree char *printable = mounted_printable (line, FALSE);

  puts (printable);
}

static int
check (const char *store, CheckOptions *options, GError **error)
{
  guint faults = 0;

  if (!check_store (store, options, &faults, error))
    return STATUS_CANNOT_LOOK;
  if (fflush (stdout) != 0 || ferror (stdout)) {
    fail_errno (error, "standard output");
    return STATUS_CANNOT_LOOK;
  }
  return faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { "allow", required_argument, NULL, 'a' },
                                                { "hook", required_argument, NULL, 'h' },
                                                { "quick", no_argument, NULL, 'q' },
                                                { "repair", no_argument, NULL, 'r' },
                                                { 0 } };
  g_autoptr (GPtrArray) allow = g_ptr_array_new ();
  CheckOptions options = { .say = say };
  int letter;

  while ((letter = getopt_long (argc, argv, "", long_options, NULL)) != -1) {
    if (letter == 'a')
      g_ptr_array_add (allow, optarg);
    else if (letter == 'h')
      options.hook = optarg;
    else if (letter == 'q')
      options.quick = TRUE;
    else if (letter == 'r')
      options.repair = TRUE;
    else
      return command_misused (error, "an option is unknown or lacks its value");
  }
  if (argc - optind != 1)
    return command_misused (error, "one STORE is needed");
  g_ptr_array_add (allow, NULL);
  options.allow = (const char *const *)allow->pdata;
  return check (argv[optind], &options, error);
}

const Command check_command = {
  "check", "see whether a store of disk images is sound, and repair it",
  "usage: vmsnap check [--repair] [--quick] [--allow DIR]... [--hook PROGRAM] STORE\n"
  "\n"
  "STORE is a directory of disk images that nobody has mounted for writing.  Every record,\n"
  "image, chain and journal is looked at, and nothing is changed without --repair.  A line\n"
  "is a file and what is wrong with it; \"note:\" is in front of what is not wrong.\n"
  "The exit status is 0 when nothing is wrong, 1 when something is, 2 when the store could\n"
  "not be looked at.\n"
  "\n"
  "  --repair            repair what can be without guessing; no image is ever removed\n"
  "  --quick             leave out qemu-img check, which reads the tables of every image\n"
  "  --allow DIR         disks and backing files may be below DIR too (may be repeated)\n"
  "  --hook PROGRAM      the program that works the storage of disks with the method exec\n",
  run
};
