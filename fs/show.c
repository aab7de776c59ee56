/* What the texts say, but for info (info.c): mostly what a picture already has. */
#include "../backend/failures.h"
#include "rows.h"

static Text *
domain_xml (const Place *place)
{
  return place->snapshot != NULL ? place->snapshot->domain_xml : place->domain->xml;
}

gboolean
has_domain_xml (const Place *place)
{
  return domain_xml (place) != NULL;
}

/* The text, or NULL with an error when it went away since its row was found. */
static Text *
text_or_gone (Text *text, GError **error)
{
  if (text == NULL)
    fail (error, BACKEND_ERROR_STALE, "this text is gone");
  return text_ref (text);
}

Text *
show_domain_xml (const Place *place, GError **error)
{
  return text_or_gone (domain_xml (place), error);
}

gboolean
has_snapshot_xml (const Place *place)
{
  return place->snapshot->xml != NULL;
}

Text *
show_snapshot_xml (const Place *place, GError **error)
{
  return text_or_gone (place->snapshot->xml, error);
}

gboolean
may_show_secrets (const Place *place)
{
  return !place->mount->options->read_only;
}

/* Asked for each time, so that passwords are not kept. */
Text *
show_secure_xml (const Place *place, GError **error)
{
  if (!place_may_wait (place))
    return NULL;
  return backend_secure_xml (place->mount->backend, place->owner->name, place->snapshot->id, error);
}

Text *
show_description (const Place *place, GError **error)
{
  const char *text = place->snapshot->description;

  if (text == NULL || text[0] == '\0')
    return text_new ("", 0);
  return text_take_string (g_strconcat (text, "\n", NULL));
}

Text *
show_disk_xml (const Place *place, GError **error)
{
  return text_or_gone (place->disk->xml, error);
}

Text *
show_version (const Place *place, GError **error)
{
  return text_from_string (VMSNAPFS_VERSION "\n");
}

Text *
show_backend (const Place *place, GError **error)
{
  Backend *backend = place->mount->backend;
  const char *directory = backend_directory (backend);

  if (directory == NULL)
    return text_take_string (g_strdup_printf ("backend: %s\n", backend_scheme (backend)));
  return text_take_string (
      g_strdup_printf ("backend: %s\ndirectory: %s\n", backend_scheme (backend), directory));
}

Text *
show_stats (const Place *place, GError **error)
{
  g_autofree char *stats = backend_stats (place->mount->backend);

  return text_take_string (g_strdup_printf ("nodes: %u\n%s", nodes_count (place->mount->nodes),
                                            stats != NULL ? stats : ""));
}

Text *
show_error (const Place *place, GError **error)
{
  return text_take_string (failures_describe (place->owner->name));
}

Text *
show_jobs (const Place *place, GError **error)
{
  return text_take_string (jobs_describe (place->owner->name));
}

gboolean
has_current (const Place *place)
{
  return place->domain->current != NULL &&
         domain_snapshot (place->domain, place->domain->current) != NULL;
}

char *
target_current (const Place *place, GError **error)
{
  if (!has_current (place)) {
    fail (error, BACKEND_ERROR_NOT_FOUND, "domain \"%s\" has no current snapshot",
          place->owner->name);
    return NULL;
  }
  return place_path_of (place->domain, domain_snapshot (place->domain, place->domain->current));
}
