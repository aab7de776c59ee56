/* One qemu-img, from its start to its end.  How it is made is spawn.c's matter.
 *
 * Names that people gave never come here; who calls passes uuids and file names of the store. */
#include "child.h"
#include "fd.h"
#include "spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#define MAX_OUTPUT (16 * 1024 * 1024)
#define MAX_ERRORS 4096

/* Address space, not memory: qemu-img reserves 8 MiB of stack and up to 128 MiB of malloc arena for
 * each of its worker threads (`convert -m 16` needs just under 2 GiB), and caches for each layer of
 * a chain that it opens: 300 layers with clusters of 2 MiB need up to 8 GiB, so 1,000 up to 27.
 * `create -u`, the only create that is used here, opens no chain. */
#define MAX_SPACE_CREATE (G_GUINT64_CONSTANT (1) << 30)
#define MAX_SPACE_CHAIN (G_GUINT64_CONSTANT (32) << 30)

static const char *const PLACES[] = {
  "/usr/bin/qemu-img",
  "/usr/local/bin/qemu-img",
  "/bin/qemu-img",
  "/usr/libexec/qemu-img",
  "/opt/qemu/bin/qemu-img",
  "/usr/pkg/bin/qemu-img",
  "/run/current-system/sw/bin/qemu-img",
};

typedef struct {
  int fd;
  gsize limit;
  gboolean overflowed;
  GByteArray *bytes;
} Stream;

typedef enum { ENDED, TIMED_OUT, CANCELLED, TOO_MUCH_OUTPUT, LOST } End;

struct Child {
  pid_t process; /* 0: none, or waited for already */
  Stream output;
  Stream errors;
};

static void
close_fd (int *fd)
{
  fd_close_pointer (fd);
  *fd = -1;
}

/* ---- starting it ---- */

static const char *
find_program (void)
{
  const char *chosen = g_getenv ("VMSNAPFS_QEMU_IMG");
  if (chosen)
    return access (chosen, X_OK) == 0 ? chosen : NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (PLACES); i++)
    if (access (PLACES[i], X_OK) == 0)
      return PLACES[i];
  return NULL;
}

/* A pipe whose reading end never blocks. */
static gboolean
open_stream (Stream *stream, gsize limit, int *writing, GError **error)
{
  int ends[2];
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return fail_errno (error, "starting qemu-img");
  *stream = (Stream){ ends[0], limit, FALSE, g_byte_array_new () };
  *writing = ends[1];
  fcntl (ends[0], F_SETFL, O_NONBLOCK);
  return TRUE;
}

static void
stream_clear (Stream *stream)
{
  close_fd (&stream->fd);
  g_clear_pointer (&stream->bytes, g_byte_array_unref);
}

static gboolean
open_streams (Child *child, int streams[3], GError **error)
{
  streams[0] = open ("/dev/null", O_RDWR | O_CLOEXEC);
  if (streams[0] < 0)
    return fail_errno (error, "starting qemu-img");
  return open_stream (&child->output, MAX_OUTPUT, &streams[1], error) &&
         open_stream (&child->errors, MAX_ERRORS, &streams[2], error);
}

static char **
argument_vector (const char *const *arguments)
{
  guint count = g_strv_length ((char **)arguments);
  char **vector = g_new0 (char *, count + 2);
  vector[0] = (char *)"qemu-img";
  for (guint i = 0; i < count; i++)
    vector[i + 1] = (char *)arguments[i];
  return vector; /* the strings are borrowed */
}

static gboolean
start (Child *child, int directory, const char *const *arguments, GError **error)
{
  g_autofree char **vector = argument_vector (arguments);
  const char *program = find_program ();
  Spawn wanted = {
    .program = program,
    .arguments = vector,
    .directory = directory,
    .streams = { -1, -1, -1 },
    .space = g_strcmp0 (arguments[0], "create") == 0 ? MAX_SPACE_CREATE : MAX_SPACE_CHAIN,
  };
  if (!program)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "qemu-img is not installed: it is in the package qemu-utils (Debian, Ubuntu) or "
                 "qemu-img (Fedora, SUSE)");
  if (open_streams (child, wanted.streams, error))
    child->process = spawn (&wanted, error);
  for (int i = 0; i < 3; i++) /* ours of the child's ends: without them the streams end with it */
    close_fd (&wanted.streams[i]);
  return child->process > 0;
}

Child *
child_start (int directory, const char *const *arguments, GError **error)
{
  g_autoptr (Child) child = g_new0 (Child, 1);
  child->output.fd = child->errors.fd = -1;
  return start (child, directory, arguments, error) ? g_steal_pointer (&child) : NULL;
}

/* ---- waiting for its end ---- */

static void
wake (gpointer data)
{
  const guint64 one = 1;
  int fd = *(const int *)data;
  if (write (fd, &one, sizeof one) < 0)
    g_debug ("child: the counter is full"); /* then it is readable as well */
}

/* All that is there now. */
static void
stream_drain (Stream *stream)
{
  guint8 buffer[16384];
  while (stream->fd >= 0) {
    gssize got = read (stream->fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 && errno == EAGAIN)
      return;
    if (got <= 0) {
      close_fd (&stream->fd);
      return;
    }
    if ((gsize)got > stream->limit - stream->bytes->len)
      stream->overflowed = TRUE;
    g_byte_array_append (stream->bytes, buffer,
                         (guint)MIN ((gsize)got, stream->limit - stream->bytes->len));
  }
}

static int
milliseconds_until (gint64 moment)
{
  gint64 left = moment - g_get_monotonic_time ();
  return left <= 0 ? 0 : (int)MIN (left / 1000 + 1, G_MAXINT);
}

static End
await_end (int child, int cancel, guint deadline, Stream *output, Stream *errors)
{
  gint64 until = g_get_monotonic_time () + (gint64)deadline * G_USEC_PER_SEC;
  for (;;) {
    struct pollfd wanted[] = {
      { .fd = child, .events = POLLIN },
      { .fd = cancel, .events = POLLIN },
      { .fd = output->fd, .events = POLLIN },
      { .fd = errors->fd, .events = POLLIN },
    };
    int ready = poll (wanted, G_N_ELEMENTS (wanted), milliseconds_until (until));
    if (ready < 0 && errno != EINTR)
      return LOST;
    if (ready < 0)
      continue;
    stream_drain (output);
    stream_drain (errors);
    if (wanted[0].revents)
      return ENDED;
    if (wanted[1].revents)
      return CANCELLED;
    if (output->overflowed)
      return TOO_MUCH_OUTPUT;
    if (g_get_monotonic_time () >= until)
      return TIMED_OUT;
  }
}

/* Kills it unless it ended by itself; the status as of waitpid. */
static int
reap (Child *child, End end)
{
  int status = 0;
  if (end != ENDED)
    kill (child->process, SIGKILL); /* it was not waited for, so the number is still its own */
  while (waitpid (child->process, &status, 0) < 0 && errno == EINTR)
    ;
  child->process = 0;
  return status;
}

/* ---- what came of it ---- */

/* The first line that it said, without its name; NULL: nothing. */
static char *
first_line (const char *said)
{
  g_autofree char *line = g_strndup (said, strcspn (said, "\n"));
  const char *text = g_str_has_prefix (line, "qemu-img: ") ? line + strlen ("qemu-img: ") : line;
  return *text ? g_utf8_make_valid (text, -1) : NULL;
}

static BackendError
error_code (const char *said)
{
  if (strstr (said, "No space left") || strstr (said, "Disk quota exceeded"))
    return BACKEND_ERROR_NO_SPACE;
  if (strstr (said, "Is another process using the image") ||
      (strstr (said, "Failed to get") && strstr (said, "lock")))
    return BACKEND_ERROR_BUSY;
  return BACKEND_ERROR_FAILED;
}

static gboolean
judge (End end, int status, guint deadline, GByteArray *errors, GError **error)
{
  g_autofree char *said =
      g_strndup (errors->len > 0 ? (const char *)errors->data : "", errors->len);
  g_autofree char *line = first_line (said);
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return TRUE;
  if (end == CANCELLED)
    return fail (error, BACKEND_ERROR_CANCELLED, "cancelled");
  if (end == TIMED_OUT)
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img did not end within %u seconds", deadline);
  if (end == TOO_MUCH_OUTPUT)
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img wrote more than %d bytes", MAX_OUTPUT);
  if (WIFSIGNALED (status))
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img was killed by signal %d (%s)",
                 WTERMSIG (status), strsignal (WTERMSIG (status)));
  if (!line)
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img ended with status %d",
                 WEXITSTATUS (status));
  return fail (error, error_code (said), "%s", line);
}

static End
await_end_or_cancel (Child *child, Job *job, guint deadline)
{
  autofd handle = pidfd_open (child->process, 0);
  autofd cancel = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (handle < 0 || cancel < 0)
    return LOST;
  if (job)
    job_on_cancel (job, wake, &cancel);
  End end = await_end (handle, cancel, deadline, &child->output, &child->errors);
  if (job)
    job_on_cancel (job, NULL, NULL);
  return end;
}

/* *@status as of waitpid; what it said is in the child's streams. */
static End
await_status (Child *child, Job *job, guint deadline, int *status)
{
  End end = await_end_or_cancel (child, job, deadline);
  *status = reap (child, end);
  stream_drain (&child->output);
  stream_drain (&child->errors);
  return end == ENDED && child->output.overflowed ? TOO_MUCH_OUTPUT : end;
}

gboolean
child_finish (Child *child, Job *job, guint deadline, char **output, GError **error)
{
  int status;
  End end = await_status (child, job, deadline, &status);
  if (!judge (end, status, deadline, child->errors.bytes, error))
    return FALSE;
  const GByteArray *bytes = child->output.bytes;
  if (output)
    *output = g_strndup (bytes->len > 0 ? (const char *)bytes->data : "", bytes->len);
  return TRUE;
}

gboolean
child_qemu_img_status (int directory, const char *const *arguments, Job *job, guint deadline,
                       int *status, GError **error)
{
  g_autoptr (Child) child = child_start (directory, arguments, error);
  int ended;
  if (!child)
    return FALSE;
  End end = await_status (child, job, deadline, &ended);
  *status = WEXITSTATUS (ended);
  return (end == ENDED && WIFEXITED (ended)) ||
         judge (end, ended, deadline, child->errors.bytes, error);
}

void
child_free (Child *child)
{
  if (child->process > 0)
    reap (child, LOST);
  stream_clear (&child->output);
  stream_clear (&child->errors);
  g_free (child);
}

gboolean
child_qemu_img (int directory, const char *const *arguments, Job *job, guint deadline,
                char **output, GError **error)
{
  g_autoptr (Child) child = child_start (directory, arguments, error);
  return child && child_finish (child, job, deadline, output, error);
}
