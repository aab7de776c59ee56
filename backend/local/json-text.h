#pragma once
#include <json-glib/json-glib.h>

/* How many objects and arrays @text opens, and how deep they are nested: to be asked before a
 * parser that goes down by recursion gets what others wrote. */
void json_text_measure (const char *text, guint *opened, guint *deepest);

/* The object that @text is, which others wrote; NULL: it is no JSON, another value, not UTF-8, or
 * nested deeper than anything that is read here.  Unref it. */
JsonObject *json_text_object (const char *text);

/* NULL: it is not there, or no string.  Borrowed. */
const char *json_text_string (JsonObject *object, const char *member);
