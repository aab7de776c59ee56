/* Changes of what one snapshot says, and of which is current: no data are touched. */
#include "edit.h"
#include "../create.h"
#include "../redefine.h"

static const Snapshot *
find (const Draft *draft, const char *id, GError **error)
{
  const Snapshot *snapshot = domain_snapshot (draft->before, id);

  if (snapshot == NULL)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", draft->before->name);
  return snapshot;
}

gboolean
edit_redefine (Draft *draft, const SnapshotDescription *description, const RedefineOptions *options,
               char **id, GError **error)
{
  Snapshot *snapshot = redefine_snapshot (draft->before, description, options, error);

  if (snapshot == NULL)
    return FALSE;
  *id = g_strdup (snapshot->id);
  draft_put (draft, snapshot);
  if (options->current)
    draft_set_current (draft, *id);
  return TRUE;
}

gboolean
edit_set_current (Draft *draft, const char *snapshot, const char *instead_of, GError **error)
{
  if (!plan_check_current (draft->before, snapshot, instead_of, error))
    return FALSE;
  draft_set_current (draft, snapshot);
  return TRUE;
}

gboolean
edit_hold (Draft *draft, const char *snapshot, gboolean held, GError **error)
{
  if (find (draft, snapshot, error) == NULL)
    return FALSE;
  draft_change (draft, snapshot)->held = held;
  return TRUE;
}

gboolean
edit_describe (Draft *draft, const char *id, const char *text, GError **error)
{
  Snapshot *snapshot;

  if (find (draft, id, error) == NULL)
    return FALSE;
  snapshot = draft_change (draft, id);
  g_free (snapshot->description);
  snapshot->description = text[0] == '\0' ? NULL : g_strdup (text);
  snapshot->changed = seconds_now ();
  return TRUE;
}

/* The XML of a child names its parent. */
static void
tell_children (Draft *draft, const char *id)
{
  const GPtrArray *children = domain_children (draft->before, id);

  for (guint i = 0; i < children->len; i++)
    draft_change (draft, ((const Snapshot *)g_ptr_array_index (children, i))->id);
}

gboolean
edit_rename (Draft *draft, const char *id, const char *name, GError **error)
{
  const Snapshot *old = find (draft, id, error);
  g_autofree char *free_name = NULL;
  Snapshot *snapshot;

  if (old == NULL)
    return FALSE;
  if (g_str_equal (old->name, name))
    return TRUE;
  free_name = create_disk_name (draft->before, old->disk, name, error);
  if (free_name == NULL)
    return FALSE;
  snapshot = draft_change (draft, id);
  g_free (snapshot->name);
  snapshot->name = g_steal_pointer (&free_name);
  snapshot->changed = seconds_now ();
  tell_children (draft, id);
  return TRUE;
}
