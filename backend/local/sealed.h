#pragma once
#include "../error.h"
#include <json-glib/json-glib.h>

/* Small JSON files that are either whole or known to be damaged: the first line holds the format's
 * version and the SHA-256 of the rest. */

/* Of the format.  What an older program would misread is written as a version that it takes for
 * damaged: then it changes nothing, and says so. */
#define SEALED_FIRST 1
#define SEALED_OF_DISK 2 /* a record that may be of one disk alone */

/* Writes @root to @name in the directory @fd, replacing what is there, and makes its bytes
 * durable (not its directory entry).  TEXT_TOO_BIG above 4 MiB. */
gboolean sealed_write (int fd, const char *name, JsonNode *root, GError **error);
gboolean sealed_write_as (int fd, const char *name, guint version, JsonNode *root, GError **error);

/* The object in @name; NOT_FOUND when there is no such file, DAMAGED when it is not what was
 * written or its sectors cannot be read, another code when it cannot be opened now. */
JsonObject *sealed_read (int fd, const char *name, GError **error);

/* Strings may hold any bytes: what JSON cannot carry is escaped as %XX.  NULL is not written. */
void sealed_set_string (JsonObject *object, const char *member, const char *value);
void sealed_add_string (JsonArray *array, const char *value);

/* A string member; NULL when it is absent, no string, or badly escaped.  Free with g_free. */
char *sealed_string (JsonObject *object, const char *member);
gint64 sealed_number (JsonObject *object, const char *member); /* else 0 */
gboolean sealed_flag (JsonObject *object, const char *member); /* else FALSE */
/* An array member's elements that are objects; NULL at the end or when it is absent. */
JsonObject *sealed_element (JsonObject *object, const char *member, guint index);
/* An array member's elements that are strings; NULL at the end or when it is absent.
 * Free with g_free. */
char *sealed_element_string (JsonObject *object, const char *member, guint index);
