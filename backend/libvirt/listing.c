/* Which snapshots there are: one call where the driver has it, else the older ones.
 *
 * The current one is asked for first: one that is taken in between is in the list and not yet
 * current, which is how it was a moment ago; the other way round it would be current and unknown.
 */
#include "listing.h"

#include "refusal.h"

#include <stdlib.h>

#define LIMIT 100000 /* snapshots of a domain, for drivers that tell a number first */

static void
free_handle (gpointer snapshot)
{
  if (snapshot != NULL)
    virDomainSnapshotFree (snapshot);
}

void
snapshot_list_free (SnapshotList *list)
{
  g_ptr_array_unref (list->names);
  g_ptr_array_unref (list->handles);
  g_free (list->current);
  g_free (list);
}

static gboolean
refused (Libvirt *libvirt, virDomainPtr domain, GError **error)
{
  return connection_fail (libvirt->connection, virDomainGetConnect (domain), error,
                          "cannot list the snapshots of %s", virDomainGetName (domain));
}

/* *@name: of the current one; NULL: none. */
static gboolean
find_current (Libvirt *libvirt, virDomainPtr domain, char **name, GError **error)
{
  virDomainSnapshotPtr current;
  int has = virDomainHasCurrentSnapshot (domain, 0);

  if (has < 0)
    return refused (libvirt, domain, error);
  if (has == 0)
    return TRUE;
  current = virDomainSnapshotCurrent (domain, 0);
  /* It may have gone in between. */
  if (current != NULL)
    *name = g_strdup (virDomainSnapshotGetName (current));
  if (current != NULL)
    virDomainSnapshotFree (current);
  return TRUE;
}

/* -------------------------------------------------------------------- names */

/* FALSE without an error: the driver has no such call. */
static gboolean
list_all (Libvirt *libvirt, virDomainPtr domain, SnapshotList *list, GError **error)
{
  virDomainSnapshotPtr *all = NULL;
  int count = virDomainListAllSnapshots (domain, &all, 0);

  if (count < 0) {
    g_autoptr (Refusal) refusal = refusal_last ();

    if (refusal_is_no_support (refusal))
      return FALSE;
    return refused (libvirt, domain, error);
  }
  for (int i = 0; i < count; i++) {
    g_ptr_array_add (list->names, g_strdup (virDomainSnapshotGetName (all[i])));
    g_ptr_array_add (list->handles, all[i]);
  }
  free (all);
  return TRUE;
}

static gboolean
list_names (Libvirt *libvirt, virDomainPtr domain, SnapshotList *list, GError **error)
{
  int count = virDomainSnapshotNum (domain, 0);
  g_autofree char **found = NULL;

  if (count < 0 || count > LIMIT)
    return refused (libvirt, domain, error);
  found = g_new0 (char *, (gsize)count + 1);
  count = virDomainSnapshotListNames (domain, found, count, 0);
  if (count < 0)
    return refused (libvirt, domain, error);
  for (int i = 0; i < count; i++) {
    g_ptr_array_add (list->names, g_strdup (found[i]));
    g_ptr_array_add (list->handles, NULL);
    free (found[i]);
  }
  return TRUE;
}

static gboolean
list_these (Libvirt *libvirt, virDomainPtr domain, SnapshotList *list, GError **error)
{
  g_autoptr (GError) problem = NULL;

  if (!abilities_has_old_lists (&libvirt->abilities)) {
    if (list_all (libvirt, domain, list, &problem))
      return TRUE;
    if (problem != NULL) {
      g_propagate_error (error, g_steal_pointer (&problem));
      return FALSE;
    }
    abilities_note_old_lists (&libvirt->abilities);
  }
  return list_names (libvirt, domain, list, error);
}

SnapshotList *
snapshot_list (Libvirt *libvirt, virDomainPtr domain, GError **error)
{
  g_autoptr (SnapshotList) found = g_new0 (SnapshotList, 1);

  found->names = g_ptr_array_new_with_free_func (g_free);
  found->handles = g_ptr_array_new_with_free_func (free_handle);
  /* A driver without snapshots has none. */
  if (abilities_can (&libvirt->abilities) == 0)
    return g_steal_pointer (&found);
  if (!find_current (libvirt, domain, &found->current, error) ||
      !list_these (libvirt, domain, found, error))
    return NULL;
  if (found->names->len > 0)
    found->has_records = virDomainSnapshotNum (domain, VIR_DOMAIN_SNAPSHOT_LIST_METADATA) > 0;
  return g_steal_pointer (&found);
}

char *
snapshot_list_dump (const SnapshotList *list, virDomainPtr domain, guint number)
{
  gpointer *handle = &list->handles->pdata[number];

  if (*handle == NULL)
    *handle = virDomainSnapshotLookupByName (domain, g_ptr_array_index (list->names, number), 0);
  return *handle == NULL ? NULL : virDomainSnapshotGetXMLDesc (*handle, 0);
}
