/* Running the commands of storage that comes with the system. */
#include "tool.h"
#include "fd.h"
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACE (G_GUINT64_CONSTANT (32) << 30) /* bytes of address space */
#define MOST (4 * 1024 * 1024)                /* bytes of an answer */
#define DO_DEADLINE 600                       /* seconds until it is left alone */

static const char *const system_directories[] = { "/usr/sbin", "/usr/bin",        "/sbin",
                                                  "/bin",      "/usr/local/sbin", NULL };
const char *const *tool_directories = system_directories;
guint tool_patience = 60; /* somebody waits to read */

char *
tool_find (const char *name, GError **error)
{
  for (const char *const *directory = tool_directories; *directory; directory++) {
    g_autofree char *path = g_build_filename (*directory, name, NULL);
    if (access (path, X_OK) == 0)
      return g_steal_pointer (&path);
  }
  fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is not installed (looked for in %s, …)", name,
        tool_directories[0]);
  return NULL;
}

/* -------------------------------------------------------------------- what it says */

static const struct {
  const char *said;
  BackendError code;
} meanings[] = {
  { "nsufficient free space", BACKEND_ERROR_NO_SPACE }, /* LVM, of a volume group */
  { "nsufficient suitable allocatable extents", BACKEND_ERROR_NO_SPACE },
  { "reached threshold", BACKEND_ERROR_NO_SPACE }, /* LVM, of a pool */
  { "out of space", BACKEND_ERROR_NO_SPACE },      /* ZFS */
  { "No space left", BACKEND_ERROR_NO_SPACE },
  { " in use", BACKEND_ERROR_BUSY },
  { " is busy", BACKEND_ERROR_BUSY },
};

static BackendError
meaning_of (const char *said)
{
  for (guint i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (strstr (said, meanings[i].said))
      return meanings[i].code;
  return BACKEND_ERROR_FAILED;
}

/* The first line that is no warning; NULL: there is none.  Free with g_free. */
static char *
sentence_in (const char *said)
{
  g_auto (GStrv) lines = g_strsplit (said, "\n", -1);
  for (char **line = lines; *line; line++) {
    const char *text = g_strstrip (*line);
    if (*text && !g_str_has_prefix (text, "WARNING"))
      return g_utf8_make_valid (text, -1);
  }
  return NULL;
}

static gboolean
judge (const Process *process, ProcessEnd end, int status, const char *name, guint deadline,
       GError **error)
{
  if (end == PROCESS_CANCELLED)
    return fail (error, BACKEND_ERROR_CANCELLED, "%s was cancelled", name);
  if (end == PROCESS_TIMED_OUT)
    return fail (error, BACKEND_ERROR_FAILED, "%s did not end within %u seconds", name, deadline);
  if (end == PROCESS_TOO_MUCH_OUTPUT)
    return fail (error, BACKEND_ERROR_FAILED, "%s wrote more than an answer is long", name);
  if (end == PROCESS_LOST || WIFSIGNALED (status))
    return fail (error, BACKEND_ERROR_FAILED, "%s was killed", name);
  if (WEXITSTATUS (status) == 0)
    return TRUE;
  g_autofree char *said = process_errors (process);
  g_autofree char *line = sentence_in (said);
  if (!line)
    return fail (error, BACKEND_ERROR_FAILED, "%s ended with status %d and has not said why", name,
                 WEXITSTATUS (status));
  return fail (error, meaning_of (said), "%s: %s", name, line);
}

/* -------------------------------------------------------------------- one run */

static Process *
begin (const char *name, const char *const *arguments, int lock, gboolean survives, GError **error)
{
  g_autofree char *program = tool_find (name, error);
  g_autoptr (GPtrArray) vector = g_ptr_array_new (); /* borrowed */
  autofd root = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!program)
    return NULL;
  g_ptr_array_add (vector, (char *)name);
  for (const char *const *argument = arguments; *argument; argument++)
    g_ptr_array_add (vector, (char *)*argument);
  g_ptr_array_add (vector, NULL);
  const ProcessWanted wanted = {
    .program = program,
    .arguments = (char *const *)vector->pdata,
    .directory = root,
    .keep = { lock, -1 },
    .space = SPACE,
    .most = MOST,
    .survives = survives,
  };
  return process_start (&wanted, error);
}

char *
tool_ask (const char *name, const char *const *arguments, Job *job, GError **error)
{
  g_autoptr (Process) process = begin (name, arguments, -1, FALSE, error);
  int status;
  gsize length;
  if (!process)
    return NULL;
  ProcessEnd end = process_await (process, job, tool_patience, &status);
  if (!judge (process, end, status, name, tool_patience, error))
    return NULL;
  g_autofree char *text = process_output (process, &length);
  if (strlen (text) == length)
    return g_steal_pointer (&text);
  fail (error, BACKEND_ERROR_FAILED, "%s answered something that is no text", name);
  return NULL;
}

gboolean
tool_do (const char *name, const char *const *arguments, int lock, GError **error)
{
  g_autoptr (Process) process = begin (name, arguments, lock, TRUE, error);
  int status;
  if (!process)
    return FALSE;
  ProcessEnd end = process_await (process, NULL, DO_DEADLINE, &status);
  return judge (process, end, status, name, DO_DEADLINE, error);
}
