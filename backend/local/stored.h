#pragma once
#include "places.h"

#define STORED_LAYERS 1024 /* so long chains are looked at */

/* At most so many bytes are stored for the disk in the image @path (absolute): what the file
 * systems have for it and for everything behind it, which is nothing where it is @raw.  What cannot
 * be looked at counts as nothing. */
guint64 stored_bytes (const Places *places, const char *path, gboolean raw);

/* The path of what the qcow2 image @path (absolute) is read through; NULL: nothing, or that is not
 * known.  Free with g_free. */
char *stored_behind (const Places *places, const char *path);
