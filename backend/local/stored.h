#pragma once
#include "places.h"

/* At most so many bytes are stored for the disk in the image @path (absolute): what the file
 * systems have for it and for everything behind it, which is nothing where it is @raw.  What cannot
 * be looked at counts as nothing. */
guint64 stored_bytes (const Places *places, const char *path, gboolean raw);
