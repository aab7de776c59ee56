#pragma once
#include <glib.h>

/* Everything open, so that what the kernel does not release when the mount
 * ends is released all the same.  Any thread. */
typedef struct Opened Opened;

/* Embedded first in each open file or directory. */
typedef struct OpenThing {
  Opened *opened;
  struct OpenThing *before, *after; /* protected by the lock of `opened` */
  void (*free) (struct OpenThing *thing);
} OpenThing;

Opened *opened_new (void);
/* Frees what is still open. */
void opened_free (Opened *opened);

void opened_add (Opened *opened, OpenThing *thing, void (*free) (OpenThing *thing));
/* Asks each until one answers TRUE, which is the result; @ask must not wait. */
gboolean opened_ask (Opened *opened, gboolean (*ask) (OpenThing *thing, gpointer data),
                     gpointer data);
/* Takes the thing out and frees it; @handle as fuse_file_info has it. */
void opened_release (guint64 handle);
