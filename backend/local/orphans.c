/* Metadata whose domain is gone: which there are, and what they say.
 *
 * A domain that is made again with the same uuid finds its records where they were: nothing has to
 * be done for that. */
#include "orphans.h"
#include "fd.h"
#include "listing.h"
#include "orphan-records.h"
#include "picture.h"
#include <string.h>

static GStrv
sorted_keys (GHashTable *table)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (table), (GCompareFunc)strcmp);
  for (const GList *key = keys; key; key = key->next)
    g_strv_builder_add (builder, key->data);
  return g_strv_builder_end (builder);
}

/* What is half dropped is nobody's any more, even if its domain is back. */
static gboolean
is_orphan (const GPtrArray *found, const char *name, const char *uuid)
{
  return strcmp (name, uuid) != 0 || !orphan_has_domain (found, uuid);
}

static GStrv
list_orphans (int all, const GPtrArray *found, GError **error)
{
  g_autoptr (GPtrArray) names = listing_of (all, "the records", error);
  g_autoptr (GHashTable) uuids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; names && i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *uuid = orphan_uuid (name);
    if (uuid && is_orphan (found, name, uuid))
      g_hash_table_add (uuids, g_steal_pointer (&uuid));
  }
  return names ? sorted_keys (uuids) : NULL;
}

GStrv
orphans_list (Store *store, GError **error)
{
  g_autoptr (GPtrArray) found = store_found (store, error);
  gboolean any = FALSE;
  autofd all = -1;
  if (!found || !orphan_open_all (store, &all, &any, error))
    return NULL;
  return any ? list_orphans (all, found, error) : g_new0 (char *, 1);
}

/* -------------------------------------------------------------------- one of them */

static void
snapshot_release (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static void
add_bare (GPtrArray *bare, const GPtrArray *all)
{
  for (guint i = 0; i < all->len; i++) {
    Snapshot *snapshot = snapshot_copy (g_ptr_array_index (all, i));
    g_ptr_array_set_size (snapshot->disks, 0);
    snapshot->can = 0;
    g_ptr_array_add (bare, snapshot);
  }
}

/* What is left of snapshots without their domain. */
static GPtrArray *
bare_snapshots (const Domain *picture)
{
  GPtrArray *bare = g_ptr_array_new_with_free_func (snapshot_release);
  add_bare (bare, domain_snapshots (picture));
  add_bare (bare, domain_disk_snapshots (picture, NULL));
  return bare;
}

static Domain *
picture_orphan (const Places *places, const Records *records)
{
  g_autoptr (GPtrArray) nothing = g_ptr_array_new ();
  const LocalDomain found = {
    .name = records->name, .uuid = records->uuid, .files = nothing, .disks = nothing
  };
  g_autoptr (Domain) picture = picture_build (places, &found, records, NULL, NULL, NULL);
  Domain *domain = domain_new (records->name, records->uuid);
  domain->current = g_strdup (picture->current);
  domain->problem = g_strdup (picture->problem);
  domain_seal (domain, bare_snapshots (picture));
  return domain;
}

Domain *
orphans_get (Store *store, const char *uuid, GError **error)
{
  autofd fd = orphan_find (store, uuid, error);
  if (fd < 0)
    return NULL;
  g_autofree char *name = orphan_name (fd, uuid);
  g_autoptr (Records) records = records_read (fd, uuid, name, error);
  return records ? picture_orphan (store->places, records) : NULL;
}
