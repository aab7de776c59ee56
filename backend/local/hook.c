/* Storage by a program of the administrator's.  vmsnapfs-hook(7) is the protocol:
 *
 *   PROGRAM create|delete|revert|locate
 *
 * reads one JSON object from standard input, each member on a line of its own, writes one to
 * standard output, and ends with status 0 when it is done, 3 when it refused and nothing was done.
 * Any other end says nothing: what it was asked for is asked for again, or undone.
 *
 * Its descriptor 3 is a lock.  Whoever of its processes lives on, and may still be writing, has it;
 * nothing that it says is believed, and nothing else is asked of it for that domain, until the last
 * one has ended.  Descriptor 4 is what keeps machines from the disk that it writes over. */
#include "hook.h"
#include "fd.h"
#include "json-text.h"
#include "process.h"
#include "storage.h"
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_REFUSED 3
#define MAX_ANSWER (64 * 1024)
#define MAX_SPACE (G_GUINT64_CONSTANT (32) << 30) /* bytes of address space */
#define LOCATE_DEADLINE 60                        /* seconds; somebody waits to read */

/* -------------------------------------------------------------------- the question */

/* json-glib writes each member on a line of its own; shell scripts rely on it. */
static char *
request_text (const char *verb, const StorageImage *image)
{
  g_autoptr (JsonObject) object = json_object_new ();
  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, "verb", verb);
  json_object_set_string_member (object, "image", image->image);
  json_object_set_string_member (object, "target", image->target);
  json_object_set_string_member (object, "disk", image->disk);
  json_object_set_string_member (object, "format", image->raw ? "raw" : "qcow2");
  json_object_set_int_member (object, "size", (gint64)image->size);
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (root, TRUE);
  return g_strconcat (text, "\n", NULL);
}

/* -------------------------------------------------------------------- the answer */

/* One object with plain members. */
static gboolean
is_flat (const char *text)
{
  guint opened, deepest;
  json_text_measure (text, &opened, &deepest);
  return opened == 1;
}

static JsonObject *
parse (const char *text, gsize length, const char *image)
{
  g_autoptr (JsonObject) object =
      strlen (text) == length && is_flat (text) ? json_text_object (text) : NULL;
  const char *of = object ? json_text_string (object, "image") : NULL;
  return of && g_ascii_strcasecmp (of, image) == 0 ? g_steal_pointer (&object) : NULL;
}

static StorageEnd
unknown (GError **error, BackendError code, const char *name, const char *verb, const char *what)
{
  fail (error, code, "%s %s %s", name, verb, what);
  return STORAGE_UNKNOWN;
}

static StorageEnd
judge_status (const Process *process, int status, const char *name, const char *verb,
              GError **error)
{
  g_autofree char *line = process_sentence (process, name);
  g_autofree char *said = process_errors (process);
  gboolean refused = WEXITSTATUS (status) == STATUS_REFUSED;
  gboolean full = strstr (said, "No space left") || strstr (said, "Disk quota exceeded");
  BackendError code = full      ? BACKEND_ERROR_NO_SPACE
                      : refused ? BACKEND_ERROR_UNSUPPORTED
                                : BACKEND_ERROR_FAILED;
  if (line)
    fail (error, code, "%s %s: %s", name, verb, line);
  else
    fail (error, code, "%s %s ended with status %d and has not said why", name, verb,
          WEXITSTATUS (status));
  return refused ? STORAGE_REFUSED : STORAGE_UNKNOWN;
}

static StorageEnd
judge (const Process *process, ProcessEnd end, int status, guint deadline, const char *name,
       const char *verb, GError **error)
{
  g_autofree char *late =
      g_strdup_printf ("did not end within %u seconds and was killed", deadline);
  if (end == PROCESS_CANCELLED)
    return unknown (error, BACKEND_ERROR_CANCELLED, name, verb, "was cancelled");
  if (end == PROCESS_TIMED_OUT)
    return unknown (error, BACKEND_ERROR_FAILED, name, verb, late);
  if (end == PROCESS_TOO_MUCH_OUTPUT)
    return unknown (error, BACKEND_ERROR_FAILED, name, verb, "wrote more than an answer is long");
  if (end == PROCESS_LOST)
    return unknown (error, BACKEND_ERROR_FAILED, name, verb, "could not be waited for");
  if (WIFSIGNALED (status))
    return unknown (error, BACKEND_ERROR_FAILED, name, verb, "was killed");
  return WEXITSTATUS (status) == 0 ? STORAGE_DONE
                                   : judge_status (process, status, name, verb, error);
}

/* -------------------------------------------------------------------- one run */

/* @keep: its descriptors 3 and 4; -1: none.  *@answer is set where it is done. */
static StorageEnd
run (const Places *places, const char *verb, const StorageImage *image, const int keep[2],
     guint deadline, Job *job, JsonObject **answer, GError **error)
{
  const char *program = places_hook (places);
  g_autofree char *name = g_path_get_basename (program);
  g_autofree char *request = request_text (verb, image);
  char *const arguments[] = { (char *)program, (char *)verb, NULL };
  autofd root = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const ProcessWanted wanted = {
    program, arguments, root, { keep[0], keep[1] }, request, MAX_SPACE, MAX_ANSWER,
  };
  g_autoptr (Process) process = process_start (&wanted, error);
  int status;
  gsize length;
  if (!process)
    return STORAGE_REFUSED;
  ProcessEnd ended = process_await (process, job, deadline, &status);
  StorageEnd end = judge (process, ended, status, deadline, name, verb, error);
  if (end != STORAGE_DONE)
    return end;
  g_autofree char *text = process_output (process, &length);
  *answer = parse (text, length, image->image);
  return *answer ? STORAGE_DONE
                 : unknown (error, BACKEND_ERROR_FAILED, name, verb,
                            "answered something that is no answer");
}

static gboolean
may_ask (const Places *places, const StorageImage *image, GError **error)
{
  return hook_check (places, error) &&
         (g_utf8_validate (image->disk, -1, NULL) ||
          fail (error, BACKEND_ERROR_BAD_ENCODING, "%s is no UTF-8, and JSON is", image->disk));
}

/* A process that it has left may still be doing what is said to be done. */
static StorageEnd
check_is_over (const char *name, const char *verb, int records, GError **error)
{
  g_autofree char *whose = g_strdup_printf ("%s %s", name, verb);
  autofd lock = storage_lock (whose, records, error);
  return lock < 0 ? STORAGE_UNKNOWN : STORAGE_DONE;
}

/* @held: what keeps machines from the disk, for as long as it has a process; -1: nothing. */
static StorageEnd
change (const Places *places, const char *verb, const StorageImage *image, int held, int records,
        Job *job, GError **error)
{
  g_autoptr (JsonObject) answer = NULL;
  if (!may_ask (places, image, error))
    return STORAGE_REFUSED;
  g_autofree char *name = g_path_get_basename (places_hook (places));
  g_autofree char *former = g_strdup_printf ("a former run of %s was interrupted and", name);
  autofd lock = storage_lock (former, records, error);
  const int keep[] = { lock, held };
  if (lock < 0)
    return STORAGE_REFUSED;
  StorageEnd end =
      run (places, verb, image, keep, places_hook_deadline (places), job, &answer, error);
  fd_close_pointer (&lock);
  return end == STORAGE_DONE ? check_is_over (name, verb, records, error) : end;
}

static StorageEnd
hook_create (const Places *places, const StorageImage *image, int records, Job *job, GError **error)
{
  return change (places, "create", image, -1, records, job, error);
}

static StorageEnd
hook_remove (const Places *places, const StorageImage *image, int records, Job *job, GError **error)
{
  return change (places, "delete", image, -1, records, job, error);
}

static StorageEnd
hook_revert (const Places *places, const StorageImage *image, int held, int records, Job *job,
             GError **error)
{
  (void)job; /* the hook is not asked how far it is */
  return change (places, "revert", image, held, records, NULL, error);
}

static gboolean
check_location (const char *path, const char *format, const StorageImage *image, GError **error)
{
  if (!path || *path != '/')
    return fail (error, BACKEND_ERROR_FAILED,
                 "the hook does not say where a snapshot is: \"%s\" is no absolute path",
                 path ? path : "");
  return g_strcmp0 (format, image->raw ? "raw" : "qcow2") == 0 ||
         fail (error, BACKEND_ERROR_FAILED,
               "the hook says that the snapshot at %s is %s, and the disk is %s", path,
               format ? format : "of no format", image->raw ? "raw" : "qcow2");
}

static gboolean
hook_locate (const Places *places, const StorageImage *image, Job *job, char **path, GError **error)
{
  guint deadline = MIN (LOCATE_DEADLINE, places_hook_deadline (places));
  const int nothing[] = { -1, -1 };
  g_autoptr (JsonObject) answer = NULL;
  *path = NULL;
  if (!may_ask (places, image, error) ||
      run (places, "locate", image, nothing, deadline, job, &answer, error) != STORAGE_DONE)
    return FALSE;
  if (json_object_has_member (answer, "path") && json_object_get_null_member (answer, "path"))
    return TRUE;
  const char *found = json_text_string (answer, "path");
  const char *format = json_text_string (answer, "format");
  if (!check_location (found, format, image, error))
    return FALSE;
  *path = g_canonicalize_filename (found, NULL);
  return TRUE;
}

static gboolean
check (const Places *places, const char *disk, GError **error)
{
  return hook_check (places, error);
}

const Storage storage_hook = {
  .name = "the hook",
  .check = check,
  .create = hook_create,
  .remove = hook_remove,
  .revert = hook_revert,
  .locate = hook_locate,
};
