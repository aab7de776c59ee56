#pragma once
#include <json-glib/json-glib.h>

/* The object that @text is, which others wrote; NULL: it is no JSON, another value, not UTF-8, or
 * nested deeper than anything that is read here.  Unref it. */
JsonObject *json_text_object (const char *text);
