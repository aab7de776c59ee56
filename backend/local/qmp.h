#pragma once
#include "../error.h"
#include <json-glib/json-glib.h>
#include <sys/types.h>

/* One conversation with a QEMU over its QMP socket: a command, its answer, and the next.  What
 * comes from there is not trusted: every answer has a deadline, a greatest length and a greatest
 * depth, and members of another type than expected are absent.
 *
 * Belongs to one thread at a time.  QEMU serves one client of a socket, the others wait. */
typedef struct Qmp Qmp;

/* Connects to the socket that @socket is (a descriptor of it, opened with O_PATH; borrowed), hears
 * the greeting and takes up the conversation.  UNREACHABLE when there is no QEMU that answers
 * within @deadline milliseconds. */
Qmp *qmp_connect (int socket, guint deadline, GError **error);
void qmp_free (Qmp *qmp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Qmp, qmp_free)

/* What the command returned, to be unreffed; events in between are passed over.
 *
 * @arguments: taken; NULL: none.  @deadline: milliseconds.
 * FAILED: QEMU refused, with its own sentence, and nothing has happened.  UNREACHABLE: there was no
 * answer, so it may have happened or not; from then on every command is UNREACHABLE. */
JsonNode *qmp_execute (Qmp *qmp, const char *command, JsonObject *arguments, guint deadline,
                       GError **error);

/* The same for a command whose result says nothing. */
gboolean qmp_do (Qmp *qmp, const char *command, JsonObject *arguments, guint deadline,
                 GError **error);

pid_t qmp_peer (const Qmp *qmp); /* 0: not known */

/* How often the guest has gone on since the connection was made, whoever let it, as of the last
 * answer: QEMU says it before that. */
guint qmp_resumed (const Qmp *qmp);

gboolean qmp_is_at_least (const Qmp *qmp, int major, int minor); /* QEMU's version */

/* Members of what was answered; NULL, FALSE, 0 when absent or of another type.  Borrowed. */
const char *qmp_string (JsonObject *object, const char *member);
gboolean qmp_flag (JsonObject *object, const char *member);
gint64 qmp_number (JsonObject *object, const char *member);
JsonObject *qmp_object (JsonObject *object, const char *member);
/* The objects of an array; NULL at its end, and for what is none. */
JsonObject *qmp_element (JsonNode *array, guint index);
