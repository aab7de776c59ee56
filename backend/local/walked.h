#pragma once
#include <glib.h>
#include <sys/stat.h>

/* What fstatat said of frozen images, so that who only freezes or replaces a disk need not ask
 * thousands of them again.
 *
 * Nobody writes to a frozen image, and whoever replaces one leaves another inode under its name. So
 * one that has no write bits is taken to be as it was when it was asked, as long as the directory
 * lists the same inode for it: what somebody changed in its place, after giving himself the right
 * to, is not seen.  Who removes a file asks all of them.  Everything of one process; any thread. */

/* @status: of the directory and of the file; @number: as readdir gives it.  Remembers nothing of a
 * file that is no frozen image, or changed a moment ago, nor what was known of it; and nothing
 * where that number is not the file's, for then it tells no file from another. */
void walked_remember (const struct stat *directory, const char *name, guint64 number,
                      const struct stat *status);

/* FALSE: it must be asked. */
gboolean walked_recall (const struct stat *directory, const char *name, guint64 number,
                        struct stat *status);

/* What @name in @directory (a descriptor) reads is about to change. */
void walked_forget (int directory, const char *name);
