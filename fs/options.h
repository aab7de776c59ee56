#pragma once
#include <glib.h>
#include <sys/types.h>

/* The command line, read and checked. */
typedef struct {
  char *source;
  char *mountpoint;
  gboolean foreground;
  gboolean debug;
  gboolean single; /* -s: no worker threads */
  gboolean help;
  gboolean version;
  gboolean rows; /* --rows: print the table, for the check of the manual */
  gboolean read_only;
  gboolean cache;     /* disk files go through the page cache */
  char *hook;         /* program for storage that is not ours; NULL: none */
  guint hook_seconds; /* that one run of it may take; 0: as usual */
  guint poll;         /* seconds between looks for changes that nobody tells of; 0: none */
  gboolean discard;   /* FALSE: rmdir and control/discard are not offered */
  uid_t uid;
  gid_t gid;
  mode_t umask;
  GPtrArray *domains; /* of char *: globs; empty: every domain */
  GPtrArray *allow;   /* of char *, ended by NULL: further directories for disks */
  GString *kernel;    /* options for the mount itself, separated by commas */
} Options;

/* INVALID with a sentence for an option that is unknown or malformed. */
Options *options_parse (int argc, char **argv, GError **error);
void options_free (Options *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Options, options_free)

extern const char options_help[];
