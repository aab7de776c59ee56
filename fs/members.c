/* What directories list: domains and snapshots (nested and flat).  Disks are in disks.c.
 *
 * Each list has its twin that finds one file name in it without going through
 * the list.  What is in a picture is answered at once; only domains may have
 * to be asked for. */
#include "names.h"
#include "rows.h"

#include <string.h>

static gboolean
not_found (GError **error, const char *file_name)
{
  return fail (error, BACKEND_ERROR_NOT_FOUND, "there is no \"%s\" here", file_name);
}

/* The domain's directory in the root @dir; takes the picture. */
static Place
domain_place (const Place *dir, Domain *picture)
{
  Place place = place_inside (dir, dir->kind->member);

  place.domain = picture;
  place.owner = nodes_owner (dir->mount->nodes, picture->name, picture->uuid);
  return place;
}

/* A listing says only who it is; its number needs its uuid.  One that cannot be looked at is listed
 * all the same. */
static Place
listed_domain (const Place *dir, const char *name)
{
  g_autofree char *uuid = backend_domain_uuid (dir->mount->backend, name);
  Domain *picture = uuid != NULL ? NULL : place_picture (dir->mount, name, dir->wait, NULL);
  Place place = place_inside (dir, dir->kind->member);

  if (picture != NULL)
    return domain_place (dir, picture);
  if (uuid != NULL)
    place.owner = nodes_owner (dir->mount->nodes, name, uuid);
  return place;
}

gboolean
list_domains (const Place *dir, Listing *listing, GError **error)
{
  g_auto (GStrv) names = NULL;

  if (!place_may_wait (dir))
    return FALSE;
  names = backend_list_domains (dir->mount->backend, error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *file_name = name_encode (*name);
    g_auto (Place) place = { 0 };

    if (!place_shows_domain (dir->mount, *name))
      continue;
    place = listed_domain (dir, *name);
    listing_add (listing, file_name, &place);
  }
  return TRUE;
}

/* The domain whose file name was cut off, so that only trying tells which it is. */
static char *
find_cut_name (const Place *dir, const char *file_name, GError **error)
{
  g_auto (GStrv) names = NULL;

  if (strstr (file_name, "%~") == NULL) {
    not_found (error, file_name);
    return NULL;
  }
  if (!place_may_wait (dir) || (names = backend_list_domains (dir->mount->backend, error)) == NULL)
    return NULL;
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *encoded = name_encode (*name);

    if (strcmp (encoded, file_name) == 0)
      return g_strdup (*name);
  }
  not_found (error, file_name);
  return NULL;
}

gboolean
find_domain (const Place *dir, const char *file_name, Place *child, GError **error)
{
  g_autofree char *name = name_true (file_name);
  Domain *picture;

  if (name == NULL)
    name = find_cut_name (dir, file_name, error);
  if (name == NULL)
    return FALSE;
  picture = place_picture (dir->mount, name, dir->wait, error);
  if (picture == NULL)
    return FALSE;
  *child = domain_place (dir, picture);
  if (dir->mount->notifier != NULL)
    nodes_show (dir->mount->nodes, child->owner, picture);
  return TRUE;
}

static void
list_these (const Place *dir, const GPtrArray *snapshots, Listing *listing)
{
  g_auto (Place) place = place_inside (dir, dir->kind->member);

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    g_autofree char *file_name = name_of_snapshot (dir->domain, snapshot);

    place.snapshot = snapshot;
    listing_add (listing, file_name, &place);
  }
}

static const char *
snapshot_id (const Place *dir)
{
  return dir->snapshot != NULL ? dir->snapshot->id : NULL;
}

gboolean
list_children (const Place *dir, Listing *listing, GError **error)
{
  list_these (dir, domain_children (dir->domain, snapshot_id (dir)), listing);
  return TRUE;
}

gboolean
list_snapshots (const Place *dir, Listing *listing, GError **error)
{
  list_these (dir, domain_snapshots (dir->domain), listing);
  return TRUE;
}

gboolean
find_snapshot (const Place *dir, const char *file_name, Place *child, GError **error)
{
  const Snapshot *snapshot = name_find_snapshot (dir->domain, file_name);

  if (snapshot == NULL)
    return not_found (error, file_name);
  *child = place_inside (dir, dir->kind->member);
  child->snapshot = snapshot;
  return TRUE;
}

gboolean
find_child (const Place *dir, const char *file_name, Place *child, GError **error)
{
  const Snapshot *snapshot = name_find_snapshot (dir->domain, file_name);

  if (snapshot == NULL || g_strcmp0 (snapshot->parent, snapshot_id (dir)) != 0)
    return not_found (error, file_name);
  *child = place_inside (dir, dir->kind->member);
  child->snapshot = snapshot;
  return TRUE;
}
