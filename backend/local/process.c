/* One program, from its start to its end.  How it is made is spawn.c's matter.
 *
 * Its input is a file in memory, so that nobody has to be there to feed it, and a program that does
 * not read it does no harm. */
#include "process.h"
#include "fd.h"
#include "spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

typedef struct {
  int fd;
  gsize limit;
  gboolean overflowed;
  GByteArray *bytes;
} Stream;

struct Process {
  pid_t pid; /* 0: none, waited for already, or left alone */
  Stream output;
  Stream errors;
  gboolean survives;
  int said; /* what one that survives writes its errors to: a pipe would break with us; -1 */
};

/* ---- starting it ---- */

static gboolean
cannot_start (const ProcessWanted *wanted, GError **error)
{
  g_autofree char *name = g_path_get_basename (wanted->program);
  return fail_errno (error, "starting %s", name);
}

/* A pipe whose reading end never blocks. */
static gboolean
open_stream (Stream *stream, gsize limit, int *writing)
{
  int ends[2];
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return FALSE;
  *stream = (Stream){ ends[0], limit, FALSE, g_byte_array_new () };
  *writing = ends[1];
  fcntl (ends[0], F_SETFL, O_NONBLOCK);
  return TRUE;
}

static void
stream_clear (Stream *stream)
{
  fd_close_pointer (&stream->fd);
  g_clear_pointer (&stream->bytes, g_byte_array_unref);
}

static int
open_input (const char *input)
{
  if (!input)
    return open ("/dev/null", O_RDWR | O_CLOEXEC);
  gsize length = strlen (input);
  autofd fd = memfd_create ("request", MFD_CLOEXEC);
  if (fd < 0 || pwrite (fd, input, length, 0) != (gssize)length)
    return -1;
  return fd_steal (&fd);
}

static gboolean
open_streams (Process *process, const ProcessWanted *wanted, int streams[3])
{
  streams[0] = open_input (wanted->input);
  return streams[0] >= 0 && open_stream (&process->output, wanted->most, &streams[1]) &&
         open_stream (&process->errors, PROCESS_MAX_ERRORS, &streams[2]);
}

static gboolean
open_files (Process *process, const ProcessWanted *wanted, int streams[3])
{
  process->said = memfd_create ("errors", MFD_CLOEXEC);
  streams[0] = wanted->keep[0] < 0 ? open ("/dev/null", O_RDONLY | O_CLOEXEC)
                                   : fcntl (wanted->keep[0], F_DUPFD_CLOEXEC, 0);
  streams[1] = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  streams[2] = process->said < 0 ? -1 : fcntl (process->said, F_DUPFD_CLOEXEC, 0);
  return streams[0] >= 0 && streams[1] >= 0 && streams[2] >= 0;
}

static gboolean
start (Process *process, const ProcessWanted *wanted, GError **error)
{
  const int nothing[] = { -1, -1 }, *keep = wanted->survives ? nothing : wanted->keep;
  Spawn new = {
    .program = wanted->program,
    .arguments = wanted->arguments,
    .directory = wanted->directory,
    .streams = { -1, -1, -1 },
    .keep = { keep[0], keep[1] },
    .space = wanted->space,
    .survives = wanted->survives,
  };
  if (wanted->survives ? open_files (process, wanted, new.streams)
                       : open_streams (process, wanted, new.streams))
    process->pid = spawn (&new, error);
  else
    cannot_start (wanted, error);
  for (int i = 0; i < 3; i++) /* ours of its ends: without them the streams end with it */
    fd_close_pointer (&new.streams[i]);
  return process->pid > 0;
}

Process *
process_start (const ProcessWanted *wanted, GError **error)
{
  g_autoptr (Process) process = g_new0 (Process, 1);
  process->output.fd = process->errors.fd = process->said = -1;
  process->survives = wanted->survives;
  return start (process, wanted, error) ? g_steal_pointer (&process) : NULL;
}

/* ---- waiting for its end ---- */

static void
wake (gpointer data)
{
  const guint64 one = 1;
  int fd = *(const int *)data;
  if (write (fd, &one, sizeof one) < 0)
    g_debug ("process: the counter is full"); /* then it is readable as well */
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
      fd_close_pointer (&stream->fd);
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

static ProcessEnd
await_end (int process, int cancel, guint deadline, Stream *output, Stream *errors)
{
  gint64 until = g_get_monotonic_time () + (gint64)deadline * G_USEC_PER_SEC;
  for (;;) {
    struct pollfd wanted[] = {
      { .fd = process, .events = POLLIN },
      { .fd = cancel, .events = POLLIN },
      { .fd = output->fd, .events = POLLIN },
      { .fd = errors->fd, .events = POLLIN },
    };
    int ready = poll (wanted, G_N_ELEMENTS (wanted), milliseconds_until (until));
    if (ready < 0 && errno != EINTR)
      return PROCESS_LOST;
    if (ready < 0)
      continue;
    stream_drain (output);
    stream_drain (errors);
    if (wanted[0].revents)
      return PROCESS_ENDED;
    if (wanted[1].revents)
      return PROCESS_CANCELLED;
    if (output->overflowed)
      return PROCESS_TOO_MUCH_OUTPUT;
    if (g_get_monotonic_time () >= until)
      return PROCESS_TIMED_OUT;
  }
}

/* Ends it, unless it has by itself, and whatever it has left in its process group; it was not
 * waited for, so the number is still its own.  The status as of waitpid. */
static int
reap (Process *process)
{
  int status = 0;
  if (!process->survives)
    kill (-process->pid, SIGKILL);
  while (waitpid (process->pid, &status, 0) < 0 && errno == EINTR)
    ;
  process->pid = 0;
  return status;
}

static ProcessEnd
await_end_or_cancel (Process *process, Job *job, guint deadline)
{
  autofd handle = pidfd_open (process->pid, 0);
  autofd cancel = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (handle < 0 || cancel < 0)
    return PROCESS_LOST;
  if (job)
    job_on_cancel (job, wake, &cancel);
  ProcessEnd end = await_end (handle, cancel, deadline, &process->output, &process->errors);
  if (job)
    job_on_cancel (job, NULL, NULL);
  return end;
}

/* What is in the file, up to where a pipe would be read. */
static void
collect_errors (Process *process)
{
  guint8 buffer[PROCESS_MAX_ERRORS];
  gssize got = pread (process->said, buffer, sizeof buffer, 0);
  process->errors.bytes = g_byte_array_new ();
  g_byte_array_append (process->errors.bytes, buffer, (guint)MAX (got, 0));
  process->output.bytes = g_byte_array_new ();
}

ProcessEnd
process_await (Process *process, Job *job, guint deadline, int *status)
{
  ProcessEnd end = await_end_or_cancel (process, job, deadline);
  gboolean left = process->survives && end != PROCESS_ENDED;
  *status = left ? 0 : reap (process);
  if (left)
    process->pid = 0;
  if (process->survives) {
    collect_errors (process);
    return end;
  }
  stream_drain (&process->output);
  stream_drain (&process->errors);
  return end == PROCESS_ENDED && process->output.overflowed ? PROCESS_TOO_MUCH_OUTPUT : end;
}

void
process_free (Process *process)
{
  if (process->pid > 0 && !process->survives)
    reap (process);
  fd_close_pointer (&process->said);
  stream_clear (&process->output);
  stream_clear (&process->errors);
  g_free (process);
}

/* ---- what it wrote ---- */

static char *
text_of (const GByteArray *bytes)
{
  return g_strndup (bytes->len > 0 ? (const char *)bytes->data : "", bytes->len);
}

char *
process_output (const Process *process, gsize *length)
{
  *length = process->output.bytes->len;
  return text_of (process->output.bytes);
}

char *
process_sentence (const Process *process, const char *name)
{
  g_autofree char *said = text_of (process->errors.bytes);
  g_autofree char *line = g_strndup (said, strcspn (said, "\n"));
  g_autofree char *prefix = g_strconcat (name, ": ", NULL);
  const char *text = g_str_has_prefix (line, prefix) ? line + strlen (prefix) : line;
  return *text ? g_utf8_make_valid (text, -1) : NULL;
}

char *
process_errors (const Process *process)
{
  return text_of (process->errors.bytes);
}
