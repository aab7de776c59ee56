#pragma once
#include "disk-reader.h"

/* Which snapshots are being read.  Whoever is about to remove one asks here first; that is the
 * whole rule, and backend.c alone applies it.  Any thread. */
typedef struct Pin Pin;

/* @owner: the backend, as domains of two backends may have one name. */
Pin *pin_new (gconstpointer owner, const char *domain, const char *snapshot, const char *target);
void pin_free (Pin *pin); /* NULL is no pin */

/* A reader of what @reader reads, which closes that and frees @pin when it is closed; takes both.
 */
DiskReader *pin_reader (Pin *pin, DiskReader *reader);

/* FALSE with BUSY while there is a pin on the snapshot. */
gboolean pins_allow (gconstpointer owner, const char *domain, const char *snapshot, GError **error);
