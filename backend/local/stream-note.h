#pragma once
#include "places.h"

/* The durable note that a running machine may be folding an image into a disk, beside the domain's
 * records (@records: the descriptor of their directory): written before QEMU is asked to, removed
 * when its job has come to its real end.  Nothing depends on it but that somebody looks: at what
 * QEMU goes on with by itself, or at the disk, where QEMU has ended in the middle. */

/* Durable when it returns TRUE; on FALSE it may be there all the same.  @disk: absolute. */
gboolean stream_note_write (int records, const Places *places, const char *disk, GError **error);

/* Also when that cannot be found out. */
gboolean stream_note_exists (int records);

/* The disk, absolute; NULL: there is no note, or it cannot be read.  Free with g_free. */
char *stream_note_read (int records, const Places *places);

gboolean stream_note_remove (int records, GError **error);

/* The machine is off: frees the clusters that QEMU may have taken in the disk and not used, and
 * removes the note.  BUSY when the disk is in use again. */
gboolean stream_note_repair (int records, const Places *places, GError **error);
