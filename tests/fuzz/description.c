/* A snapshot's description from anybody.  Whatever the bytes:
 *
 * - snapshot_description_parse ends in time, with a description or a sentence;
 * - in a small domain it redefines a snapshot, makes a new one, or is refused;
 * - what it makes is written as XML that is read again, and says the same. */
#include "../../backend/redefine.h"
#include "../../backend/xml.h"
#include "fuzz.h"
#include <string.h>

#define UUID "93a5c045-6457-2c09-e56c-927cdf34e178"

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static void
add_snapshot (GPtrArray *snapshots, const char *id, const char *parent, const char *state)
{
  Snapshot *snapshot = snapshot_new (id, id);
  g_autofree char *disk = xml_disk ("vda", "qcow2", "/a.qcow2");
  snapshot->parent = g_strdup (parent);
  snapshot->state = g_strdup (state);
  snapshot->can = CAN_REDEFINE;
  snapshot->external = TRUE;
  g_ptr_array_add (snapshot->disks, disk_new ("vda", 1 << 20, disk));
  g_ptr_array_add (snapshots, snapshot);
}

/* Made once and never freed. */
static const Domain *
small_domain (void)
{
  static Domain *domain;
  if (domain)
    return domain;
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  add_snapshot (snapshots, "a", NULL, "shutoff");
  add_snapshot (snapshots, "b", "a", "running");
  add_snapshot (snapshots, "c", "b", "disk-snapshot");
  domain = domain_new ("d", UUID);
  domain->can = CAN_REDEFINE | CAN_CREATE;
  domain_seal (domain, snapshots);
  return domain;
}

static void
check_description (const SnapshotDescription *description)
{
  MUST (!description->name || description->name[0] != '\0');
  MUST (description->created >= -1 && (!description->wrong || description->created == -1));
  MUST (!description->disks == !description->disks_xml);
  for (guint i = 0; description->disks && i < description->disks->len; i++) {
    const DiskRequest *request = g_ptr_array_index (description->disks, i);
    MUST (request->name && request->name[0] != '\0');
  }
}

static void
check_snapshot (const Domain *domain, const Snapshot *snapshot)
{
  const Snapshot *parent = snapshot->parent ? domain_snapshot (domain, snapshot->parent) : NULL;
  g_autoptr (GError) error = NULL;
  MUST (!snapshot->parent || parent);
  g_autofree char *xml =
      xml_domainsnapshot (snapshot, parent ? parent->name : NULL, domain->uuid, &error);
  must_agree (xml != NULL, error);
  MUST (xml);
  g_autoptr (SnapshotDescription) again = snapshot_description_parse (xml, strlen (xml), &error);
  must_agree (again != NULL, error);
  MUST (again && !again->wrong && again->created == snapshot->created);
  MUST (g_strcmp0 (again->name, snapshot->name) == 0);
  MUST (g_strcmp0 (again->description, snapshot->description) == 0);
  MUST (g_strcmp0 (again->state, snapshot->state) == 0);
  MUST (g_strcmp0 (again->parent, parent ? parent->name : NULL) == 0);
  MUST (!again->domain_xml == !snapshot->domain_xml);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  /* A copy that ends where the bytes do, so that a look past the end is seen. */
  g_autofree char *text = g_memdup2 (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) refusal = NULL;
  g_autoptr (SnapshotDescription) description =
      snapshot_description_parse (text ? text : "", size, &error);
  must_agree (description != NULL, error);
  if (!description)
    return 0;
  check_description (description);
  RedefineOptions options = { 0 };
  g_autoptr (Snapshot) snapshot =
      redefine_snapshot (small_domain (), description, &options, &refusal);
  must_agree (snapshot != NULL, refusal);
  if (snapshot)
    check_snapshot (small_domain (), snapshot);
  return 0;
}
