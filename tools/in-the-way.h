#pragma once
#include <glib.h>

/* Who keeps the mount at @path busy, in words: "bash (1234), whose working directory is in it";
 * NULL: nobody that may be looked at.  Free with g_free. */
char *in_the_way (const char *path);
