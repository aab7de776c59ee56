#pragma once
#include "process.h"

/* The commands of storage that comes with the system (LVM, ZFS): which program that is, and one run
 * of it. */

/* Directories that they are looked for in, ended by NULL, and the seconds that an answer is waited
 * for.  Nobody but a test changes them. */
extern const char *const *tool_directories;
extern guint tool_patience;

/* The absolute path of @name; NULL with UNSUPPORTED: it is not installed.  Free with g_free. */
char *tool_find (const char *name, GError **error);

/* Asks: what @arguments (without the program's name; ended by NULL) write to standard output.  It
 * is killed after a while, and when @job (NULL: none) is cancelled.  NULL on error.  Free with
 * g_free. */
char *tool_ask (const char *name, const char *const *arguments, Job *job, GError **error);

/* Has it change something.  It is not killed, neither by us nor with us: a volume may be suspended
 * meanwhile, and whoever writes to it would wait for ever.  @lock: is its standard input, and so is
 * held for as long as it lives; borrowed; -1: nothing.  Where it fails, what it has done is for
 * others to see. */
gboolean tool_do (const char *name, const char *const *arguments, int lock, GError **error);
