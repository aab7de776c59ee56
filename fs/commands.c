/* The commands of control directories, but for control/create (create.c): which words each has, and
 * what they ask the backend for.
 *
 * A command is a table of words and a function that sees whether they make sense together. */
#include "rows.h"
#include "words.h"

#include <string.h>

/* -------------------------------------------------------------------- revert */

typedef struct {
  gboolean plain;
  RevertOptions options;
  char *save;
} RevertWords;

static const Word revert_words[] = {
  { "1", NULL, "the disks become what they were", 0, 0, G_STRUCT_OFFSET (RevertWords, plain) },
  { "save", "NAME", "the same, after a snapshot NAME of the present state", CAN_SAVE, 0,
    G_STRUCT_OFFSET (RevertWords, save) },
  { "running", NULL, "the same, and the machine runs afterwards", 0, CAN_RUN,
    G_STRUCT_OFFSET (RevertWords, options.running) },
  { "paused", NULL, "the same, and the machine is paused afterwards", 0, CAN_RUN,
    G_STRUCT_OFFSET (RevertWords, options.paused) },
  { "force", NULL, "the same, where it is refused as risky", 0, 0,
    G_STRUCT_OFFSET (RevertWords, options.force) },
  { "reset-nvram", NULL, "the same, and the firmware forgets its settings", 0, CAN_RESET_NVRAM,
    G_STRUCT_OFFSET (RevertWords, options.reset_nvram) },
  { 0 },
};

gboolean
has_data (const Place *place)
{
  return !place->snapshot->no_data;
}

Text *
usage_revert (const Place *place)
{
  return words_usage ("# Write 1 to go back to this snapshot, or the other words together.\n"
                      "# What the disks gained since their current snapshot is dropped.\n",
                      revert_words, row_can (place));
}

static gboolean
check_revert (const RevertWords *asked, GError **error)
{
  const RevertOptions *options = &asked->options;
  gboolean more = asked->save != NULL || options->running || options->paused || options->force ||
                  options->reset_nvram;

  if (asked->plain && more)
    return fail (error, BACKEND_ERROR_INVALID, "revert takes the word 1 alone, or other words");
  return TRUE;
}

gboolean
store_revert (const Place *place, char **words, Job *job, GError **error)
{
  RevertWords asked = { 0 };
  gboolean read = words_read (revert_words, row_can (place), words, &asked, NULL, error);
  g_autofree char *save = asked.save;

  asked.options.save = save;
  return read && check_revert (&asked, error) &&
         backend_revert (place->mount->backend, place->owner->name, place->snapshot->id,
                         &asked.options, job, error);
}

/* -------------------------------------------------------------------- merge */

typedef struct {
  gboolean parent;
  gboolean children;
  gboolean force;
} MergeWords;

static const Word merge_words[] = {
  { "parent", NULL, "its parent's disks become what this snapshot's are", CAN_MERGE_PARENT, 0,
    G_STRUCT_OFFSET (MergeWords, parent) },
  { "children", NULL, "what it holds goes into each of its children", CAN_MERGE_CHILDREN, 0,
    G_STRUCT_OFFSET (MergeWords, children) },
  { "force", NULL, "with one of these: other snapshots may be discarded", CAN_DISCARD, 0,
    G_STRUCT_OFFSET (MergeWords, force) },
  { 0 },
};

static const Word disk_merge_words[] = {
  { "children", NULL, "what it holds goes into what is read through it, the disk first of all", 0,
    0, G_STRUCT_OFFSET (MergeWords, children) },
  { 0 },
};

static const Word *
merge_table (const Place *place)
{
  return place->kind->of_disk ? disk_merge_words : merge_words;
}

gboolean
can_merge (const Place *place)
{
  return (row_can (place) & (CAN_MERGE_PARENT | CAN_MERGE_CHILDREN)) != 0;
}

Text *
usage_merge (const Place *place)
{
  return words_usage ("# Write where this snapshot is merged into; its name goes, its data stay.\n",
                      merge_table (place), row_can (place));
}

gboolean
store_merge (const Place *place, char **words, Job *job, GError **error)
{
  MergeWords asked = { 0 };

  if (g_strv_contains ((const char *const *)words, "force") && !discard_allowed (place, error))
    return FALSE;
  if (!words_read (merge_table (place), row_can (place), words, &asked, NULL, error))
    return FALSE;
  if (asked.parent == asked.children)
    return fail (error, BACKEND_ERROR_INVALID, "merge takes either parent or children");
  return backend_merge (place->mount->backend, place->owner->name, place->snapshot->id,
                        asked.parent ? MERGE_INTO_PARENT : MERGE_INTO_CHILDREN, asked.force, job,
                        error);
}

/* -------------------------------------------------------------------- discard */

/* By mode. */
typedef struct {
  gboolean modes[DISCARD_METADATA_ONLY + 1];
} DiscardWords;

#define MODE(mode) G_STRUCT_OFFSET (DiscardWords, modes[mode])

static const Word discard_words[] = {
  { "1", NULL, "this snapshot, as rmdir; it must not have children", 0, 0, MODE (DISCARD_ONE) },
  { "keep-children", NULL, "this snapshot; its children move up to its parent", 0, 0,
    MODE (DISCARD_KEEP_CHILDREN) },
  { "force", NULL, "this snapshot and everything below it", 0, 0, MODE (DISCARD_DESCENDANTS) },
  { "children-only", NULL, "everything below this snapshot", 0, 0, MODE (DISCARD_CHILDREN_ONLY) },
  { "metadata-only", NULL, "the record of this snapshot; its data stay", CAN_FORGET, 0,
    MODE (DISCARD_METADATA_ONLY) },
  { 0 },
};

static const Word disk_discard_words[] = {
  { "1", NULL, "this snapshot, as rmdir", 0, 0, MODE (DISCARD_ONE) },
  { 0 },
};

static const Word *
discard_table (const Place *place)
{
  return place->kind->of_disk ? disk_discard_words : discard_words;
}

Text *
usage_discard (const Place *place)
{
  return words_usage ("# Write one word for what is to be discarded.\n", discard_table (place),
                      row_can (place));
}

gboolean
store_discard (const Place *place, char **words, Job *job, GError **error)
{
  DiscardWords asked = { 0 };
  DiscardMode mode = DISCARD_ONE;

  if (!words_read (discard_table (place), row_can (place), words, &asked, NULL, error))
    return FALSE;
  if (words[1] != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "discard takes one word");
  while (!asked.modes[mode])
    mode++;
  return backend_discard (place->mount->backend, place->owner->name, place->snapshot->id, mode, job,
                          error);
}

/* -------------------------------------------------------------------- current, hold */

typedef struct {
  gboolean yes;
  gboolean no;
} SwitchWords;

static const Word current_words[] = {
  { "1", NULL, "it becomes the current snapshot; no disk is touched", CAN_CURRENT, 0,
    G_STRUCT_OFFSET (SwitchWords, yes) },
  { "0", NULL, "where it is the current one: the domain has none", CAN_NO_CURRENT, 0,
    G_STRUCT_OFFSET (SwitchWords, no) },
  { 0 },
};

static const Word hold_words[] = {
  { "1", NULL, "it can be neither discarded nor merged", 0, 0, G_STRUCT_OFFSET (SwitchWords, yes) },
  { "0", NULL, "it can again", 0, 0, G_STRUCT_OFFSET (SwitchWords, no) },
  { 0 },
};

/* *@on: whether it is 1. */
static gboolean
read_switch (const Place *place, const Word *table, char **words, gboolean *on, GError **error)
{
  SwitchWords asked = { 0 };

  if (!words_read (table, row_can (place), words, &asked, NULL, error))
    return FALSE;
  if (asked.yes == asked.no)
    return fail (error, BACKEND_ERROR_INVALID, "%s takes either 1 or 0", place->kind->name);
  *on = asked.yes;
  return TRUE;
}

gboolean
can_be_current (const Place *place)
{
  return (row_can (place) & (CAN_CURRENT | CAN_NO_CURRENT)) != 0;
}

Text *
usage_current (const Place *place)
{
  return words_usage ("# Which snapshot is the current one, the parent of the next.\n",
                      current_words, row_can (place));
}

gboolean
store_current (const Place *place, char **words, Job *job, GError **error)
{
  const Snapshot *snapshot = place->snapshot;
  gboolean on = FALSE;

  if (!read_switch (place, current_words, words, &on, error))
    return FALSE;
  return backend_set_current (place->mount->backend, place->owner->name, on ? snapshot->id : NULL,
                              on ? NULL : snapshot->id, job, error);
}

Text *
usage_hold (const Place *place)
{
  return words_usage ("# Whether this snapshot is held.\n", hold_words, row_can (place));
}

gboolean
store_hold (const Place *place, char **words, Job *job, GError **error)
{
  gboolean on = FALSE;

  return read_switch (place, hold_words, words, &on, error) &&
         backend_hold (place->mount->backend, place->owner->name, place->snapshot->id, on, job,
                       error);
}

/* -------------------------------------------------------------------- jobs */

gboolean
store_jobs (const Place *place, char **words, Job *job, GError **error)
{
  guint64 id;

  if (strcmp (words[0], "cancel") != 0)
    return fail (error, BACKEND_ERROR_INVALID, "jobs takes \"cancel ID\", not \"%s\"", words[0]);
  if (words[1] == NULL || words[2] != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "cancel takes the number of one job");
  if (!g_ascii_string_to_unsigned (words[1], 10, 0, G_MAXUINT, &id, NULL))
    return fail (error,
                 words[1][strspn (words[1], "0123456789")] == '\0' ? BACKEND_ERROR_RANGE
                                                                   : BACKEND_ERROR_INVALID,
                 "\"%s\" is not the number of a job", words[1]);
  return jobs_cancel (place->owner->name, (guint)id, error);
}
