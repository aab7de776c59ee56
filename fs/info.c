/* The info files: "key: value", a line each, in a fixed order.
 *
 * One line per key whatever a value holds, so control characters are shown as
 * %XX; everything else is shown as it is. */
#include "../backend/xml.h"
#include "names.h"
#include "rows.h"

#include <string.h>
#include <time.h>

static void
add (GString *out, const char *key, const char *value)
{
  g_autofree char *shown = text_without_controls (value);

  g_string_append_printf (out, "%s: %s\n", key, shown);
}

static void
add_number (GString *out, const char *key, guint value)
{
  g_string_append_printf (out, "%s: %u\n", key, value);
}

static const char *
yes_or_no (gboolean is_so)
{
  return is_so ? "yes" : "no";
}

static void
add_time (GString *out, const char *key, gint64 seconds)
{
  time_t time = (time_t)seconds;
  struct tm parts;
  char text[64] = "";

  if (gmtime_r (&time, &parts) != NULL)
    strftime (text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  add (out, key, text);
}

static Text *
finish (GString *out)
{
  Text *text = text_new (out->str, out->len);

  g_string_free (out, TRUE);
  return text;
}

static void
add_current (GString *out, const Domain *domain)
{
  const Snapshot *current =
      domain->current != NULL ? domain_snapshot (domain, domain->current) : NULL;
  g_autofree char *path = current != NULL ? place_path_of (domain, current) : NULL;

  if (path != NULL)
    add (out, "current", path);
}

static void
add_snapshots (GString *out, const Domain *domain)
{
  const GPtrArray *all = domain_disk_snapshots (domain, NULL);
  guint of_disks = 0;

  for (guint i = 0; i < all->len; i++)
    if (!((const Snapshot *)g_ptr_array_index (all, i))->one_disk)
      of_disks++;
  add_number (out, "snapshots", domain_count (domain));
  if (of_disks > 0)
    add_number (out, "disk-snapshots", of_disks);
}

static void
add_notes (GString *out, const GPtrArray *notes)
{
  for (guint i = 0; i < notes->len; i++) {
    const char *note = g_ptr_array_index (notes, i);
    g_autofree char *line = g_strdup (note);
    char *colon = strstr (line, ": ");

    if (colon == NULL)
      continue;
    *colon = '\0';
    add (out, line, colon + 2);
  }
}

Text *
show_domain_info (const Place *place, GError **error)
{
  const Domain *domain = place->domain;
  g_autofree char *can = backend_can_words (row_can (place));
  g_autofree char *state = NULL;
  GString *out;

  /* Only the hypervisor knows whether it runs. */
  if (!place_may_wait (place))
    return NULL;
  state = backend_run_state (place->mount->backend, domain->name, NULL);
  out = g_string_new (NULL);
  add (out, "name", domain->name);
  add (out, "uuid", domain->uuid);
  add (out, "state", state != NULL ? state : "unknown");
  add_current (out, domain);
  add_snapshots (out, domain);
  add (out, "can", can);
  add_notes (out, domain->notes);
  if (domain->problem != NULL)
    add (out, "problem", domain->problem);
  return finish (out);
}

/* What most snapshots have nothing to say of. */
static void
add_rare (GString *out, const Snapshot *snapshot)
{
  if (snapshot->held)
    add (out, "held", "yes");
  if (snapshot->no_data)
    add (out, "data", "none");
  if (snapshot->compression != NULL)
    add (out, "compression", snapshot->compression);
  if (snapshot->quiesced != NULL)
    add (out, "quiesced", snapshot->quiesced);
  if (snapshot->problem != NULL)
    add (out, "problem", snapshot->problem);
}

Text *
show_snapshot_info (const Place *place, GError **error)
{
  const Domain *domain = place->domain;
  const Snapshot *snapshot = place->snapshot;
  const Snapshot *parent =
      snapshot->parent != NULL ? domain_snapshot (domain, snapshot->parent) : NULL;
  GString *out = g_string_new (NULL);

  add (out, "name", snapshot->name);
  add (out, "domain", domain->name);
  add (out, "uuid", snapshot->id);
  if (snapshot->one_disk)
    add (out, "disk", snapshot_single_disk (snapshot));
  add (out, "state", snapshot->state != NULL ? snapshot->state : "unknown");
  add (out, "current", yes_or_no (g_strcmp0 (domain->current, snapshot->id) == 0));
  if (parent != NULL)
    add (out, "parent", parent->name);
  add_time (out, "created", snapshot->created);
  add (out, "location", snapshot->external ? "external" : "internal");
  add_number (out, "children", domain_children (domain, snapshot->id)->len);
  add_number (out, "descendants", domain_descendants (domain, snapshot));
  add (out, "metadata", yes_or_no (snapshot->metadata));
  add_rare (out, snapshot);
  return finish (out);
}

/* Where nothing is noted nobody asked the guest; but who has them in the tree keeps no note of it,
 * and then only a machine that was off is known to have had no guest. */
static const char *
was_quiesced (const Snapshot *snapshot)
{
  return snapshot->one_disk && g_strcmp0 (snapshot->state, "shutoff") != 0 ? "unknown" : "no";
}

/* The domain's snapshot that was current then. */
static const Snapshot *
find_parent (const Domain *domain, const Snapshot *snapshot)
{
  const char *parent = snapshot->one_disk ? snapshot->parent : snapshot->after;

  return parent != NULL ? domain_snapshot (domain, parent) : NULL;
}

Text *
show_disk_snapshot_info (const Place *place, GError **error)
{
  const Domain *domain = place->domain;
  const Snapshot *snapshot = place->snapshot;
  const Snapshot *parent = find_parent (domain, snapshot);
  const Disk *disk = g_ptr_array_index (snapshot->disks, 0);
  g_autofree char *format = xml_disk_format (disk->xml);
  GString *out = g_string_new (NULL);

  add (out, "name", snapshot->name);
  add (out, "domain", domain->name);
  add (out, "disk", snapshot_single_disk (snapshot));
  add (out, "uuid", snapshot->id);
  if (disk->method != NULL)
    add (out, "method", disk->method);
  if (format != NULL)
    add (out, "format", format);
  if (snapshot->quiesced == NULL) /* else it is said below */
    add (out, "quiesced", was_quiesced (snapshot));
  if (parent != NULL)
    add (out, "parent", parent->name);
  add_time (out, "created", snapshot->created);
  if (snapshot->one_disk) {
    g_autofree char *path = place_path_of (domain, snapshot);

    add (out, "tree", path);
  }
  add_rare (out, snapshot);
  return finish (out);
}

Text *
show_orphan_info (const Place *place, GError **error)
{
  const Domain *domain = place->domain;
  GString *out = g_string_new (NULL);

  add (out, "name", domain->name);
  add (out, "uuid", domain->uuid);
  add_snapshots (out, domain);
  add_current (out, domain);
  if (domain->problem != NULL)
    add (out, "problem", domain->problem);
  return finish (out);
}
