/* Redefining: the metadata of a snapshot from a document, by libvirt's rules.
 *
 * Nothing here touches data, and nothing asks whether there are any: a snapshot whose images stayed
 * on another host is a record only, and says so.  What comes out can be written as a document
 * again; what could not is refused now and not when somebody looks. */
#include "redefine.h"

#include "create.h"
#include "xml.h"

#include <string.h>

#define MARK_LENGTH 8

/* What takes data to do. */
#define CAN_WITH_DATA (CAN_REVERT | CAN_SAVE | CAN_COPY | CAN_MERGE_PARENT)

/* -------------------------------------------------------------------- which one */

/* *@old: the one that is redefined; NULL: it is a new one. */
static gboolean
find_old (const Domain *domain, const SnapshotDescription *description,
          const RedefineOptions *options, const Snapshot **old, GError **error)
{
  if (description->name == NULL)
    return fail (error, BACKEND_ERROR_INVALID, "a redefined snapshot must have a name");
  *old = options->snapshot != NULL ? domain_snapshot (domain, options->snapshot)
                                   : domain_named (domain, description->name, 0);
  if (*old == NULL)
    return options->snapshot == NULL ||
           fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", domain->name);
  if (!g_str_equal ((*old)->name, description->name))
    return fail (error, BACKEND_ERROR_INVALID,
                 "the document is of the snapshot %s, not of %s: rename it with mv",
                 description->name, (*old)->name);
  if (((*old)->can & CAN_REDEFINE) == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s cannot be redefined", (*old)->name);
  return TRUE;
}

/* -------------------------------------------------------------------- time and state */

/* What was wrong with anything that creation ignores, too. */
static gboolean
check_time (const SnapshotDescription *description, GError **error)
{
  if (description->wrong != NULL)
    g_propagate_error (error, g_error_copy (description->wrong));
  else if (description->created < 0)
    fail (error, BACKEND_ERROR_INVALID, "the snapshot %s has no creation time", description->name);
  return description->wrong == NULL && description->created >= 0;
}

/* "nostate" and "pmsuspended" are states of domains, and not of snapshots. */
static gboolean
check_state (const SnapshotDescription *description, gboolean disk_only, GError **error)
{
  static const char *const states[] = { "running", "blocked", "paused",        "shutdown",
                                        "shutoff", "crashed", "disk-snapshot", NULL };

  if (description->state == NULL)
    return fail (error, BACKEND_ERROR_INVALID, "the snapshot %s has no state", description->name);
  if (!g_strv_contains (states, description->state))
    return fail (error, BACKEND_ERROR_INVALID, "no snapshot can be in the state \"%.40s\"",
                 description->state);
  if (disk_only && !g_str_equal (description->state, "disk-snapshot"))
    return fail (error, BACKEND_ERROR_INVALID, "the state of a disk-only snapshot is not %s",
                 description->state);
  return TRUE;
}

static gboolean
is_online (const char *state)
{
  return g_strcmp0 (state, "running") == 0 || g_strcmp0 (state, "paused") == 0;
}

static gboolean
is_of_disks (const char *state)
{
  return g_strcmp0 (state, "disk-snapshot") == 0;
}

static gboolean
check_state_stays (const Snapshot *old, const SnapshotDescription *description, GError **error)
{
  if (is_online (old->state) == is_online (description->state) &&
      is_of_disks (old->state) == is_of_disks (description->state))
    return TRUE;
  return fail (error, BACKEND_ERROR_INVALID, "the state of %s cannot change from %s to %s",
               old->name, old->state != NULL ? old->state : "none", description->state);
}

/* -------------------------------------------------------------------- the parent */

/* Where several have the name, the one that it is now stays. */
static const Snapshot *
find_parent (const Domain *domain, const Snapshot *old, const char *name)
{
  const Snapshot *now =
      old != NULL && old->parent != NULL ? domain_snapshot (domain, old->parent) : NULL;

  return now != NULL && g_str_equal (now->name, name) ? now : domain_named (domain, name, 0);
}

/* @snapshot or one that it descends from is @other.  A picture has no cycles. */
static gboolean
descends_from (const Domain *domain, const Snapshot *snapshot, const Snapshot *other)
{
  while (snapshot != NULL && snapshot != other)
    snapshot = snapshot->parent != NULL ? domain_snapshot (domain, snapshot->parent) : NULL;
  return snapshot != NULL;
}

/* *@parent: NULL: it is a root. */
static gboolean
check_parent (const Domain *domain, const Snapshot *old, const SnapshotDescription *description,
              const Snapshot **parent, GError **error)
{
  *parent = NULL;
  if (description->parent == NULL)
    return TRUE;
  *parent = find_parent (domain, old, description->parent);
  if (old == *parent && g_str_equal (description->parent, description->name))
    return fail (error, BACKEND_ERROR_INVALID, "the snapshot %s cannot be its own parent",
                 description->name);
  if (*parent == NULL)
    return fail (error, BACKEND_ERROR_INVALID, "the parent %s of the snapshot %s is not there",
                 description->parent, description->name);
  if (old != NULL && descends_from (domain, *parent, old))
    return fail (error, BACKEND_ERROR_INVALID, "the parent %s descends from %s",
                 description->parent, description->name);
  return TRUE;
}

/* -------------------------------------------------------------------- the domain */

/* Its own disks are all that a snapshot's <domain> can be told apart by here: what else the guest
 * saw is nowhere but in that text. */
static gboolean
has_same_disks (const DomainDescription *one, const DomainDescription *other)
{
  if (one->disks->len != other->disks->len)
    return FALSE;
  for (guint i = 0; i < one->disks->len; i++) {
    const DiskDescription *disk = g_ptr_array_index (one->disks, i);
    const DiskDescription *same = g_ptr_array_index (other->disks, i);

    if (!g_str_equal (disk->target, same->target))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_domain_xml (const Snapshot *old, const SnapshotDescription *description, GError **error)
{
  g_autoptr (DomainDescription) now = NULL;
  g_autoptr (DomainDescription) then = NULL;

  if (description->domain_xml == NULL)
    return TRUE;
  now = domain_description_parse (description->domain_xml, strlen (description->domain_xml), error);
  if (now == NULL)
    return FALSE;
  if (old != NULL && old->domain_xml != NULL)
    then = domain_description_parse (old->domain_xml->data, old->domain_xml->length, NULL);
  return then == NULL || has_same_disks (now, then) ||
         fail (error, BACKEND_ERROR_INVALID,
               "the disks of the document's <domain> are not those of the snapshot %s", old->name);
}

static gboolean
check_domain (const Domain *domain, const Snapshot *old, const SnapshotDescription *description,
              GError **error)
{
  if (description->uuid != NULL && g_ascii_strcasecmp (description->uuid, domain->uuid) != 0)
    return fail (error, BACKEND_ERROR_INVALID,
                 "the snapshot %s is of the domain with the uuid %.40s, and %s has %s",
                 description->name, description->uuid, domain->name, domain->uuid);
  return check_domain_xml (old, description, error);
}

/* -------------------------------------------------------------------- memory and disks */

/* libvirt's schema allows no others, and what is kept is shown again. */
static gboolean
check_disk (GHashTable *seen, const DiskRequest *request, GError **error)
{
  if (!create_check_disk (request, error))
    return FALSE;
  if (!xml_is_disk_name (request->name))
    return fail (error, BACKEND_ERROR_INVALID,
                 "\"%.40s\" is neither a disk's target nor an absolute path", request->name);
  return g_hash_table_add (seen, request->name) ||
         fail (error, BACKEND_ERROR_INVALID, "disk %s is named twice", request->name);
}

static gboolean
check_parts (const SnapshotDescription *description, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  if (!create_check_memory (description->memory, description->memory_file, error))
    return FALSE;
  for (guint i = 0; description->disks != NULL && i < description->disks->len; i++)
    if (!check_disk (seen, g_ptr_array_index (description->disks, i), error))
      return FALSE;
  return TRUE;
}

/* -------------------------------------------------------------------- those with data */

/* What copies a backup back makes each directory first, and so a snapshot of the present. */
static gboolean
check_careful (const Snapshot *old, const SnapshotDescription *description, const Snapshot *parent,
               GError **error)
{
  if (old->created != description->created)
    return fail (error, BACKEND_ERROR_INVALID,
                 "the snapshot %s has data of another time than the document's", old->name);
  return g_strcmp0 (old->parent, parent != NULL ? parent->id : NULL) == 0 ||
         fail (error, BACKEND_ERROR_INVALID,
               "the snapshot %s has data and another parent than the document's", old->name);
}

static gboolean
check_old (const Snapshot *old, const SnapshotDescription *description, const Snapshot *parent,
           const RedefineOptions *options, GError **error)
{
  if (old == NULL)
    return TRUE;
  return check_state_stays (old, description, error) &&
         (!options->careful || old->no_data || check_careful (old, description, parent, error));
}

/* -------------------------------------------------------------------- those without */

/* libvirt's virDomainSnapshotDefIsExternal: any disk or the memory. */
static gboolean
is_external (const SnapshotDescription *description)
{
  if (g_strcmp0 (description->memory, "external") == 0)
    return TRUE;
  for (guint i = 0; description->disks != NULL && i < description->disks->len; i++) {
    const DiskRequest *request = g_ptr_array_index (description->disks, i);

    if (g_strcmp0 (request->snapshot, "external") == 0)
      return TRUE;
  }
  return FALSE;
}

static void
set_text (Text **text, const char *string)
{
  text_unref (*text);
  *text = string == NULL ? NULL : text_from_string (string);
}

static void
set_string (char **text, const char *string)
{
  g_free (*text);
  *text = g_strdup (string);
}

/* Nothing of ours says where the disks are, so the document's <disks> are kept as they are. */
static gboolean
fill_record (Snapshot *snapshot, const SnapshotDescription *description, GError **error)
{
  g_autofree char *kept = g_strconcat (description->disks_xml != NULL ? description->disks_xml : "",
                                       description->kept_xml, NULL);
  const char *said = description->compression;
  const char *method = said != NULL && said[0] != '\0' ? said : NULL; /* "": an empty element */

  if (!create_check_compression (method, error))
    return FALSE;
  snapshot->external = is_external (description);
  set_string (&snapshot->compression, method);
  set_text (&snapshot->kept_xml, kept[0] != '\0' ? kept : NULL);
  if (description->domain_xml != NULL)
    set_text (&snapshot->domain_xml, description->domain_xml);
  return TRUE;
}

static Snapshot *
make_new (const Domain *domain, const char *name)
{
  g_autofree char *id = g_uuid_string_random ();
  Snapshot *snapshot = snapshot_new (id, name);

  snapshot->mark = g_strndup (id, MARK_LENGTH);
  snapshot->metadata = TRUE;
  snapshot->no_data = TRUE;
  snapshot->can = domain->can & ~(BackendCan)CAN_WITH_DATA;
  return snapshot;
}

/* -------------------------------------------------------------------- the result */

static gboolean
fill (Snapshot *snapshot, const SnapshotDescription *description, const Snapshot *parent,
      GError **error)
{
  set_string (&snapshot->description, description->description);
  set_string (&snapshot->state, description->state);
  set_string (&snapshot->parent, parent != NULL ? parent->id : NULL);
  /* Documents have whole seconds. */
  if (snapshot->created != description->created)
    snapshot->created_nanoseconds = 0;
  snapshot->created = description->created;
  snapshot->changed = seconds_now ();
  g_clear_pointer (&snapshot->xml, text_unref);
  if (snapshot->no_data)
    return fill_record (snapshot, description, error);
  set_text (&snapshot->kept_xml, description->kept_xml);
  if (snapshot->domain_xml == NULL)
    set_text (&snapshot->domain_xml, description->domain_xml);
  return TRUE;
}

static gboolean
check_writable (const Domain *domain, const Snapshot *snapshot, const Snapshot *parent,
                GError **error)
{
  g_autofree char *xml =
      xml_domainsnapshot (snapshot, parent != NULL ? parent->name : NULL, domain->uuid, error);

  return xml != NULL;
}

Snapshot *
redefine_snapshot (const Domain *domain, const SnapshotDescription *description,
                   const RedefineOptions *options, GError **error)
{
  g_autoptr (Snapshot) snapshot = NULL;
  const Snapshot *old = NULL;
  const Snapshot *parent = NULL;

  if (!find_old (domain, description, options, &old, error) || !check_time (description, error) ||
      !check_state (description, options->disk_only, error) ||
      !check_parent (domain, old, description, &parent, error) ||
      !check_domain (domain, old, description, error) || !check_parts (description, error) ||
      !check_old (old, description, parent, options, error))
    return NULL;
  snapshot = old != NULL ? snapshot_copy (old) : make_new (domain, description->name);
  if (!fill (snapshot, description, parent, error) ||
      !check_writable (domain, snapshot, parent, error))
    return NULL;
  return g_steal_pointer (&snapshot);
}
