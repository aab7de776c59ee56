#pragma once
#include <glib.h>

/* Reads @length bytes at @offset, or fewer when the file ends before.  -1 and errno on failure;
 * with @wait FALSE EAGAIN when the bytes are not in memory. */
gssize io_read (int fd, void *to, gsize length, guint64 offset, gboolean wait);
