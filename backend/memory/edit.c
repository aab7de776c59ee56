/* What a change does to a picture.
 *
 * A picture is all there is to a domain in memory, so a change is a copy of the list of snapshots
 * with one or a few replaced.  Who may change when, and what is published, is memory.c's
 * matter. */
#include "edit.h"
#include "../xml.h"

#include <time.h>

#define CAN_ALL (CAN_CREATE | CAN_DISCARD | CAN_REVERT | CAN_DESCRIBE | CAN_RENAME)
#define MARK_LENGTH 8

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

/* All snapshots of @before but the one with the id @without, in an order that keeps siblings. */
static GPtrArray *
list (const Domain *before, const char *without)
{
  const GPtrArray *all = domain_snapshots (before);
  GPtrArray *snapshots = g_ptr_array_new_full (all->len + 1, unref_snapshot);

  for (guint i = 0; i < all->len; i++) {
    Snapshot *snapshot = g_ptr_array_index (all, i);

    if (without == NULL || !g_str_equal (snapshot->id, without))
      g_ptr_array_add (snapshots, snapshot_ref (snapshot));
  }
  return snapshots;
}

static Domain *
next_picture (const Domain *before, const char *current, GPtrArray *snapshots)
{
  Domain *after = domain_new (before->name, before->uuid);

  after->current = g_strdup (current);
  after->problem = g_strdup (before->problem);
  after->changed = before->changed;
  after->can = before->can;
  after->xml = text_ref (before->xml);
  g_ptr_array_unref (after->disks);
  g_ptr_array_unref (after->notes);
  after->disks = g_ptr_array_ref (before->disks);
  after->notes = g_ptr_array_ref (before->notes);
  domain_seal (after, snapshots);
  return after;
}

static const Snapshot *
find (const Domain *domain, const char *id, GError **error)
{
  const Snapshot *snapshot = domain_snapshot (domain, id);

  if (snapshot == NULL)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no snapshot with the id %s", domain->name, id);
  return snapshot;
}

static gboolean
check_free (const Domain *domain, const char *name, GError **error)
{
  if (domain_named (domain, name, 0) != NULL)
    return fail (error, BACKEND_ERROR_EXISTS, "%s already has a snapshot \"%s\"", domain->name,
                 name);
  return TRUE;
}

static const char *
name_of (const Domain *domain, const char *id)
{
  return id == NULL ? NULL : domain_snapshot (domain, id)->name;
}

void
edit_write_xml (Snapshot *snapshot, const char *parent, const char *uuid)
{
  char *xml = xml_domainsnapshot (snapshot, parent, uuid, NULL);

  /* Control characters are allowed in names and not in XML: such a snapshot has none. */
  text_unref (snapshot->xml);
  snapshot->xml = xml == NULL ? NULL : text_take_string (xml);
}

Snapshot *
edit_make_snapshot (const Domain *domain, const char *id, const char *name, gint64 created)
{
  Snapshot *snapshot = snapshot_new (id, name);

  snapshot->mark = g_strndup (id, MARK_LENGTH);
  snapshot->created = created;
  snapshot->changed = created;
  snapshot->state = g_strdup ("shutoff");
  snapshot->metadata = TRUE;
  snapshot->can = CAN_ALL;
  snapshot->domain_xml = text_ref (domain->xml);
  for (guint i = 0; i < domain->disks->len; i++) {
    const Disk *from = g_ptr_array_index (domain->disks, i);
    Disk *disk = disk_new (from->target, from->size, NULL);

    disk->allocated = from->allocated;
    disk->readable = from->readable;
    disk->xml = text_ref (from->xml);
    g_ptr_array_add (snapshot->disks, disk);
  }
  return snapshot;
}

/* As libvirt does, the time; the next free number when two fall into one second. */
static char *
make_up_name (const Domain *domain, gint64 now)
{
  for (gint64 number = now;; number++) {
    g_autofree char *name = g_strdup_printf ("%" G_GINT64_FORMAT, number);

    if (domain_named (domain, name, 0) == NULL)
      return g_steal_pointer (&name);
  }
}

static gboolean
check_under (const Domain *domain, const char *under, GError **error)
{
  const char *current = domain->current != NULL ? domain->current : "";

  if (under == NULL || g_str_equal (under, current))
    return TRUE;
  if (domain->current == NULL)
    return fail (error, BACKEND_ERROR_NOT_CURRENT,
                 "%s has no current snapshot, so the next one is a root", domain->name);
  return fail (error, BACKEND_ERROR_NOT_CURRENT, "the current snapshot of %s is \"%s\"",
               domain->name, name_of (domain, domain->current));
}

Domain *
edit_create (const Domain *before, const CreateOptions *options, char **id, GError **error)
{
  gint64 now = time (NULL);
  g_autofree char *name =
      options->name != NULL ? g_strdup (options->name) : make_up_name (before, now);
  Snapshot *snapshot;
  GPtrArray *snapshots;

  if (!check_free (before, name, error) || !check_under (before, options->under, error))
    return NULL;
  *id = g_uuid_string_random ();
  snapshot = edit_make_snapshot (before, *id, name, now);
  snapshot->parent = g_strdup (before->current);
  if (options->description != NULL && options->description[0] != '\0')
    snapshot->description = g_strdup (options->description);
  edit_write_xml (snapshot, name_of (before, before->current), before->uuid);
  snapshots = list (before, NULL);
  g_ptr_array_add (snapshots, snapshot);
  return next_picture (before, *id, snapshots);
}

Domain *
edit_discard (const Domain *before, const char *id, GError **error)
{
  const Snapshot *snapshot = find (before, id, error);
  const char *current = before->current;

  if (snapshot == NULL)
    return NULL;
  if (domain_children (before, id)->len > 0) {
    fail (error, BACKEND_ERROR_NOT_EMPTY, "\"%s\" has %u descendants", snapshot->name,
          domain_descendants (before, snapshot));
    return NULL;
  }
  if (current != NULL && g_str_equal (current, id))
    current = snapshot->parent;
  return next_picture (before, current, list (before, id));
}

Domain *
edit_revert (const Domain *before, const char *id, GError **error)
{
  if (find (before, id, error) == NULL)
    return NULL;
  return next_picture (before, id, list (before, NULL));
}

/* Puts @replacement, which it takes over, in the place of the one with its id. */
static void
replace (GPtrArray *snapshots, Snapshot *replacement)
{
  for (guint i = 0; i < snapshots->len; i++) {
    Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (g_str_equal (snapshot->id, replacement->id)) {
      snapshots->pdata[i] = replacement;
      snapshot_unref (snapshot);
      return;
    }
  }
  g_assert_not_reached ();
}

Domain *
edit_describe (const Domain *before, const char *id, const char *text, GError **error)
{
  const Snapshot *old = find (before, id, error);
  GPtrArray *snapshots;
  Snapshot *snapshot;

  if (old == NULL)
    return NULL;
  snapshot = snapshot_copy (old);
  g_free (snapshot->description);
  snapshot->description = text[0] == '\0' ? NULL : g_strdup (text);
  snapshot->changed = time (NULL);
  edit_write_xml (snapshot, name_of (before, old->parent), before->uuid);
  snapshots = list (before, NULL);
  replace (snapshots, snapshot);
  return next_picture (before, before->current, snapshots);
}

/* The XML of a child names its parent. */
static void
tell_children (GPtrArray *snapshots, const Snapshot *parent, const char *uuid)
{
  for (guint i = 0; i < snapshots->len; i++) {
    Snapshot *child = g_ptr_array_index (snapshots, i);

    if (g_strcmp0 (child->parent, parent->id) != 0)
      continue;
    snapshots->pdata[i] = snapshot_copy (child);
    snapshot_unref (child);
    edit_write_xml (snapshots->pdata[i], parent->name, uuid);
  }
}

Domain *
edit_rename (const Domain *before, const char *id, const char *name, GError **error)
{
  const Snapshot *old = find (before, id, error);
  GPtrArray *snapshots;
  Snapshot *snapshot;

  if (old == NULL || !check_free (before, name, error))
    return NULL;
  snapshot = snapshot_copy (old);
  g_free (snapshot->name);
  snapshot->name = g_strdup (name);
  snapshot->changed = time (NULL);
  edit_write_xml (snapshot, name_of (before, old->parent), before->uuid);
  snapshots = list (before, NULL);
  replace (snapshots, snapshot);
  tell_children (snapshots, snapshot, before->uuid);
  return next_picture (before, before->current, snapshots);
}
