/* The domains that `memory:` begins with: a small demonstration, or trees of any size; and what is
 * left over of domains that are gone.
 *
 * Everything is computed from tables and numbers, so that each mount shows the same uuids, times
 * and sizes. */
#include "demo.h"
#include "disk.h"
#include "draft.h"

#define EPOCH 1767261600 /* 2026-01-01, ten in the morning UTC */
#define GIB (G_GUINT64_CONSTANT (1) << 30)
#define FIRST_ORPHAN 0x100 /* of the numbers that uuids are made of */
#define ORPHAN_SNAPSHOTS 2

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

/* A domain without snapshots, with the disks vda, vdb and so on. */
static Domain *
make_domain (const char *name, guint number, guint disks)
{
  g_autofree char *uuid = g_strdup_printf ("%08x-0000-4000-8000-000000000000", number);
  Domain *domain = domain_new (name, uuid);

  for (guint i = 0; i < disks; i++) {
    const char target[] = { 'v', 'd', (char)('a' + i), '\0' };

    g_ptr_array_add (domain->disks, memory_disk_new (name, target, (i + 1) * 8 * GIB, NULL));
  }
  domain->xml = memory_disks_domain (name, uuid, domain->disks);
  domain->changed = EPOCH;
  domain_seal (domain, NULL);
  return domain;
}

/* The number comes first, so that ids and marks differ where one looks. */
static char *
make_id (const Draft *draft, guint number)
{
  return g_strdup_printf ("%08x-0000-4000-8000-%.8s0000", number + 1, draft->before->uuid);
}

/* As if the machine had written something before each snapshot. */
static void
write_disks (Snapshot *snapshot, const char *domain)
{
  for (guint i = 0; i < snapshot->disks->len; i++) {
    Disk *disk = g_ptr_array_index (snapshot->disks, i);

    snapshot->disks->pdata[i] = memory_disk_new (domain, disk->target, disk->size, snapshot->name);
    disk_free (disk);
  }
}

static void
add_snapshot (Draft *draft, const char *name, int parent, gint64 created, const char *description)
{
  g_autofree char *id = make_id (draft, draft->snapshots->len);
  Snapshot *snapshot = draft_make_snapshot (draft, id, name, created);

  if (parent >= 0)
    snapshot->parent = make_id (draft, (guint)parent);
  snapshot->description = g_strdup (description);
  write_disks (snapshot, draft->before->name);
  draft_put (draft, snapshot);
}

/* The picture with the snapshot of this number current; -1: none. */
static Domain *
finish (Draft *draft, int current)
{
  g_autofree char *id = current < 0 ? NULL : make_id (draft, (guint)current);
  Domain *domain;

  draft_set_current (draft, id);
  domain = draft_picture (draft);
  draft_clear (draft);
  return domain;
}

static Domain *
make_demo (const char *name, guint number, guint disks, const DemoSnapshot *table, guint length,
           int current)
{
  g_autoptr (Domain) empty = make_domain (name, number, disks);
  Draft draft;

  draft_begin (&draft, empty);
  for (guint i = 0; i < length; i++)
    add_snapshot (&draft, table[i].name, table[i].parent, EPOCH + table[i].hours * 3600,
                  table[i].description);
  return finish (&draft, current);
}

/* @length snapshots, each with @fanout children as long as there are enough; a fanout of 1 is a
 * chain. */
static Domain *
make_tree (const char *name, guint number, guint disks, guint length, guint fanout)
{
  g_autoptr (Domain) empty = make_domain (name, number, disks);
  Draft draft;

  draft_begin (&draft, empty);
  for (guint i = 0; i < length; i++) {
    g_autofree char *title = g_strdup_printf ("s%05u", i + 1);
    int parent = i == 0 ? -1 : (int)((i - 1) / fanout);

    add_snapshot (&draft, title, parent, EPOCH + 60 * (gint64)i, NULL);
  }
  return finish (&draft, (int)length - 1);
}

GPtrArray *
demo_domains (const Script *script)
{
  GPtrArray *domains = g_ptr_array_new_with_free_func (unref_domain);

  if (script->has_tree)
    g_ptr_array_add (domains, make_tree ("big", 3, 1, script->snapshots, script->fanout));
  if (script->has_chain)
    g_ptr_array_add (domains, make_tree ("chain", 4, 1, script->chain, 1));
  if (script->has_pair)
    g_ptr_array_add (domains, make_tree ("pair", 5, 2, script->pair, 1));
  if (domains->len > 0)
    return domains;
  g_ptr_array_add (domains, make_demo ("db01", 2, 2, db01, G_N_ELEMENTS (db01), 1));
  g_ptr_array_add (domains, make_demo ("web01", 1, 1, web01, G_N_ELEMENTS (web01), 2));
  return domains;
}

GPtrArray *
demo_orphans (const Script *script)
{
  GPtrArray *orphans = g_ptr_array_new_with_free_func (unref_domain);

  for (guint i = 0; i < script->orphans; i++) {
    g_autofree char *name = g_strdup_printf ("gone%02u", i + 1);

    g_ptr_array_add (orphans, make_tree (name, FIRST_ORPHAN + i, 0, ORPHAN_SNAPSHOTS, 1));
  }
  return orphans;
}
