/* `disks/vda/`: the snapshots of one disk.
 *
 * They are flat, and names of theirs are told apart only from one another's.  The directory is
 * there where one can be taken, and as long as there are any: also of a disk that was taken out of
 * the machine since.
 *
 * Where a hypervisor has them in its one tree, the directory is another view of them, like
 * .snapshots, and like that not listed: who walks through the tree meets each snapshot once. */
#include "../backend/xml.h"
#include "names.h"
#include "rows.h"

#include <string.h>

/* -------------------------------------------------------------------- which there are */

gboolean
has_disk_directory (const Place *place)
{
  return (row_can (place) & (CAN_DISK | CAN_DISK_IN_TREE)) != 0 ||
         domain_disk_snapshots (place->domain, place->disk->target)->len > 0;
}

gboolean
lists_disk_directory (const Place *place)
{
  const GPtrArray *all = domain_disk_snapshots (place->domain, place->disk->target);

  return (row_can (place) & CAN_DISK) != 0 ||
         (all->len > 0 && !((const Snapshot *)g_ptr_array_index (all, 0))->one_disk);
}

static Place
snapshot_place (const Place *dir, const Snapshot *snapshot)
{
  Place place = place_inside (dir, dir->kind->member);

  place.snapshot = snapshot;
  place.disk = NULL; /* it is about the snapshot; a file in it may be about the disk */
  return place;
}

gboolean
list_disk_snapshots (const Place *dir, Listing *listing, GError **error)
{
  const GPtrArray *all = domain_disk_snapshots (dir->domain, dir->disk->target);

  for (guint i = 0; i < all->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (all, i);
    g_autofree char *file_name = name_of_snapshot (dir->domain, snapshot);
    g_auto (Place) place = snapshot_place (dir, snapshot);

    listing_add (listing, file_name, &place);
  }
  return TRUE;
}

gboolean
find_disk_snapshot (const Place *dir, const char *file_name, Place *child, GError **error)
{
  const Snapshot *snapshot = name_find_disk_snapshot (dir->domain, dir->disk->target, file_name);

  if (snapshot == NULL)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "there is no \"%s\" here", file_name);
  *child = snapshot_place (dir, snapshot);
  return TRUE;
}

char *
make_disk_snapshot (const Place *dir, const char *name, Job *job, GError **error)
{
  const CreateOptions options = { .name = name, .disk = dir->disk->target };

  return backend_create (dir->mount->backend, dir->owner->name, &options, job, error);
}

/* -------------------------------------------------------------------- what they say */

static const Disk *
disk_of (const Snapshot *snapshot)
{
  return g_ptr_array_index (snapshot->disks, 0);
}

/* A <source> element; NULL: its bytes are in none that XML can name. */
static char *
backup_source (const Place *place)
{
  return xml_disk_source_element (disk_of (place->snapshot)->xml);
}

gboolean
has_backup_source (const Place *place)
{
  g_autofree char *element = backup_source (place);

  return element != NULL;
}

Text *
show_backup_source (const Place *place, GError **error)
{
  char *element = backup_source (place);

  if (element != NULL)
    return text_take_string (element);
  fail (error, BACKEND_ERROR_STALE, "this text is gone");
  return NULL;
}

/* Where the other file has another name, the machine may have come back to this one. */
static gboolean
has_same_source (const Snapshot *snapshot, const Disk *now)
{
  g_autofree char *before = xml_disk_source (disk_of (snapshot)->xml);
  g_autofree char *after = xml_disk_source (now->xml);

  return g_strcmp0 (before, after) == 0;
}

/* NULL: it is the one that it was, or the machine has none of this name any more. */
static Text *
modified_disk (const Place *place)
{
  const Snapshot *snapshot = place->snapshot;
  const Disk *now = place_live_disk (place->domain, snapshot_single_disk (snapshot));

  if (!snapshot->replaced || now == NULL || (snapshot->one_disk && has_same_source (snapshot, now)))
    return NULL;
  return now->xml;
}

gboolean
has_modified_disk (const Place *place)
{
  return modified_disk (place) != NULL;
}

Text *
show_modified_disk (const Place *place, GError **error)
{
  Text *xml = modified_disk (place);

  if (xml == NULL)
    fail (error, BACKEND_ERROR_STALE, "this text is gone");
  return text_ref (xml);
}
