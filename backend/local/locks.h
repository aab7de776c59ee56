#pragma once
#include "../error.h"

/* QEMU's own locks on an image, taken by bytes (block/file-posix.c): byte 100+P is locked by who
 * uses permission P, byte 200+P by who forbids it to others; P is 1 for writing, 3 for resizing. */

/* TRUE: a writer has the image open.  @fd: open for reading. */
gboolean locks_writer_lives (int fd);

/* TRUE: a QEMU has the image open, at least as a backing file. */
gboolean locks_qemu_reads (int fd);

/* Keeps every QEMU and every writing qemu-img from the image until @fd is closed.
 * BUSY when one has it already; @name is for the sentence. */
gboolean locks_exclude_writers (int fd, const char *name, GError **error);

/* TRUE: somebody uses the image or keeps others from it. */
gboolean locks_is_in_use (int fd);
