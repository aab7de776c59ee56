/* Drives the local backend from outside, without a mount:
 *
 *   operate STORE
 *
 * with $HOOK, where that is set, as the program for storage that is not ours, and with the disks of
 * the directory $CONTRACT_VOLUMES, with LVM's commands in $FAKE_LVM (tests/on-fake-lvm); where
 * $WATCH is set it watches the store, as a mount does.
 *
 * Each line of standard input is one command, and gets one line as its answer: "ok", "ok RESULT" or
 * "error CODE SENTENCE".  Words are separated by one space, with %XX for what would not be a word;
 * the second is always a domain, and snapshots are named by their names:
 *
 *   dump DOMAIN                      JSON (dump.h)          tree DOMAIN   the same without bytes
 *   create DOMAIN [name=] [description=] [under=] [parent=] [from=] [compress=] [method=]
 *                 [leave-out=] [no-metadata] [disk=] [quiesce | quiesce-required]
 *   redefine DOMAIN DOCUMENT [snapshot=] [current] [careful]
 *   discard DOMAIN NAME one|keep-children|force|children-only|metadata-only
 *   merge DOMAIN NAME parent|children [force]
 *   revert DOMAIN NAME [save=]
 *   current DOMAIN [NAME]
 *   hold DOMAIN NAME 0|1
 *   rename DOMAIN NAME NEW
 *   describe DOMAIN NAME TEXT
 *   jobs DOMAIN                      the lines of control/jobs, with "|" between them
 *   cancel DOMAIN ID
 *
 * With "disk=TARGET", the name is that of a snapshot of this disk alone.
 *
 * It knows nothing of how the store works: whether an answer is right is for others to say. */
#include "../../backend/backend.h"
#include "../fake-volumes.h"
#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  Backend *backend;
  char **words; /* the command's, unescaped */
  guint count;
  const char *domain;
  Domain *picture;
  Job *job;
} Command;

/* ---- words */

static const char *
word (const Command *command, guint index)
{
  return index < command->count ? command->words[index] : "";
}

/* The value of "@key=…" among the words; NULL: it is not there. */
static const char *
value (const Command *command, const char *key)
{
  gsize length = strlen (key);

  for (guint i = 2; i < command->count; i++)
    if (strncmp (command->words[i], key, length) == 0 && command->words[i][length] == '=')
      return command->words[i] + length + 1;
  return NULL;
}

static gboolean
has (const Command *command, const char *flag)
{
  for (guint i = 2; i < command->count; i++)
    if (strcmp (command->words[i], flag) == 0)
      return TRUE;
  return FALSE;
}

/* The id of the snapshot @name; a name that there is not is an id that there is not. */
static const char *
id_of (const Command *command, const char *name)
{
  const char *disk = value (command, "disk");
  const Snapshot *snapshot = NULL;

  if (name != NULL)
    snapshot = disk != NULL ? domain_disk_named (command->picture, disk, name, 0)
                            : domain_named (command->picture, name, 0);
  return snapshot != NULL ? snapshot->id : name;
}

static gboolean
choose (const char *wanted, const char *const *words, int *index, GError **error)
{
  for (*index = 0; words[*index] != NULL; (*index)++)
    if (strcmp (wanted, words[*index]) == 0)
      return TRUE;
  return fail (error, BACKEND_ERROR_INVALID, "the driver does not know \"%s\"", wanted);
}

/* ---- commands: what is behind "ok"; NULL with an error */

static char *
answer (gboolean done)
{
  return done ? g_strdup ("") : NULL;
}

static char *
do_dump (const Command *command, GError **error)
{
  return dump_domain (command->backend, command->domain, TRUE, error);
}

static char *
do_tree (const Command *command, GError **error)
{
  return dump_domain (command->backend, command->domain, FALSE, error);
}

static CreateFlags
create_flags (const Command *command)
{
  const CreateFlags quiesce = CREATE_DISK_ONLY | CREATE_QUIESCE;

  return (has (command, "no-metadata") ? CREATE_NO_METADATA : 0) |
         (has (command, "quiesce") ? quiesce : 0) |
         (has (command, "quiesce-required") ? quiesce | CREATE_QUIESCE_REQUIRED : 0);
}

static char *
do_create (const Command *command, GError **error)
{
  const char *leave_out = value (command, "leave-out");
  DiskRequest request = { .name = (char *)leave_out, .snapshot = (char *)"no" };
  g_autoptr (GPtrArray) requests = g_ptr_array_new ();
  CreateOptions options = {
    .name = value (command, "name"),
    .description = value (command, "description"),
    .under = id_of (command, value (command, "under")),
    .parent = id_of (command, value (command, "parent")),
    .from = id_of (command, value (command, "from")),
    .compression = value (command, "compress"),
    .method = value (command, "method"),
    .disk = value (command, "disk"),
    .flags = create_flags (command),
  };

  if (leave_out != NULL) {
    g_ptr_array_add (requests, &request);
    options.disks = requests;
  }
  return backend_create (command->backend, command->domain, &options, command->job, error);
}

static char *
do_redefine (const Command *command, GError **error)
{
  const char *document = word (command, 2);
  g_autoptr (SnapshotDescription) description =
      snapshot_description_parse (document, strlen (document), error);
  const RedefineOptions options = {
    .snapshot = id_of (command, value (command, "snapshot")),
    .current = has (command, "current"),
    .careful = has (command, "careful"),
  };

  if (description == NULL)
    return NULL;
  return backend_redefine (command->backend, command->domain, description, &options, command->job,
                           error);
}

static char *
do_discard (const Command *command, GError **error)
{
  static const char *const modes[] = { "one",           "keep-children", "force",
                                       "children-only", "metadata-only", NULL };
  int mode;

  return answer (choose (word (command, 3), modes, &mode, error) &&
                 backend_discard (command->backend, command->domain,
                                  id_of (command, word (command, 2)), (DiscardMode)mode,
                                  command->job, error));
}

static char *
do_merge (const Command *command, GError **error)
{
  static const char *const directions[] = { "parent", "children", NULL };
  int into;

  return answer (choose (word (command, 3), directions, &into, error) &&
                 backend_merge (command->backend, command->domain,
                                id_of (command, word (command, 2)), (MergeInto)into,
                                has (command, "force"), command->job, error));
}

static char *
do_revert (const Command *command, GError **error)
{
  const RevertOptions options = { .save = value (command, "save") };

  return answer (backend_revert (command->backend, command->domain,
                                 id_of (command, word (command, 2)), &options, command->job,
                                 error));
}

static char *
do_current (const Command *command, GError **error)
{
  const char *id = command->count > 2 ? id_of (command, word (command, 2)) : NULL;

  return answer (
      backend_set_current (command->backend, command->domain, id, NULL, command->job, error));
}

static char *
do_hold (const Command *command, GError **error)
{
  return answer (backend_hold (command->backend, command->domain,
                               id_of (command, word (command, 2)),
                               strcmp (word (command, 3), "1") == 0, command->job, error));
}

static char *
do_rename (const Command *command, GError **error)
{
  return answer (backend_rename (command->backend, command->domain,
                                 id_of (command, word (command, 2)), word (command, 3),
                                 command->job, error));
}

static char *
do_describe (const Command *command, GError **error)
{
  return answer (backend_describe (command->backend, command->domain,
                                   id_of (command, word (command, 2)), word (command, 3),
                                   command->job, error));
}

static char *
do_jobs (const Command *command, GError **error)
{
  return g_strdelimit (jobs_describe (command->domain), "\n", '|');
}

static char *
do_cancel (const Command *command, GError **error)
{
  guint id = (guint)g_ascii_strtoull (word (command, 2), NULL, 10);

  return answer (jobs_cancel (command->domain, id, error));
}

static const struct {
  const char *verb;
  char *(*run) (const Command *command, GError **error);
} commands[] = {
  { "dump", do_dump },         { "tree", do_tree },         { "create", do_create },
  { "redefine", do_redefine }, { "discard", do_discard },   { "merge", do_merge },
  { "revert", do_revert },     { "current", do_current },   { "hold", do_hold },
  { "rename", do_rename },     { "describe", do_describe }, { "jobs", do_jobs },
  { "cancel", do_cancel },
};

/* ---- lines */

static char *
run_verb (const Command *command, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i].verb, word (command, 0)) == 0)
      return commands[i].run (command, error);
  fail (error, BACKEND_ERROR_INVALID, "the driver does not know \"%s\"", word (command, 0));
  return NULL;
}

static char *
run_words (Backend *backend, char **words, GError **error)
{
  g_autoptr (Job) job = NULL;
  g_autoptr (Domain) picture = NULL;
  Command command = { .backend = backend, .words = words, .count = g_strv_length (words) };
  char *result;

  command.domain = word (&command, 1);
  command.picture = picture = backend_get_domain (backend, command.domain, error);
  if (picture == NULL)
    return NULL;
  command.job = job = job_new (command.domain, word (&command, 0));
  result = run_verb (&command, error);
  job_finish (job, *error);
  return result;
}

static void
unescape (char **words)
{
  for (guint i = 0; words[i] != NULL; i++) {
    char *plain = g_uri_unescape_string (words[i], NULL);

    g_assert (plain != NULL);
    g_free (words[i]);
    words[i] = plain;
  }
}

static const char *
code_name (const GError *error)
{
  static const char *const names[] = {
    [BACKEND_ERROR_FAILED] = "FAILED",
    [BACKEND_ERROR_NOT_FOUND] = "NOT_FOUND",
    [BACKEND_ERROR_EXISTS] = "EXISTS",
    [BACKEND_ERROR_NOT_EMPTY] = "NOT_EMPTY",
    [BACKEND_ERROR_BUSY] = "BUSY",
    [BACKEND_ERROR_INVALID] = "INVALID",
    [BACKEND_ERROR_RANGE] = "RANGE",
    [BACKEND_ERROR_TOO_BIG] = "TOO_BIG",
    [BACKEND_ERROR_TEXT_TOO_BIG] = "TEXT_TOO_BIG",
    [BACKEND_ERROR_NOT_PERMITTED] = "NOT_PERMITTED",
    [BACKEND_ERROR_DENIED] = "DENIED",
    [BACKEND_ERROR_READ_ONLY] = "READ_ONLY",
    [BACKEND_ERROR_UNSUPPORTED] = "UNSUPPORTED",
    [BACKEND_ERROR_NOT_CURRENT] = "NOT_CURRENT",
    [BACKEND_ERROR_NO_SPACE] = "NO_SPACE",
    [BACKEND_ERROR_NAME_TOO_LONG] = "NAME_TOO_LONG",
    [BACKEND_ERROR_BAD_ENCODING] = "BAD_ENCODING",
    [BACKEND_ERROR_DAMAGED] = "DAMAGED",
    [BACKEND_ERROR_STALE] = "STALE",
    [BACKEND_ERROR_UNREACHABLE] = "UNREACHABLE",
    [BACKEND_ERROR_CANCELLED] = "CANCELLED",
  };

  g_assert (error->domain == BACKEND_ERROR && error->code < (int)G_N_ELEMENTS (names));
  return names[error->code];
}

static void
run_line (Backend *backend, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  g_autoptr (GError) error = NULL;
  g_autofree char *result = NULL;

  unescape (words);
  result = run_words (backend, words, &error);
  if (result != NULL)
    printf ("ok %s\n", result);
  else
    printf ("error %s %s\n", code_name (error), error->message);
  if (fflush (stdout) != 0)
    exit (1); /* nobody would ever know */
}

static void
note_change (const char *domain, gpointer data)
{
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const char *const allow[] = { g_getenv ("CONTRACT_VOLUMES"), NULL };
  const BackendOptions options = { .hook = g_getenv ("HOOK"), .allow = allow };
  g_autoptr (Backend) backend = NULL;
  char *line = NULL;
  size_t size = 0;

  use_fake_lvm ();
  backend = argc == 2 ? backend_open (argv[1], &options, &error) : NULL;
  if (backend == NULL ||
      (g_getenv ("WATCH") != NULL && !backend_watch (backend, note_change, NULL, &error))) {
    printf ("error OPEN %s\n", error != NULL ? error->message : "usage: operate STORE");
    return 1;
  }
  puts ("ok");
  if (fflush (stdout) != 0)
    return 1;
  while (getline (&line, &size, stdin) > 0)
    run_line (backend, g_strchomp (line));
  g_free (line);
  return 0;
}
