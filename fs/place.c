/* Places: from node to picture, and from a directory to what is in it.
 *
 * Rows come first and hide whatever a list has under the same name (which
 * names.c makes impossible).  Nothing here knows what any row means. */
#include "place.h"

#include "names.h"
#include "tree.h"

#include <fnmatch.h>
#include <string.h>

#define DEEPEST_PATH                                                                               \
  1000 /* bytes of a path from the domain's directory before the flat one is shorter */

gboolean
wait_for (Wait *wait, WaitFor what)
{
  if (!wait->allowed)
    wait->needed = MAX (wait->needed, what);
  return wait->allowed;
}

gboolean
place_may_wait (const Place *place)
{
  return wait_for (place->wait, WAIT_TO_READ);
}

gboolean
place_shows_domain (const Mount *mount, const char *domain)
{
  const GPtrArray *globs = mount->options->domains;

  for (guint i = 0; i < globs->len; i++)
    if (fnmatch (g_ptr_array_index (globs, i), domain, 0) == 0)
      return TRUE;
  return globs->len == 0;
}

Domain *
place_picture (const Mount *mount, const char *domain, Wait *wait, GError **error)
{
  Domain *picture;

  if (!place_shows_domain (mount, domain)) {
    fail (error, BACKEND_ERROR_NOT_FOUND,
          "domain \"%s\" is left out by the option domains=", domain);
    return NULL;
  }
  picture = backend_peek_domain (mount->backend, domain);
  if (picture != NULL || !wait_for (wait, WAIT_TO_READ))
    return picture;
  return backend_get_domain (mount->backend, domain, error);
}

static const Disk *
find_disk (const GPtrArray *disks, const char *target)
{
  for (guint i = 0; i < disks->len; i++) {
    const Disk *disk = g_ptr_array_index (disks, i);

    if (strcmp (disk->target, target) == 0)
      return disk;
  }
  return NULL;
}

const Disk *
place_live_disk (const Domain *domain, const char *target)
{
  return find_disk (domain->disks, target);
}

/* What the directory of the disk's own snapshots is about, also when the machine has it no more. */
static const Disk *
find_disk_of_directory (const Domain *domain, const char *target)
{
  const Disk *disk = place_live_disk (domain, target);
  const GPtrArray *snapshots = domain_disk_snapshots (domain, target);

  if (disk != NULL || snapshots->len == 0)
    return disk;
  return find_disk (((const Snapshot *)g_ptr_array_index (snapshots, 0))->disks, target);
}

static const Disk *
find_member (const Place *place, const char *target)
{
  if (place->kind == &disk_directory_kind)
    return find_disk_of_directory (place->domain, target);
  return find_disk (place->snapshot != NULL ? place->snapshot->disks : place->domain->disks,
                    target);
}

/* Finds what @about means in the picture that @place already has. */
static gboolean
fill_in (Place *place, const Identity *about, GError **error)
{
  if (strcmp (place->domain->uuid, about->owner->uuid) != 0)
    return fail (error, BACKEND_ERROR_STALE, "domain \"%s\" is another one now",
                 about->owner->name);
  if (about->snapshot != NULL) {
    place->snapshot = domain_snapshot (place->domain, about->snapshot);
    if (place->snapshot == NULL)
      return fail (error, BACKEND_ERROR_STALE, "the snapshot %s of domain \"%s\" is gone",
                   about->snapshot, about->owner->name);
  }
  if (about->member != NULL) {
    place->disk = find_member (place, about->member);
    if (place->disk == NULL)
      return fail (error, BACKEND_ERROR_STALE, "disk \"%s\" of domain \"%s\" is gone",
                   about->member, about->owner->name);
  }
  return TRUE;
}

gboolean
place_of_node (Place *place, const Mount *mount, const Node *node, Wait *wait, GError **error)
{
  const Identity *about = &node->about;
  g_autoptr (GError) problem = NULL;

  *place = (Place){ .mount = mount, .wait = wait, .kind = about->kind, .flat = about->flat };
  if (about->owner == NULL)
    return TRUE;
  place->owner = about->owner;
  place->domain = about->kind->orphan ? orphan_picture (mount, about->owner->uuid, wait, &problem)
                                      : place_picture (mount, about->owner->name, wait, &problem);
  if (g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return fail (error, BACKEND_ERROR_STALE, "%s", problem->message);
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  if (place->domain == NULL)
    return FALSE;
  if (mount->notifier != NULL && !about->kind->orphan)
    nodes_show (mount->nodes, place->owner, place->domain);
  return fill_in (place, about, error);
}

void
place_clear (Place *place)
{
  if (place->domain != NULL)
    domain_unref (place->domain);
  place->domain = NULL;
}

Identity
place_identity (const Place *place)
{
  return (Identity){
    .kind = place->kind,
    .owner = place->owner,
    .snapshot = place->snapshot != NULL ? place->snapshot->id : NULL,
    .member = place->disk != NULL ? place->disk->target : NULL,
    /* Files are the same ones in both trees; only a directory must not be in two places. */
    .flat = place->flat && S_ISDIR (place->kind->mode),
  };
}

Place
place_inside (const Place *dir, const NodeKind *kind)
{
  Place child = *dir;

  child.kind = kind;
  child.flat = dir->flat || kind->flat;
  if (child.domain != NULL)
    domain_ref (child.domain);
  return child;
}

Place
place_above (const Place *place)
{
  Place above = place_inside (place, place->kind);
  const char *parent = place->snapshot->parent;

  if (place->kind == disk_directory_kind.member) {
    above.disk = find_disk_of_directory (place->domain, snapshot_single_disk (place->snapshot));
    above.snapshot = NULL;
    above.kind = &disk_directory_kind;
    return above;
  }
  if (!place->flat && parent != NULL) {
    above.snapshot = domain_snapshot (place->domain, parent);
    return above;
  }
  above.snapshot = NULL;
  above.kind = root_kind.member;
  for (const NodeKind *row = root_kind.member->rows; place->flat && row->name != NULL; row++)
    if (row->flat)
      above.kind = row;
  return above;
}

gboolean
place_find (const Place *dir, const char *file_name, Place *child, GError **error)
{
  const NodeKind *row = dir->kind->rows;

  if (strlen (file_name) > NAME_MAX)
    return fail (error, BACKEND_ERROR_NAME_TOO_LONG, "a name may have %d bytes", NAME_MAX);
  for (; row != NULL && row->name != NULL; row++)
    if (strcmp (row->name, file_name) == 0) {
      *child = place_inside (dir, row);
      if (row_present (child))
        return TRUE;
      place_clear (child);
    }
  *child = (Place){ 0 };
  if (dir->kind->find == NULL)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "there is no \"%s\" here", file_name);
  return dir->kind->find (dir, file_name, child, error);
}

/* The path, or NULL when it is longer than it may be. */
static char *
nested_path (const Domain *domain, const Snapshot *snapshot)
{
  g_autoptr (GString) path = g_string_new (NULL);

  for (; snapshot != NULL && path->len < DEEPEST_PATH;
       snapshot = snapshot->parent != NULL ? domain_snapshot (domain, snapshot->parent) : NULL) {
    g_autofree char *name = name_of_snapshot (domain, snapshot);

    if (path->len > 0)
      g_string_prepend_c (path, '/');
    g_string_prepend (path, name);
  }
  if (path->len >= DEEPEST_PATH)
    return NULL;
  return g_string_free (g_steal_pointer (&path), FALSE);
}

static char *
path_beside (const Domain *domain, const Snapshot *snapshot)
{
  g_autofree char *disk = name_encode (snapshot->disk);
  g_autofree char *name = name_of_snapshot (domain, snapshot);

  return g_strconcat ("disks/", disk, "/", name, NULL);
}

char *
place_path_of (const Domain *domain, const Snapshot *snapshot)
{
  g_autofree char *name = NULL;
  char *path;

  if (snapshot->disk != NULL)
    return path_beside (domain, snapshot);
  path = nested_path (domain, snapshot);
  if (path != NULL)
    return path;
  name = name_of_snapshot (domain, snapshot);
  return g_strconcat (".snapshots/", name, NULL);
}

char *
place_path (const Place *place)
{
  g_autofree char *domain = place->owner != NULL ? name_encode (place->owner->name) : g_strdup ("");
  g_autofree char *path = NULL;

  if (place->snapshot == NULL)
    return g_steal_pointer (&domain);
  path = place_path_of (place->domain, place->snapshot);
  return g_strconcat (domain, "/", path, NULL);
}

void
listing_add (Listing *listing, const char *file_name, const Place *place)
{
  Entry entry = { .name = listing->names->len,
                  .kind = place->kind,
                  .owner = place->owner,
                  .snapshot = place->snapshot,
                  .disk = place->disk };

  g_string_append_len (listing->names, file_name, (gssize)strlen (file_name) + 1);
  g_array_append_val (listing->entries, entry);
}

const char *
listing_name (const Listing *listing, const Entry *entry)
{
  return listing->names->str + entry->name;
}

void
listing_clear (Listing *listing)
{
  if (listing->entries != NULL)
    g_array_unref (listing->entries);
  if (listing->names != NULL)
    g_string_free (listing->names, TRUE);
  *listing = (Listing){ 0 };
}

gboolean
place_list (const Place *dir, Listing *listing, GError **error)
{
  const NodeKind *row = dir->kind->rows;

  listing->entries = g_array_sized_new (FALSE, FALSE, sizeof (Entry), 8);
  listing->names = g_string_sized_new (128);
  for (; row != NULL && row->name != NULL; row++) {
    g_auto (Place) child = place_inside (dir, row);

    if (!row->unlisted && row_present (&child))
      listing_add (listing, row->name, &child);
  }
  return dir->kind->list == NULL || dir->kind->list (dir, listing, error);
}
