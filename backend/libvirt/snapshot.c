/* What a <domainsnapshot> of libvirt's says, as a snapshot of the model.
 *
 * The document comes from a driver and is still read like anybody's: what is in it was written by
 * people.  Its name is not taken from it, because not every name survives in XML. */
#include "snapshot.h"

#include "../xml-tree.h"

#include <string.h>

static void
free_disk (gpointer disk)
{
  disk_free (disk);
}

static GPtrArray *
disks_in (const xmlNode *domain)
{
  GPtrArray *disks = g_ptr_array_new_with_free_func (free_disk);
  g_autoptr (DomainDescription) description = domain_description_read (domain, NULL);

  for (guint i = 0; description != NULL && i < description->disks->len; i++) {
    const DiskDescription *disk = g_ptr_array_index (description->disks, i);

    g_ptr_array_add (disks, disk_new (disk->target, 0, disk->xml));
  }
  return disks;
}

GPtrArray *
snapshot_disks (const char *domain_xml)
{
  g_autoptr (xmlDoc) document = xml_parse (domain_xml, strlen (domain_xml), NULL);

  return disks_in (document == NULL ? NULL : xmlDocGetRootElement (document));
}

/* libvirt's virDomainSnapshotDefIsExternal. */
static gboolean
is_external (const SnapshotDescription *description)
{
  if (g_strcmp0 (description->memory, "external") == 0)
    return TRUE;
  for (guint i = 0; description->disks != NULL && i < description->disks->len; i++) {
    const DiskRequest *disk = g_ptr_array_index (description->disks, i);

    if (g_strcmp0 (disk->snapshot, "external") == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_left_out (const SnapshotDescription *description, const char *target)
{
  for (guint i = 0; description->disks != NULL && i < description->disks->len; i++) {
    const DiskRequest *disk = g_ptr_array_index (description->disks, i);

    if (g_str_equal (disk->name, target))
      return g_strcmp0 (disk->snapshot, "no") == 0 || g_strcmp0 (disk->snapshot, "manual") == 0;
  }
  return FALSE;
}

/* Those of the machine as it was then that the snapshot is of. */
static GPtrArray *
disks_of (const SnapshotDescription *description, const xmlNode *root)
{
  GPtrArray *disks = disks_in (xml_child (root, "domain"));

  for (guint i = disks->len; i-- > 0;)
    if (is_left_out (description, ((const Disk *)g_ptr_array_index (disks, i))->target))
      g_ptr_array_remove_index (disks, i);
  return disks;
}

/* As `mkdir disks/vda/NAME` makes one, whoever took it: libvirt lists all of the machine's disks,
 * and one of them has got a new file. */
static gboolean
is_of_one_disk (const SnapshotDescription *description, const GPtrArray *disks)
{
  const char *external = NULL;

  if (description->memory != NULL && !g_str_equal (description->memory, "no"))
    return FALSE;
  for (guint i = 0; description->disks != NULL && i < description->disks->len; i++) {
    const DiskRequest *disk = g_ptr_array_index (description->disks, i);

    if (g_strcmp0 (disk->snapshot, "no") == 0)
      continue;
    if (external != NULL || g_strcmp0 (disk->snapshot, "external") != 0)
      return FALSE;
    external = disk->name;
  }
  return disks->len == 1 &&
         g_strcmp0 (external, ((const Disk *)g_ptr_array_index (disks, 0))->target) == 0;
}

static void
fill (Snapshot *snapshot, const SnapshotDescription *description, const xmlNode *root)
{
  snapshot->created = MAX (description->created, 0);
  snapshot->changed = snapshot->created;
  snapshot->state = g_strdup (description->state);
  snapshot->description = g_strdup (description->description);
  snapshot->external = is_external (description);
  if (description->domain_xml != NULL)
    snapshot->domain_xml = text_from_string (description->domain_xml);
  g_ptr_array_unref (snapshot->disks);
  snapshot->disks = disks_of (description, root);
  snapshot->one_disk = is_of_one_disk (description, snapshot->disks);
  snapshot->replaced = snapshot->one_disk;
  if (description->wrong != NULL)
    snapshot->problem = g_strdup (description->wrong->message);
}

/* NULL: it cannot be read. */
static SnapshotDescription *
describe (xmlDoc *document, GError **error)
{
  return document == NULL ? NULL
                          : snapshot_description_read (xmlDocGetRootElement (document), error);
}

/* There may be thousands, so each document is parsed once. */
ReadSnapshot *
snapshot_read (const char *name, const char *xml)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (xmlDoc) document = xml_parse (xml, strlen (xml), &problem);
  g_autoptr (SnapshotDescription) description = describe (document, &problem);
  ReadSnapshot *read = g_new0 (ReadSnapshot, 1);

  read->snapshot = snapshot_new (NULL, name);
  read->snapshot->xml = text_from_string (xml);
  if (description == NULL) {
    read->snapshot->problem = g_strdup_printf ("its XML cannot be read: %s", problem->message);
    return read;
  }
  fill (read->snapshot, description, xmlDocGetRootElement (document));
  read->parent = g_strdup (description->parent);
  read->layout = layout_read (xmlDocGetRootElement (document));
  return read;
}

void
read_snapshot_free (ReadSnapshot *read)
{
  if (read == NULL)
    return;
  snapshot_unref (read->snapshot);
  g_clear_pointer (&read->layout, layout_free);
  g_free (read->parent);
  g_free (read);
}
