#pragma once
#include "qemu.h"

/* A guest that stands still for as long as it takes to take its disks in place.
 *
 * It goes on whatever happens: a note beside the records (@records: the descriptor of their
 * directory) is there from before it is paused until it goes on, for the next daemon. */
typedef struct {
  gboolean ours; /* it stands still because of us */
  guint resumed; /* qmp_resumed at that time */
} Pause;

/* Pauses the guest of @machine, whose socket is @socket; a guest that does not run stays as it is.
 * On FALSE it runs, or pause_left_over is to be tried. */
gboolean pause_begin (Pause *pause, Qemu *machine, int records, const char *socket, GError **error);

/* Lets it go on.  FALSE: it did not stand still until now, or is not known to go on, for which the
 * note stays. */
gboolean pause_end (const Pause *pause, Qemu *machine, int records, GError **error);

/* Lets go on, once, whom the note says to have been paused, and removes that.  A guest whose
 * machine has ended, or is another one by now, is paused by nobody here.  TRUE: nothing is left to
 * do.  @found: its domain; NULL: that is gone. */
gboolean pause_left_over (const Places *places, int records, const LocalDomain *found,
                          GError **error);
