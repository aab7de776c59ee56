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
discard_allowed (const Place *place, GError **error)
{
  return place->mount->options->discard ||
         fail (error, BACKEND_ERROR_NOT_PERMITTED,
               "discarding is switched off by the mount option discard=no");
}

gboolean
drop_snapshot (const Place *place, Job *job, GError **error)
{
  return discard_allowed (place, error) &&
         backend_discard (place->mount->backend, place->owner->name, place->snapshot->id,
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
