/* Changes of which snapshots there are, and of what the machine's disks hold. */
#include "../create.h"
#include "../xml.h"
#include "disk.h"
#include "edit.h"

/* -------------------------------------------------------------------- what memory lacks */

static gboolean
check_request (const DiskRequest *request, GError **error)
{
  if (request->file != NULL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the memory backend writes no files: the overlay of %s cannot be %s",
                 request->name, request->file);
  if (request->driver != NULL && !g_str_equal (request->driver, "qcow2"))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "overlays here are qcow2, not %s (disk %s)",
                 request->driver, request->name);
  if (g_strcmp0 (request->type, "block") == 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "overlays here are files (disk %s)",
                 request->name);
  return TRUE;
}

static gboolean
check_create (const CreateOptions *options, GError **error)
{
  if ((options->flags & CREATE_LIVE) != 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the memory backend runs no machines");
  if ((options->flags & CREATE_REUSE_EXTERNAL) != 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the memory backend has no files that it could use again");
  if (options->method != NULL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the memory backend has no storage methods");
  if (options->memory != NULL && !g_str_equal (options->memory, "no"))
    return fail (error, BACKEND_ERROR_INVALID,
                 "a machine that is shut off has no memory that could be saved");
  for (guint i = 0; options->disks != NULL && i < options->disks->len; i++)
    if (!check_request (g_ptr_array_index (options->disks, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
check_revert (const RevertOptions *options, GError **error)
{
  if (options->running || options->paused)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the memory backend starts no machines");
  if (options->reset_nvram)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the memory backend keeps no NVRAM");
  return TRUE;
}

/* -------------------------------------------------------------------- create */

static gboolean
is_left_out (const Disk *disk, const CreateOptions *options)
{
  g_autofree char *file = xml_disk_source (disk->xml);

  return disk_request_leaves_out (create_disk_request (options, disk->target, file));
}

static gboolean
leave_out (Snapshot *snapshot, const CreateOptions *options, GError **error)
{
  for (guint i = snapshot->disks->len; i-- > 0;)
    if (is_left_out (g_ptr_array_index (snapshot->disks, i), options))
      g_ptr_array_remove_index (snapshot->disks, i);
  if (snapshot->disks->len == 0)
    return fail (error, BACKEND_ERROR_INVALID, "no disk is left that the snapshot would be of");
  return TRUE;
}

/* What @snapshot is of becomes what @options->from is of. */
static gboolean
copy_origin (const Draft *draft, Snapshot *snapshot, const CreateOptions *options, GError **error)
{
  const Snapshot *from = domain_snapshot (draft->before, options->from);

  if (from->no_data)
    return fail (error, BACKEND_ERROR_INVALID, "%s has no data that could be copied", from->name);
  if (options->compression != NULL || options->disks != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "a copy is of all disks and as its origin is");
  g_ptr_array_unref (snapshot->disks);
  snapshot->disks = memory_disks_copy (from->disks);
  g_free (snapshot->state);
  snapshot->state = g_strdup (from->state);
  text_unref (snapshot->domain_xml);
  snapshot->domain_xml = text_ref (from->domain_xml);
  snapshot->compression = g_strdup (from->compression);
  snapshot->quiesced = g_strdup (from->quiesced);
  return TRUE;
}

static gboolean
fill (const Draft *draft, Snapshot *snapshot, const CreateOptions *options, GError **error)
{
  if (options->description != NULL && options->description[0] != '\0')
    snapshot->description = g_strdup (options->description);
  if (options->from != NULL)
    return copy_origin (draft, snapshot, options, error);
  snapshot->compression = g_strdup (options->compression);
  return create_quiesced_off (options, &snapshot->quiesced, error) &&
         leave_out (snapshot, options, error);
}

static gboolean
create_of_disk (Draft *draft, const CreateOptions *options, char **id, GError **error)
{
  g_autofree char *name = create_disk_name (draft->before, options->disk, options->name, error);
  g_autofree char *quiesced = NULL;
  Snapshot *snapshot;

  if (name == NULL || !create_quiesced_off (options, &quiesced, error))
    return FALSE;
  *id = g_uuid_string_random ();
  snapshot = draft_make_disk_snapshot (draft, *id, name, options->disk, seconds_now ());
  if (options->description != NULL && options->description[0] != '\0')
    snapshot->description = g_strdup (options->description);
  snapshot->compression = g_strdup (options->compression);
  snapshot->quiesced = g_steal_pointer (&quiesced);
  draft_put (draft, snapshot);
  return TRUE;
}

gboolean
edit_create (Draft *draft, const CreateOptions *options, char **id, GError **error)
{
  g_autofree char *new_id = g_uuid_string_random ();
  g_autofree char *name = NULL;
  g_autoptr (Snapshot) snapshot = NULL;
  const char *parent;

  if (!create_parent (draft->before, options, &parent, error) ||
      !create_check_disks (options, draft->before, error) || !check_create (options, error))
    return FALSE;
  if (options->disk != NULL)
    return create_of_disk (draft, options, id, error);
  name = create_name (draft->before, options->name, error);
  if (name == NULL)
    return FALSE;
  snapshot = draft_make_snapshot (draft, new_id, name, seconds_now ());
  snapshot->parent = g_strdup (parent);
  if (!fill (draft, snapshot, options, error))
    return FALSE;
  /* Data that nobody can name are nowhere in a picture. */
  if ((options->flags & CREATE_NO_METADATA) != 0) {
    *id = g_strdup ("");
    return TRUE;
  }
  draft_put (draft, g_steal_pointer (&snapshot));
  if (options->from == NULL)
    draft_set_current (draft, new_id);
  *id = g_steal_pointer (&new_id);
  return TRUE;
}

/* -------------------------------------------------------------------- discard and merge */

/* @plan is taken; NULL: it could not be made. */
static gboolean
carry_out (Draft *draft, Plan *plan)
{
  g_autoptr (Plan) taken = plan;

  if (taken == NULL)
    return FALSE;
  draft_carry_out (draft, taken);
  return TRUE;
}

/* Data are in the pictures only, so nothing is left of them when the metadata go. */
gboolean
edit_discard (Draft *draft, const char *snapshot, DiscardMode mode, GError **error)
{
  return carry_out (draft, plan_discard (draft->before, snapshot, mode, error));
}

gboolean
edit_merge (Draft *draft, const char *snapshot, MergeInto into, gboolean force, GError **error)
{
  return carry_out (draft, plan_merge (draft->before, snapshot, into, force, error));
}

/* -------------------------------------------------------------------- the machine's disks */

static gboolean
save (Draft *draft, const char *name, GError **error)
{
  const CreateOptions options = { .name = name };
  g_autofree char *id = NULL;

  return name == NULL || edit_create (draft, &options, &id, error);
}

gboolean
edit_revert (Draft *draft, const char *id, const RevertOptions *options, GError **error)
{
  const Snapshot *snapshot = domain_snapshot (draft->before, id);

  if (!check_revert (options, error))
    return FALSE;
  if (snapshot == NULL)
    return fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", draft->before->name);
  if (snapshot->no_data)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s has no data here, only a description: there is nothing to revert to",
                 snapshot->name);
  if (!save (draft, options->save, error))
    return FALSE;
  draft_use_disks (draft, snapshot->disks);
  draft_set_current (draft, id);
  return TRUE;
}

gboolean
edit_write (Draft *draft, const char *target, guint number, GError **error)
{
  g_autofree char *content = g_strdup_printf ("written-%u", number);

  for (guint i = 0; i < draft->disks->len; i++) {
    const Disk *disk = g_ptr_array_index (draft->disks, i);

    if (g_str_equal (disk->target, target)) {
      g_autoptr (GPtrArray) written = memory_disks_new ();

      g_ptr_array_add (written, memory_disk_new (draft->before->name, target, disk->size, content));
      draft_use_disks (draft, written);
      return TRUE;
    }
  }
  return fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no disk \"%s\"", draft->before->name,
               target);
}
