/* .vmsnapfs/orphans: the snapshots of domains that are gone, to be looked at, saved and dropped.
 *
 * Nothing about them is in any picture that is kept, so each look asks the backend, and the kernel
 * is told to keep nothing. */
#include "names.h"
#include "rows.h"

#include <string.h>

static gboolean
is_hidden (const Mount *mount, const Domain *picture)
{
  return picture != NULL && !place_shows_domain (mount, picture->name);
}

gboolean
list_orphans (const Place *dir, Listing *listing, GError **error)
{
  g_auto (GStrv) uuids = NULL;

  if (!place_may_wait (dir))
    return FALSE;
  uuids = backend_list_orphans (dir->mount->backend, error);
  if (uuids == NULL)
    return FALSE;
  for (char **uuid = uuids; *uuid != NULL; uuid++) {
    /* One that cannot be looked at is listed all the same. */
    g_autoptr (Domain) picture = backend_get_orphan (dir->mount->backend, *uuid, NULL);
    g_auto (Place) place = place_inside (dir, dir->kind->member);
    g_autofree char *file_name = name_encode (*uuid);

    place.owner = nodes_owner (dir->mount->nodes, *uuid, *uuid);
    if (!is_hidden (dir->mount, picture))
      listing_add (listing, file_name, &place);
  }
  return TRUE;
}

Domain *
orphan_picture (const Mount *mount, const char *uuid, Wait *wait, GError **error)
{
  g_autoptr (Domain) picture = NULL;

  if (!wait_for (wait, WAIT_TO_READ))
    return NULL;
  picture = backend_get_orphan (mount->backend, uuid, error);
  if (is_hidden (mount, picture)) {
    fail (error, BACKEND_ERROR_NOT_FOUND,
          "domain \"%s\" is left out by the option domains=", picture->name);
    return NULL;
  }
  return g_steal_pointer (&picture);
}

gboolean
find_orphan (const Place *dir, const char *file_name, Place *child, GError **error)
{
  g_autofree char *uuid = name_true (file_name);
  Domain *picture;

  if (uuid == NULL)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "there is no \"%s\" here", file_name);
  picture = orphan_picture (dir->mount, uuid, dir->wait, error);
  if (picture == NULL)
    return FALSE;
  *child = place_inside (dir, dir->kind->member);
  child->domain = picture;
  child->owner = nodes_owner (dir->mount->nodes, uuid, uuid);
  return TRUE;
}

gboolean
drop_orphan (const Place *place, Job *job, GError **error)
{
  return discard_allowed (place, error) &&
         backend_drop_orphan (place->mount->backend, place->owner->uuid, job, error);
}

/* Appends @xml, an element, without the declaration that only a document begins with. */
static void
append_element (GString *out, const Text *xml)
{
  const char *from = xml->data;

  if (g_str_has_prefix (from, "<?xml") && strstr (from, "?>") != NULL)
    from = strstr (from, "?>") + 2;
  from += strspn (from, "\r\n");
  g_string_append (out, from);
  if (out->str[out->len - 1] != '\n')
    g_string_append_c (out, '\n');
}

Text *
show_orphan_xml (const Place *place, GError **error)
{
  const Domain *domain = place->domain;
  const GPtrArray *all = domain_snapshots (domain);
  const Snapshot *current =
      domain->current != NULL ? domain_snapshot (domain, domain->current) : NULL;
  g_autoptr (GString) out = g_string_new ("<domainsnapshots");

  if (current != NULL) {
    g_autofree char *name = g_markup_escape_text (current->name, -1);

    g_string_append_printf (out, " current=\"%s\"", name);
  }
  g_string_append (out, ">\n");
  for (guint i = 0; i < all->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (all, i);

    if (snapshot->xml != NULL)
      append_element (out, snapshot->xml);
  }
  g_string_append (out, "</domainsnapshots>\n");
  return text_new (out->str, out->len);
}
