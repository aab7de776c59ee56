/* One qemu-img: which, what it may use, and what its end means.  How it runs is process.c's matter.
 *
 * Names that people gave never come here; who calls passes uuids and file names of the store. */
#include "child.h"
#include "process.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT (16 * 1024 * 1024)

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

Child *
child_start (int directory, const char *const *arguments, GError **error)
{
  g_autofree char **vector = argument_vector (arguments);
  const char *program = find_program ();
  const ProcessWanted wanted = {
    .program = program,
    .arguments = vector,
    .directory = directory,
    .keep = { -1, -1 },
    .space = g_strcmp0 (arguments[0], "create") == 0 ? MAX_SPACE_CREATE : MAX_SPACE_CHAIN,
    .most = MAX_OUTPUT,
  };
  if (program)
    return process_start (&wanted, error);
  fail (error, BACKEND_ERROR_UNSUPPORTED,
        "qemu-img is not installed: it is in the package qemu-utils (Debian, Ubuntu) or "
        "qemu-img (Fedora, SUSE)");
  return NULL;
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
judge (ProcessEnd end, int status, guint deadline, const Process *process, GError **error)
{
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return TRUE;
  if (end == PROCESS_CANCELLED)
    return fail (error, BACKEND_ERROR_CANCELLED, "cancelled");
  if (end == PROCESS_TIMED_OUT)
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img did not end within %u seconds", deadline);
  if (end == PROCESS_TOO_MUCH_OUTPUT)
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img wrote more than %d bytes", MAX_OUTPUT);
  if (WIFSIGNALED (status))
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img was killed by signal %d (%s)",
                 WTERMSIG (status), strsignal (WTERMSIG (status)));
  g_autofree char *line = process_sentence (process, "qemu-img");
  g_autofree char *said = process_errors (process);
  if (!line)
    return fail (error, BACKEND_ERROR_FAILED, "qemu-img ended with status %d",
                 WEXITSTATUS (status));
  return fail (error, error_code (said), "%s", line);
}

gboolean
child_finish (Child *child, Job *job, guint deadline, char **output, GError **error)
{
  int status;
  gsize length;
  ProcessEnd end = process_await (child, job, deadline, &status);
  if (!judge (end, status, deadline, child, error))
    return FALSE;
  if (output)
    *output = process_output (child, &length);
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
  ProcessEnd end = process_await (child, job, deadline, &ended);
  *status = WEXITSTATUS (ended);
  return (end == PROCESS_ENDED && WIFEXITED (ended)) || judge (end, ended, deadline, child, error);
}

void
child_free (Child *child)
{
  process_free (child);
}

gboolean
child_qemu_img (int directory, const char *const *arguments, Job *job, guint deadline,
                char **output, GError **error)
{
  g_autoptr (Child) child = child_start (directory, arguments, error);
  return child && child_finish (child, job, deadline, output, error);
}
