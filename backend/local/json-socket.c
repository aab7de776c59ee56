/* Lines of JSON over a unix socket.  What is in the lines is the callers' matter.
 *
 * The socket never blocks; only poll waits, and never past a deadline.  What has been received is
 * kept in one buffer of the longest line that is allowed, so nothing that is sent makes it grow. */
#include "json-socket.h"
#include "fd.h"
#include "json-text.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define RETRY 10000 /* microseconds: how often it is tried again when others wait to connect */

struct JsonSocket {
  char *path; /* for the sentences */
  int fd;
  gsize longest;
  gsize length; /* bytes in the buffer */
  char *buffer; /* of longest + 1 bytes */
};

/* -------------------------------------------------------------------- connecting */

static gboolean
fail_in_time (const char *path, GError **error)
{
  return fail (error, BACKEND_ERROR_UNREACHABLE, "%s: no answer in time", path);
}

static gboolean
fail_unreachable (const char *path, GError **error)
{
  return fail (error, BACKEND_ERROR_UNREACHABLE, "%s: %s", path, g_strerror (errno));
}

/* The file itself, so that what was looked at is what is connected to, however long its path. */
static int
open_file (const char *path, GError **error)
{
  struct stat status;
  autofd file = open (path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0 && (errno == ENOENT || errno == ENOTDIR))
    fail (error, BACKEND_ERROR_NOT_FOUND, "there is no %s", path);
  else if (file < 0 || fstat (file, &status) < 0)
    fail_unreachable (path, error);
  else if (!S_ISSOCK (status.st_mode))
    fail (error, BACKEND_ERROR_UNREACHABLE, "%s is no socket", path);
  else
    return fd_steal (&file);
  return -1;
}

static gboolean
connect_to (int fd, int file, const char *path, gint64 deadline, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", file);
  while (connect (fd, (const struct sockaddr *)&address, sizeof address) < 0) {
    if (errno == ECONNREFUSED)
      return fail (error, BACKEND_ERROR_NOT_FOUND, "nobody listens on %s", path);
    if (errno != EAGAIN && errno != EINTR)
      return fail_unreachable (path, error);
    if (g_get_monotonic_time () >= deadline)
      return fail_in_time (path, error);
    g_usleep (RETRY); /* a unix socket cannot be polled for room in its queue */
  }
  return TRUE;
}

JsonSocket *
json_socket_connect (const char *path, gsize longest, gint64 deadline, GError **error)
{
  autofd file = open_file (path, error);
  if (file < 0)
    return NULL;
  autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    fail_errno (error, "%s", path);
    return NULL;
  }
  if (!connect_to (fd, file, path, deadline, error))
    return NULL;
  JsonSocket *made = g_new0 (JsonSocket, 1);
  made->path = g_strdup (path);
  made->fd = fd_steal (&fd);
  made->longest = longest;
  made->buffer = g_malloc (longest + 1);
  return made;
}

void
json_socket_close (JsonSocket *socket)
{
  fd_close_pointer (&socket->fd);
  g_free (socket->path);
  g_free (socket->buffer);
  g_free (socket);
}

/* -------------------------------------------------------------------- waiting */

static gboolean
wait_for (const JsonSocket *socket, short events, gint64 deadline, GError **error)
{
  for (;;) {
    struct pollfd polled = { .fd = socket->fd, .events = events };
    gint64 left = deadline - g_get_monotonic_time ();
    if (left <= 0)
      return fail_in_time (socket->path, error);
    int ready = poll (&polled, 1, (int)MIN (left / 1000 + 1, G_MAXINT));
    if (ready > 0)
      return TRUE;
    if (ready < 0 && errno != EINTR)
      return fail_unreachable (socket->path, error);
  }
}

static gboolean
send_bytes (JsonSocket *socket, const char *bytes, gsize length, gint64 deadline, GError **error)
{
  while (length > 0) {
    if (!wait_for (socket, POLLOUT, deadline, error))
      return FALSE;
    ssize_t count = send (socket->fd, bytes, length, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
      return fail_unreachable (socket->path, error);
    if (count > 0) {
      bytes += count;
      length -= (gsize)count;
    }
  }
  return TRUE;
}

/* More of what is sent, into the free rest of the buffer, which there is. */
static gboolean
receive_more (JsonSocket *socket, gint64 deadline, GError **error)
{
  for (;;) {
    if (!wait_for (socket, POLLIN, deadline, error))
      return FALSE;
    ssize_t count =
        recv (socket->fd, socket->buffer + socket->length, socket->longest - socket->length, 0);
    if (count == 0)
      return fail (error, BACKEND_ERROR_UNREACHABLE, "%s: the other side has hung up",
                   socket->path);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
      return fail_unreachable (socket->path, error);
    if (count < 0)
      continue;
    socket->length += (gsize)count;
    return TRUE;
  }
}

/* -------------------------------------------------------------------- objects */

gboolean
json_socket_send (JsonSocket *socket, JsonObject *object, gint64 deadline, GError **error)
{
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (root, FALSE);
  g_autofree char *line = g_strconcat (text, "\n", NULL);
  return send_bytes (socket, line, strlen (line), deadline, error);
}

gboolean
json_socket_send_byte (JsonSocket *socket, guchar byte, gint64 deadline, GError **error)
{
  const char bytes[] = { (char)byte };
  return send_bytes (socket, bytes, sizeof bytes, deadline, error);
}

static void
forget_bytes (JsonSocket *socket, gsize count)
{
  socket->length -= count;
  memmove (socket->buffer, socket->buffer + count, socket->length);
}

/* A NUL would hide what is behind it. */
static JsonObject *
take_line (JsonSocket *socket, gsize length, GError **error)
{
  JsonObject *object = NULL;
  socket->buffer[length] = '\0';
  if (strlen (socket->buffer) == length)
    object = json_text_object (socket->buffer);
  forget_bytes (socket, length + 1);
  if (!object)
    fail (error, BACKEND_ERROR_DAMAGED, "%s: what it answers is no object of JSON", socket->path);
  return object;
}

JsonObject *
json_socket_receive (JsonSocket *socket, gint64 deadline, GError **error)
{
  for (gsize seen = 0;;) {
    const char *end = memchr (socket->buffer + seen, '\n', socket->length - seen);
    if (end)
      return take_line (socket, (gsize)(end - socket->buffer), error);
    seen = socket->length;
    if (seen == socket->longest) {
      fail (error, BACKEND_ERROR_TOO_BIG, "%s: the answer has no end", socket->path);
      return NULL;
    }
    if (!receive_more (socket, deadline, error))
      return NULL;
  }
}

gboolean
json_socket_skip_past (JsonSocket *socket, guchar byte, gint64 deadline, GError **error)
{
  for (;;) {
    const char *found = memchr (socket->buffer, byte, socket->length);
    if (found) {
      forget_bytes (socket, (gsize)(found - socket->buffer) + 1);
      return TRUE;
    }
    socket->length = 0;
    if (!receive_more (socket, deadline, error))
      return FALSE;
  }
}
