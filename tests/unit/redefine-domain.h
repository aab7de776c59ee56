#pragma once
/* A domain with snapshots to redefine. */
#include "../../backend/redefine.h"
#include "../../backend/xml.h"
#include "../testing.h"

#define UUID "93a5c045-6457-2c09-e56c-927cdf34e178"
#define CAN_EVERYTHING (((BackendCan)CAN_FORGET << 1) - 1)

static inline Snapshot *
make_snapshot (const char *id, const char *parent, const char *state)
{
  Snapshot *snapshot = snapshot_new (id, id);
  g_autofree char *disk = xml_disk ("vda", "qcow2", "/images/a.qcow2");
  g_autofree char *domain = xml_domain ("web01", UUID, disk);

  snapshot->mark = g_strdup ("mark");
  snapshot->parent = g_strdup (parent);
  snapshot->state = g_strdup (state);
  snapshot->created = 1000;
  snapshot->created_nanoseconds = 5;
  snapshot->description = g_strdup ("before");
  snapshot->external = TRUE;
  snapshot->metadata = TRUE;
  snapshot->held = TRUE;
  snapshot->compression = g_strdup ("zstd");
  snapshot->can = CAN_EVERYTHING;
  snapshot->domain_xml = text_from_string (domain);
  g_ptr_array_add (snapshot->disks, disk_new ("vda", 1 << 20, disk));
  return snapshot;
}

static inline void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

/* base, updates below it and leaf below that; live, which was running; disks, of disks only; and
 * fixed, which cannot be redefined. */
static inline Domain *
make_domain (void)
{
  Domain *domain = domain_new ("web01", UUID);
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  Snapshot *fixed = make_snapshot ("fixed", NULL, "shutoff");

  fixed->can &= ~(BackendCan)CAN_REDEFINE;
  domain->can = CAN_EVERYTHING;
  g_ptr_array_add (snapshots, make_snapshot ("base", NULL, "shutoff"));
  g_ptr_array_add (snapshots, make_snapshot ("updates", "base", "shutoff"));
  g_ptr_array_add (snapshots, make_snapshot ("leaf", "updates", "shutoff"));
  g_ptr_array_add (snapshots, make_snapshot ("live", NULL, "running"));
  g_ptr_array_add (snapshots, make_snapshot ("disks", NULL, "disk-snapshot"));
  g_ptr_array_add (snapshots, fixed);
  domain_seal (domain, snapshots);
  return domain;
}
