#pragma once
#include "../error.h"

/* The names in the directory @fd (borrowed) in order, but for "." and ".."; of char *, which the
 * array frees.  @what is for the sentence. */
GPtrArray *listing_of (int fd, const char *what, GError **error);
