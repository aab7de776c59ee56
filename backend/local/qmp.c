/* QEMU's machine protocol: one JSON object a line in both directions (docs/interop/qmp-spec).
 *
 * It reads and writes by itself, with a deadline for each step and no thread: whoever asks waits.
 */
#include "qmp.h"
#include "fd.h"
#include "json-text.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A chain of 390 layers, each of which is described with all that are behind it, has about 25 MiB.
 */
#define LONGEST (64 * 1024 * 1024)
#define DEEPEST 2048
#define PIECE 65536
#define RETRY 10000 /* microseconds: how often it is tried again when others wait to connect */

struct Qmp {
  int fd;
  gboolean lost; /* no answer can be told from the next any more */
  pid_t peer;
  int major, minor;
  guint resumed;     /* so often it has said that the guest goes on */
  GByteArray *bytes; /* what came and is not a whole line yet */
  gsize searched;    /* so many of them hold no end of a line */
};

static gboolean
lose (Qmp *qmp, GError **error, const char *why)
{
  qmp->lost = TRUE;
  return fail (error, BACKEND_ERROR_UNREACHABLE, "the machine's QMP socket %s", why);
}

/* ---- members ---- */

const char *
qmp_string (JsonObject *object, const char *member)
{
  return json_text_string (object, member);
}

gboolean
qmp_flag (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  return node && JSON_NODE_HOLDS_VALUE (node) &&
         json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node);
}

JsonObject *
qmp_object (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonObject *
qmp_element (JsonNode *array, guint index)
{
  if (!JSON_NODE_HOLDS_ARRAY (array) ||
      index >= json_array_get_length (json_node_get_array (array)))
    return NULL;
  JsonNode *node = json_array_get_element (json_node_get_array (array), index);
  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

gint64
qmp_number (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_int (node) : 0;
}

/* ---- lines ---- */

static gboolean
wait_until (Qmp *qmp, short events, gint64 end, GError **error)
{
  struct pollfd wanted = { .fd = qmp->fd, .events = events };
  for (;;) {
    gint64 left = end - g_get_monotonic_time ();
    if (left <= 0)
      return lose (qmp, error, "does not answer in time");
    int ready = poll (&wanted, 1, (int)MIN (left / 1000 + 1, G_MAXINT));
    if (ready > 0)
      return TRUE;
    if (ready < 0 && errno != EINTR)
      return lose (qmp, error, "cannot be waited for");
  }
}

static gboolean
send_all (Qmp *qmp, const char *text, gint64 end, GError **error)
{
  gsize left = strlen (text);
  while (left > 0) {
    ssize_t count = send (qmp->fd, text, left, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
      return lose (qmp, error, "was closed by the machine");
    if (count < 0 && !wait_until (qmp, POLLOUT, end, error))
      return FALSE;
    text += MAX (count, 0);
    left -= (gsize)MAX (count, 0);
  }
  return TRUE;
}

static gboolean
receive (Qmp *qmp, gint64 end, GError **error)
{
  guint8 piece[PIECE];
  for (;;) {
    ssize_t count = recv (qmp->fd, piece, sizeof piece, 0);
    if (count > 0) {
      g_byte_array_append (qmp->bytes, piece, (guint)count);
      return TRUE;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
      return lose (qmp, error, "was closed by the machine");
    if (!wait_until (qmp, POLLIN, end, error))
      return FALSE;
  }
}

/* The next line, without its end; NULL on error.  Free with g_free. */
static char *
read_line (Qmp *qmp, gint64 end, GError **error)
{
  for (;;) {
    const guint8 *from = qmp->bytes->data + qmp->searched;
    const guint8 *found = qmp->bytes->len > qmp->searched
                              ? memchr (from, '\n', qmp->bytes->len - qmp->searched)
                              : NULL;
    if (found) {
      gsize length = (gsize)(found - qmp->bytes->data);
      char *line = g_strndup ((const char *)qmp->bytes->data, length);
      g_byte_array_remove_range (qmp->bytes, 0, (guint)length + 1);
      qmp->searched = 0;
      return line;
    }
    qmp->searched = qmp->bytes->len;
    if (qmp->bytes->len > LONGEST) {
      lose (qmp, error, "answers without an end");
      return NULL;
    }
    if (!receive (qmp, end, error))
      return NULL;
  }
}

static gboolean
is_too_deep (const char *line)
{
  guint opened, deepest;
  json_text_measure (line, &opened, &deepest);
  return deepest > DEEPEST;
}

/* The next object; NULL on error.  Unref it. */
static JsonObject *
read_object (Qmp *qmp, gint64 end, GError **error)
{
  g_autofree char *line = read_line (qmp, end, error);
  if (!line)
    return NULL;
  g_autoptr (JsonNode) node = g_utf8_validate (line, -1, NULL) && !is_too_deep (line)
                                  ? json_from_string (line, NULL)
                                  : NULL;
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    return json_node_dup_object (node);
  lose (qmp, error, "says what is not QMP");
  return NULL;
}

/* ---- commands ---- */

static char *
command_text (const char *command, JsonObject *arguments)
{
  g_autoptr (JsonObject) object = json_object_new ();
  json_object_set_string_member (object, "execute", command);
  if (arguments)
    json_object_set_object_member (object, "arguments", arguments);
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (node, FALSE);
  return g_strconcat (text, "\n", NULL);
}

/* QEMU's sentence may hold whatever a file is called. */
static gboolean
refused (JsonObject *wrong, const char *command, GError **error)
{
  const char *sentence = qmp_string (wrong, "desc");
  g_autofree char *line = g_strdup (sentence ? sentence : "no reason given");
  g_strdelimit (line, "\n\r", ' ');
  return fail (error, BACKEND_ERROR_FAILED, "QEMU refuses %s: %.300s", command, line);
}

static void
note_event (Qmp *qmp, const char *event)
{
  qmp->resumed += g_strcmp0 (event, "RESUME") == 0;
}

JsonNode *
qmp_execute (Qmp *qmp, const char *command, JsonObject *arguments, guint deadline, GError **error)
{
  gint64 end = g_get_monotonic_time () + (gint64)deadline * 1000;
  g_autofree char *text = command_text (command, arguments);
  if (qmp->lost) {
    lose (qmp, error, "has not answered before");
    return NULL;
  }
  if (!send_all (qmp, text, end, error))
    return NULL;
  for (;;) {
    g_autoptr (JsonObject) answer = read_object (qmp, end, error);
    if (!answer)
      return NULL;
    JsonNode *result = json_object_get_member (answer, "return");
    JsonObject *wrong = qmp_object (answer, "error");
    if (result)
      return json_node_copy (result);
    if (wrong) {
      refused (wrong, command, error);
      return NULL;
    }
    if (!json_object_has_member (answer, "event")) {
      lose (qmp, error, "says what is not QMP");
      return NULL;
    }
    note_event (qmp, qmp_string (answer, "event"));
  }
}

gboolean
qmp_do (Qmp *qmp, const char *command, JsonObject *arguments, guint deadline, GError **error)
{
  g_autoptr (JsonNode) result = qmp_execute (qmp, command, arguments, deadline, error);
  return result != NULL;
}

/* ---- beginning ---- */

/* By its descriptor: no link is followed, and no path is too long.  QEMU's queue is of two or so,
 * and whoever gave up stands in it until QEMU has seen him off. */
static gboolean
open_socket (Qmp *qmp, int named, gint64 end, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", named);
  qmp->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (qmp->fd < 0)
    return fail_errno (error, "asking the machine");
  while (connect (qmp->fd, (const struct sockaddr *)&address, sizeof address) < 0) {
    gboolean queue = errno == EAGAIN || errno == EINTR;
    if (!queue || g_get_monotonic_time () >= end)
      return lose (qmp, error, queue ? "is in use by others" : "has nobody behind it");
    g_usleep (RETRY); /* a unix socket cannot be polled for room in its queue */
  }
  return TRUE;
}

static void
note_peer (Qmp *qmp)
{
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt (qmp->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
    qmp->peer = peer.pid;
}

static gboolean
hear_greeting (Qmp *qmp, gint64 end, GError **error)
{
  g_autoptr (JsonObject) object = read_object (qmp, end, error);
  JsonObject *greeting = object ? qmp_object (object, "QMP") : NULL;
  JsonObject *version = greeting ? qmp_object (greeting, "version") : NULL;
  JsonObject *qemu = version ? qmp_object (version, "qemu") : NULL;
  if (!qemu)
    return object ? lose (qmp, error, "says what is not QMP") : FALSE;
  qmp->major = (int)qmp_number (qemu, "major");
  qmp->minor = (int)qmp_number (qemu, "minor");
  return TRUE;
}

Qmp *
qmp_connect (int named, guint deadline, GError **error)
{
  g_autoptr (Qmp) qmp = g_new0 (Qmp, 1);
  gint64 end = g_get_monotonic_time () + (gint64)deadline * 1000;
  qmp->fd = -1;
  qmp->bytes = g_byte_array_new ();
  if (!open_socket (qmp, named, end, error))
    return NULL;
  note_peer (qmp);
  if (!hear_greeting (qmp, end, error) || !qmp_do (qmp, "qmp_capabilities", NULL, deadline, error))
    return NULL;
  return g_steal_pointer (&qmp);
}

void
qmp_free (Qmp *qmp)
{
  fd_close_pointer (&qmp->fd);
  g_byte_array_unref (qmp->bytes);
  g_free (qmp);
}

pid_t
qmp_peer (const Qmp *qmp)
{
  return qmp->peer;
}

gboolean
qmp_is_at_least (const Qmp *qmp, int major, int minor)
{
  return qmp->major > major || (qmp->major == major && qmp->minor >= minor);
}

guint
qmp_resumed (const Qmp *qmp)
{
  return qmp->resumed;
}
