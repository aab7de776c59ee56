#pragma once
#include "../error.h"
#include <json-glib/json-glib.h>

/* Objects of JSON, a line each, to and from somebody who may be hostile: a guest's agent, QEMU.
 *
 * Every call has a deadline, in microseconds of g_get_monotonic_time.  After a failure (but
 * DAMAGED) the socket is of no use any more: an answer that comes late would be taken for the next
 * one. One thread at a time.  The errors:
 *
 *   NOT_FOUND     there is no socket of that name, or nobody listens on it
 *   UNREACHABLE   no answer in time, the other side has hung up, or anything else of the kind
 *   TOO_BIG       the line has no end
 *   DAMAGED       the line is no object; the next one may be */
typedef struct JsonSocket JsonSocket;

/* @path: absolute; its last part is no symbolic link.  @longest: bytes of a line. */
JsonSocket *json_socket_connect (const char *path, gsize longest, gint64 deadline, GError **error);
void json_socket_close (JsonSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (JsonSocket, json_socket_close)

gboolean json_socket_send (JsonSocket *socket, JsonObject *object, gint64 deadline, GError **error);
/* One byte that belongs to no object. */
gboolean json_socket_send_byte (JsonSocket *socket, guchar byte, gint64 deadline, GError **error);

/* The next object; unref it. */
JsonObject *json_socket_receive (JsonSocket *socket, gint64 deadline, GError **error);
/* Throws away everything up to the next @byte, and that as well. */
gboolean json_socket_skip_past (JsonSocket *socket, guchar byte, gint64 deadline, GError **error);
