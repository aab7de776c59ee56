/* The state of a domain as JSON, for whoever compares it with what it should be.
 *
 *   {"current": NAME, "problem": null, "notes": [LINE…], "live": {TARGET: DISK…}, "snapshots": [
 *     {"name": …, "parent": NAME, "description": …, "held": …, "no_data": …, "external": …,
 *      "problem": null, "disks": {TARGET: DISK…}} …],
 *    "beside": [the same, of one disk each …]}
 *
 * A DISK is [SIZE, SHA-256], or a sentence why its bytes cannot be had. */
#include "dump.h"

#include <json-glib/json-glib.h>

#define PIECE (256 * 1024)

/* ---- bytes */

static gboolean
add_bytes (GChecksum *sum, DiskReader *reader, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (PIECE);

  for (guint64 done = 0; done < reader->size;) {
    gsize count = (gsize)MIN (PIECE, reader->size - done);

    if (!disk_reader_read (reader, buffer, count, done, TRUE, error))
      return FALSE;
    g_checksum_update (sum, buffer, (gssize)count);
    done += count;
  }
  return TRUE;
}

static gboolean
add_disk (JsonBuilder *builder, DiskReader *reader, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  if (!add_bytes (sum, reader, error))
    return FALSE;
  json_builder_begin_array (builder);
  json_builder_add_int_value (builder, (gint64)reader->size);
  json_builder_add_string_value (builder, g_checksum_get_string (sum));
  json_builder_end_array (builder);
  return TRUE;
}

/* @snapshot NULL: the disks as they are now. */
static void
add_disks (JsonBuilder *builder, Backend *backend, const Domain *domain, const Snapshot *snapshot)
{
  const GPtrArray *disks = snapshot != NULL ? snapshot->disks : domain->disks;

  json_builder_begin_object (builder);
  for (guint i = 0; i < disks->len; i++) {
    const Disk *disk = g_ptr_array_index (disks, i);
    const char *id = snapshot != NULL ? snapshot->id : NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (DiskReader) reader =
        backend_open_disk (backend, domain->name, id, disk->target, &error);

    json_builder_set_member_name (builder, disk->target);
    if (reader == NULL || !add_disk (builder, reader, &error))
      json_builder_add_string_value (builder, error->message);
  }
  json_builder_end_object (builder);
}

/* ---- the tree */

static void
add_text (JsonBuilder *builder, const char *member, const char *text)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, text); /* NULL becomes null */
}

static void
add_flag (JsonBuilder *builder, const char *member, gboolean flag)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_boolean_value (builder, flag);
}

static const char *
name_of (const Domain *domain, const char *id)
{
  const Snapshot *snapshot = id != NULL ? domain_snapshot (domain, id) : NULL;

  return snapshot != NULL ? snapshot->name : id;
}

static void
add_snapshot (JsonBuilder *builder, Backend *backend, const Domain *domain,
              const Snapshot *snapshot, gboolean bytes)
{
  json_builder_begin_object (builder);
  add_text (builder, "name", snapshot->name);
  add_text (builder, "disk", snapshot->disk);
  add_text (builder, "parent", name_of (domain, snapshot->parent));
  add_text (builder, "description", snapshot->description);
  add_text (builder, "problem", snapshot->problem);
  add_flag (builder, "held", snapshot->held);
  add_flag (builder, "no_data", snapshot->no_data);
  add_flag (builder, "external", snapshot->external);
  if (bytes) {
    json_builder_set_member_name (builder, "disks");
    add_disks (builder, backend, domain, snapshot);
  }
  json_builder_end_object (builder);
}

static void
add_snapshots (JsonBuilder *builder, const char *member, const GPtrArray *all, Backend *backend,
               const Domain *domain, gboolean bytes)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_array (builder);
  for (guint i = 0; i < all->len; i++)
    add_snapshot (builder, backend, domain, g_ptr_array_index (all, i), bytes);
  json_builder_end_array (builder);
}

static void
add_all_snapshots (JsonBuilder *builder, Backend *backend, const Domain *domain, gboolean bytes)
{
  add_snapshots (builder, "snapshots", domain_snapshots (domain), backend, domain, bytes);
  add_snapshots (builder, "beside", domain_disk_snapshots (domain, NULL), backend, domain, bytes);
}

static void
add_notes (JsonBuilder *builder, const Domain *domain)
{
  json_builder_set_member_name (builder, "notes");
  json_builder_begin_array (builder);
  for (guint i = 0; i < domain->notes->len; i++)
    json_builder_add_string_value (builder, g_ptr_array_index (domain->notes, i));
  json_builder_end_array (builder);
}

char *
dump_domain (Backend *backend, const char *name, gboolean bytes, GError **error)
{
  g_autoptr (Domain) domain = backend_get_domain (backend, name, error);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  if (domain == NULL)
    return NULL;
  json_builder_begin_object (builder);
  add_text (builder, "current", name_of (domain, domain->current));
  add_text (builder, "problem", domain->problem);
  add_notes (builder, domain);
  add_all_snapshots (builder, backend, domain, bytes);
  if (bytes) {
    json_builder_set_member_name (builder, "live");
    add_disks (builder, backend, domain, NULL);
  }
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}
