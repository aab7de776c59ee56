#pragma once
#include <glib.h>

/* The UUIDv5 of @name, for what has no uuid of its own.  Free with g_free. */
char *uuid_of_name (const char *name);

/* The usual form of the 16 @bytes of a uuid.  Free with g_free. */
char *uuid_text (const guint8 *bytes);
