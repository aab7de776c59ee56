#pragma once
#include "../error.h"
#include <json-glib/json-glib.h>

/* Notes beside a domain's records (@records: the descriptor of their directory) of what a next
 * daemon has to look at: written before that begins, removed when it has come to its end.  @doing
 * begins the sentence of a failure. */

/* @object in a sealed file (sealed.h) @name, by a name that says nothing until it is whole.
 * Durable when it returns TRUE; on FALSE it may be there all the same. */
gboolean note_write (int records, const char *name, JsonObject *object, const char *doing,
                     GError **error);

/* Also when that cannot be found out. */
gboolean note_exists (int records, const char *name);

/* Durable; one that is not there is removed. */
gboolean note_remove (int records, const char *name, const char *doing, GError **error);
