/* The domains that `memory:` begins with: a small demonstration, or trees of any size.
 *
 * Everything is computed from tables and numbers, so that each mount shows the same uuids, times
 * and sizes. */
#include "demo.h"
#include "../xml.h"
#include "disk.h"
#include "edit.h"

#define CAN_ALL (CAN_CREATE | CAN_DISCARD | CAN_REVERT | CAN_DESCRIBE | CAN_RENAME)
#define EPOCH 1767261600 /* 2026-01-01, ten in the morning UTC */
#define GIB (G_GUINT64_CONSTANT (1) << 30)

typedef struct {
  const char *name;
  int parent; /* index in the table; -1: a root */
  const char *description;
  gint64 hours; /* after EPOCH */
} DemoSnapshot;

static const DemoSnapshot web01[] = {
  { "base", -1, "Freshly installed", 0 },
  { "updates", 0, "All updates of January", 26 },
  { "nginx", 1, "Web server configured\nand tested with the shop's pages", 50 },
  { "experiment", 1, "HTTP/3, not for production", 75 },
  { "rescue", 0, NULL, 99 },
};

static const DemoSnapshot db01[] = {
  { "empty", -1, "Before the import", 12 },
  { "imported", 0, "Customers and orders, 2025", 37 },
};

static void
unref_domain (gpointer domain)
{
  domain_unref (domain);
}

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static char *
add_disk (Domain *domain, const char *target, guint64 size)
{
  g_autofree char *file = g_strdup_printf ("/images/%s-%s.qcow2", domain->name, target);
  char *xml = xml_disk (target, "qcow2", file);
  Disk *disk = disk_new (target, size, xml);

  disk->allocated = memory_disk_allocated (size);
  disk->readable = TRUE;
  g_ptr_array_add (domain->disks, disk);
  return xml;
}

/* A domain with the disks vda, vdb and so on, not sealed. */
static Domain *
make_domain (const char *name, guint number, guint disks)
{
  g_autofree char *uuid = g_strdup_printf ("%08x-0000-4000-8000-000000000000", number);
  Domain *domain = domain_new (name, uuid);
  GString *elements = g_string_new (NULL);

  for (guint i = 0; i < disks; i++) {
    char target[] = { 'v', 'd', (char)('a' + i), '\0' };
    g_autofree char *xml = add_disk (domain, target, (i + 1) * 8 * GIB);

    g_string_append (elements, xml);
  }
  domain->xml = text_take_string (xml_domain (name, uuid, elements->str));
  domain->changed = EPOCH;
  domain->can = CAN_ALL;
  g_string_free (elements, TRUE);
  return domain;
}

/* The number comes first, so that ids and marks differ where one looks. */
static char *
make_id (const Domain *domain, guint number)
{
  return g_strdup_printf ("%08x-0000-4000-8000-%.8s0000", number + 1, domain->uuid);
}

static Snapshot *
add_snapshot (GPtrArray *snapshots, const Domain *domain, const char *name, int parent,
              gint64 created)
{
  g_autofree char *id = make_id (domain, snapshots->len);
  Snapshot *snapshot = edit_make_snapshot (domain, id, name, created);

  if (parent >= 0)
    snapshot->parent = make_id (domain, (guint)parent);
  g_ptr_array_add (snapshots, snapshot);
  return snapshot;
}

static void
write_xml (Snapshot *snapshot, const GPtrArray *snapshots, int parent, const char *uuid)
{
  const Snapshot *above = parent < 0 ? NULL : g_ptr_array_index (snapshots, parent);

  edit_write_xml (snapshot, above == NULL ? NULL : above->name, uuid);
}

static Domain *
make_demo (const char *name, guint number, guint disks, const DemoSnapshot *table, guint length,
           guint current)
{
  Domain *domain = make_domain (name, number, disks);
  GPtrArray *snapshots = g_ptr_array_new_full (length, unref_snapshot);

  for (guint i = 0; i < length; i++) {
    Snapshot *snapshot = add_snapshot (snapshots, domain, table[i].name, table[i].parent,
                                       EPOCH + table[i].hours * 3600);

    snapshot->description = g_strdup (table[i].description);
    write_xml (snapshot, snapshots, table[i].parent, domain->uuid);
  }
  domain->current = make_id (domain, current);
  domain_seal (domain, snapshots);
  return domain;
}

/* @length snapshots, each with @fanout children as long as there are enough; a fanout of 1 is a
 * chain. */
static Domain *
make_tree (const char *name, guint number, guint length, guint fanout)
{
  Domain *domain = make_domain (name, number, 1);
  GPtrArray *snapshots = g_ptr_array_new_full (length, unref_snapshot);

  for (guint i = 0; i < length; i++) {
    g_autofree char *title = g_strdup_printf ("s%05u", i + 1);
    int parent = i == 0 ? -1 : (int)((i - 1) / fanout);
    Snapshot *snapshot = add_snapshot (snapshots, domain, title, parent, EPOCH + 60 * (gint64)i);

    write_xml (snapshot, snapshots, parent, domain->uuid);
  }
  domain->current = length == 0 ? NULL : make_id (domain, length - 1);
  domain_seal (domain, snapshots);
  return domain;
}

GPtrArray *
demo_domains (const Script *script)
{
  GPtrArray *domains = g_ptr_array_new_with_free_func (unref_domain);

  if (script->has_tree)
    g_ptr_array_add (domains, make_tree ("big", 3, script->snapshots, script->fanout));
  if (script->has_chain)
    g_ptr_array_add (domains, make_tree ("chain", 4, script->chain, 1));
  if (domains->len > 0)
    return domains;
  g_ptr_array_add (domains, make_demo ("db01", 2, 2, db01, G_N_ELEMENTS (db01), 1));
  g_ptr_array_add (domains, make_demo ("web01", 1, 1, web01, G_N_ELEMENTS (web01), 2));
  return domains;
}
