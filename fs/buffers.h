#pragma once
#include <glib.h>

/* Buffers of one size that are used again and again, so that nobody asks the system for a mebibyte
 * for every read.  Any thread. */
typedef struct Buffers Buffers;

/* Of @size bytes each. */
Buffers *buffers_new (gsize size);
/* When all are given back. */
void buffers_free (Buffers *buffers);

/* What was in it last; page-aligned. */
char *buffers_take (Buffers *buffers);
void buffers_give (Buffers *buffers, char *buffer);
