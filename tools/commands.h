#pragma once
#include <glib.h>

/* The verbs of vmsnap: a constant each, in the file that does the work; vmsnap.c lists them. */

#define STATUS_USAGE 2 /* exit status of a wrong command line */

typedef struct {
  const char *name;
  const char *summary; /* a line of `vmsnap --help` */
  const char *help;    /* what `vmsnap NAME --help` prints */
  /* argv[0] is the verb; --help never gets here.  Returns the exit status.  An error that is set
   * is printed by the caller; a command that reports several prints them itself. */
  int (*run) (int argc, char **argv, GError **error);
} Command;

extern const Command cat_command;
extern const Command check_command;
extern const Command export_command;
extern const Command import_command;
extern const Command map_command;
extern const Command tree_command;
extern const Command umount_command;

/* Returns STATUS_USAGE. */
int command_misused (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The sentence on standard error, without what would do something to a terminal. */
void command_complain (const GError *error);
