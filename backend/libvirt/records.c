/* Forgetting a snapshot in files of its own, and keeping what is recorded of the others.
 *
 * When libvirt (9.0) forgets one that has children, it takes its file for merged, whether it was or
 * not, and has its descendants read another file from then on: other bytes under their names.  It
 * does nothing of that to one without children.  So they are moved up first; whenever that ends,
 * every name has its bytes. */
#include "records.h"
#include "layout.h"
#include "refusal.h"
#include <stdlib.h>

gboolean
record_write (virDomainPtr domain, const char *xml, const char *state, GError **error)
{
  guint flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
  if (g_strcmp0 (state, "disk-snapshot") == 0)
    flags |= VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY;
  virDomainSnapshotPtr redefined = virDomainSnapshotCreateXML (domain, xml, flags);
  if (!redefined)
    return refusal_fail_last (error, virDomainGetName (domain));
  virDomainSnapshotFree (redefined);
  return TRUE;
}

static gboolean
move_under (virDomainPtr domain, virDomainSnapshotPtr child, const char *parent, GError **error)
{
  char *xml = virDomainSnapshotGetXMLDesc (child, VIR_DOMAIN_SNAPSHOT_XML_SECURE);
  if (!xml)
    return refusal_fail_last (error, virDomainSnapshotGetName (child));
  g_autoptr (Layout) layout = layout_parse (xml, error);
  g_autofree char *moved = layout ? layout_under (xml, parent, error) : NULL;
  free (xml);
  return moved && record_write (domain, moved, layout->state, error);
}

static gboolean
move_children (virDomainPtr domain, virDomainSnapshotPtr snapshot, const char *parent,
               GError **error)
{
  virDomainSnapshotPtr *children = NULL;
  int count = virDomainSnapshotListAllChildren (snapshot, &children, 0);
  gboolean good = count >= 0 || refusal_fail_last (error, virDomainSnapshotGetName (snapshot));
  for (int i = 0; i < count; i++) {
    good = good && move_under (domain, children[i], parent, error);
    virDomainSnapshotFree (children[i]);
  }
  free (children);
  return good;
}

gboolean
record_raise_children (virDomainPtr domain, const char *name, GError **error)
{
  virDomainSnapshotPtr snapshot = virDomainSnapshotLookupByName (domain, name, 0);
  if (!snapshot)
    return refusal_fail_last (error, name);
  virDomainSnapshotPtr parent = virDomainSnapshotGetParent (snapshot, 0);
  gboolean good =
      move_children (domain, snapshot, parent ? virDomainSnapshotGetName (parent) : NULL, error);
  if (parent)
    virDomainSnapshotFree (parent);
  virDomainSnapshotFree (snapshot);
  return good;
}

gboolean
record_forget (virDomainPtr domain, const char *name, GError **error)
{
  virDomainSnapshotPtr snapshot = virDomainSnapshotLookupByName (domain, name, 0);
  if (!snapshot)
    return refusal_fail_last (error, name);
  int done = virDomainSnapshotDelete (snapshot, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);
  gboolean good = done == 0 || refusal_fail_last (error, name);
  virDomainSnapshotFree (snapshot);
  return good;
}
