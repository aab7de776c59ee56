/* What changing calls do to snapshots, whatever path or file they came by.
 *
 * Each is a check of what the filesystem itself knows and one call of the
 * backend; jobs, replies and errno are request.c's. */
#include "names.h"
#include "rows.h"

#include <string.h>

/* Says where a snapshot can always be taken. */
static void
point_to_flat (const Place *dir, const char *name, GError **error)
{
  g_autoptr (GError) refusal = NULL;
  g_autofree char *domain = name_encode (dir->owner->name);
  g_autofree char *file_name = name_encode (name);

  if (error == NULL || !g_error_matches (*error, BACKEND_ERROR, BACKEND_ERROR_NOT_CURRENT))
    return;
  refusal = g_steal_pointer (error);
  fail (error, BACKEND_ERROR_NOT_CURRENT, "%s; mkdir %s/.snapshots/%s always works",
        refusal->message, domain, file_name);
}

char *
make_snapshot (const Place *dir, const char *name, Job *job, GError **error)
{
  CreateOptions options = { .name = name, .under = dir->snapshot != NULL ? dir->snapshot->id : "" };
  char *id = backend_create (dir->mount->backend, dir->owner->name, &options, job, error);

  if (id == NULL)
    point_to_flat (dir, name, error);
  return id;
}

char *
make_anywhere (const Place *dir, const char *name, Job *job, GError **error)
{
  CreateOptions options = { .name = name };

  return backend_create (dir->mount->backend, dir->owner->name, &options, job, error);
}

gboolean
discard_offered (const Place *place)
{
  return place->mount->options->discard;
}

gboolean
drop_snapshot (const Place *place, Job *job, GError **error)
{
  if (!discard_offered (place))
    return fail (error, BACKEND_ERROR_NOT_PERMITTED,
                 "discarding is switched off by the mount option discard=no");
  return backend_discard (place->mount->backend, place->owner->name, place->snapshot->id,
                          DISCARD_ONE, job, error);
}

gboolean
rename_snapshot (const Place *place, const char *name, Job *job, GError **error)
{
  return backend_rename (place->mount->backend, place->owner->name, place->snapshot->id, name, job,
                         error);
}

gboolean
edit_description (const Place *place, const char *text, Job *job, GError **error)
{
  const char *present = place->snapshot->description;

  if (strcmp (present != NULL ? present : "", text) == 0)
    return TRUE;
  return backend_describe (place->mount->backend, place->owner->name, place->snapshot->id, text,
                           job, error);
}

/* For a command whose only word is `1`. */
static gboolean
expect_one (char **words, const char *row, GError **error)
{
  if (strcmp (words[0], "1") == 0 && words[1] == NULL)
    return TRUE;
  return fail (error, BACKEND_ERROR_INVALID, "%s takes the word 1, not \"%s\"", row,
               strcmp (words[0], "1") == 0 ? words[1] : words[0]);
}

Text *
usage_revert (const Place *place)
{
  return text_from_string (
      "# Write 1 to make the machine's disks what they were at this snapshot.\n"
      "# What they gained since their current snapshot is dropped.\n");
}

gboolean
store_revert (const Place *place, char **words, Job *job, GError **error)
{
  return expect_one (words, "revert", error) &&
         backend_revert (place->mount->backend, place->owner->name, place->snapshot->id, NULL, job,
                         error);
}

Text *
usage_discard (const Place *place)
{
  return text_from_string ("# Write 1 to discard this snapshot, as rmdir does.\n"
                           "# It must not have children.\n");
}

gboolean
store_discard (const Place *place, char **words, Job *job, GError **error)
{
  return expect_one (words, "discard", error) && drop_snapshot (place, job, error);
}

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
