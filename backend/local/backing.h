#pragma once
#include "../error.h"
#include <sys/stat.h>

/* What a file says of its backing file, by its magic and not by its name. */
typedef struct {
  gboolean image; /* it has qcow2's magic */
  char *name;     /* as the image spells it; NULL: none */
} Backing;

/* What was read of the file before; FALSE: nothing, or it has changed since. */
gboolean backing_recall (const struct stat *status, Backing *backing);

/* Whether it changed so long ago that a change of it from now on shows in its times. */
gboolean backing_is_settled (const struct stat *status);

/* Reads it from @fd (a regular file, borrowed) and remembers it.  DAMAGED when it has the magic and
 * cannot be parsed; the message ends the sentence "NAME: …". */
gboolean backing_read (int fd, Backing *backing, GError **error);
