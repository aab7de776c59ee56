/* Taking snapshots out of disk images, so that it can be killed and done again.
 *
 * qemu-img snapshot -d goes by the tag and takes the first that has it, so each image's table is
 * looked at before: the first one must be ours.  Interrupted, it leaves references of clusters that
 * are too many, never bytes (reliability.md): they are repaired before it is tried again.  An image
 * that is gone, or has no such snapshot, is done. */
#include "inside-pending.h"
#include "alone.h"
#include "change.h"
#include "child.h"
#include "fd.h"
#include "file-names.h"
#include "journal.h"
#include "locks.h"
#include "note.h"
#include "sealed.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define UNCOMMITTED INSIDE_FILE UNFINISHED_SUFFIX
#define DEADLINE (60 * 60) /* seconds */

/* What identifies the snapshot in one image. */
typedef struct {
  char *path;
  char *number;
  char *tag;
  gint64 created;
  gint64 nanoseconds;
} Part;

static void
part_clear (Part *part)
{
  g_free (part->path);
  g_free (part->number);
  g_free (part->tag);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Part, part_clear)

/* -------------------------------------------------------------------- writing it down */

static JsonObject *
part_to_object (const Places *places, const InternalPart *part)
{
  g_autofree char *path = places_spell (places, part->path);
  JsonObject *object = json_object_new ();
  sealed_set_string (object, "path", path);
  sealed_set_string (object, "number", part->inside.id);
  sealed_set_string (object, "tag", part->inside.tag);
  json_object_set_int_member (object, "created", part->inside.created);
  json_object_set_int_member (object, "nanoseconds", part->inside.created_nanoseconds);
  return object;
}

gboolean
inside_pending_commit (int records, const Places *places, const char *id, const GPtrArray *parts,
                       gboolean *committed, GError **error)
{
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  json_object_unref (object);
  sealed_set_string (object, "id", id);
  for (guint i = 0; i < parts->len; i++)
    json_array_add_object_element (array, part_to_object (places, g_ptr_array_index (parts, i)));
  json_object_set_array_member (object, "parts", array);
  *committed = FALSE;
  if (!sealed_write (records, UNCOMMITTED, root, error))
    return FALSE;
  *committed = renameat (records, UNCOMMITTED, records, INSIDE_FILE) == 0;
  if (!*committed)
    return fail_errno (error, "noting what is discarded");
  return journal_sync (records, INSIDE_FILE, error);
}

gboolean
inside_pending_forget (int records, GError **error)
{
  return note_remove (records, INSIDE_FILE, "ending a discard", error);
}

static gboolean
part_from_object (const Places *places, JsonObject *object, Part *part, GError **error)
{
  g_autofree char *path = sealed_string (object, "path");
  part->path = path ? places_resolve (places, path) : NULL;
  part->number = sealed_string (object, "number");
  part->tag = sealed_string (object, "tag");
  part->created = sealed_number (object, "created");
  part->nanoseconds = sealed_number (object, "nanoseconds");
  return (part->path && part->number && part->tag) ||
         fail (error, BACKEND_ERROR_DAMAGED, "the note of what is discarded contradicts itself");
}

/* -------------------------------------------------------------------- one image */

static gboolean
is_part (const Part *part, const Qcow2Snapshot *snapshot)
{
  return strcmp (snapshot->id, part->number) == 0 && strcmp (snapshot->tag, part->tag) == 0 &&
         snapshot->created == part->created && snapshot->created_nanoseconds == part->nanoseconds;
}

/* *@there: the image has it, and as the first of its tag. */
static gboolean
find_part (const Part *part, int fd, gboolean *there, GError **error)
{
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  g_autoptr (GPtrArray) snapshots = header ? qcow2_snapshots_read (fd, header, error) : NULL;
  gboolean behind = FALSE;
  *there = FALSE;
  for (guint i = 0; snapshots && i < snapshots->len && !*there; i++) {
    const Qcow2Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    *there = is_part (part, snapshot);
    behind |= !*there && strcmp (snapshot->tag, part->tag) == 0;
  }
  if (*there && behind)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s holds another snapshot of this tag before it", part->path);
  return snapshots != NULL;
}

static gboolean
run (int directory, const char *const *arguments, Job *job, GError **error)
{
  return child_qemu_img (directory, arguments, job, DEADLINE, NULL, error);
}

static gboolean
take_out (const Part *part, int directory, int fd, gboolean repair, Job *job, GError **error)
{
  g_autofree char *file = g_path_get_basename (part->path);
  g_autofree char *name = alone_name (file);
  const char *const check[] = { "check", "-q", "-r", "all", name, NULL };
  const char *const discard[] = { "snapshot", "-q", "-d", part->tag, name, NULL };
  gboolean there;
  if (!name)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s: its name is no UTF-8", part->path);
  if (repair && !run (directory, check, job, error))
    return FALSE;
  if (!find_part (part, fd, &there, error))
    return FALSE;
  if (there && !run (directory, discard, job, error))
    return FALSE;
  /* QEMU 7.2 leaves a cluster that nothing uses where an attempt before was killed. */
  if (there && repair && !run (directory, check, job, error))
    return FALSE;
  return journal_sync (fd, file, error);
}

static gboolean
finish_part (const Places *places, const Part *part, gboolean repair, Job *job, gboolean *begun,
             GError **error)
{
  g_autofree char *parent = g_path_get_dirname (part->path);
  g_autoptr (GError) wrong = NULL;
  autofd directory = places_open_path (places, parent, O_RDONLY | O_DIRECTORY, &wrong);
  autofd fd =
      directory < 0 ? -1 : places_open_path (places, part->path, O_RDONLY | O_NOFOLLOW, &wrong);
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return TRUE;
  if (!wrong && locks_is_in_use (fd))
    fail (&wrong, BACKEND_ERROR_BUSY, "%s is in use by another process", part->path);
  if (!wrong && take_out (part, directory, fd, repair, job, &wrong))
    return *begun = TRUE;
  *begun |= !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_BUSY);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* -------------------------------------------------------------------- all of it */

/* The snapshot may have been the current one: none is then, for it has no parent. */
static gboolean
drop_current (int records, const char *id, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autoptr (JsonObject) object = sealed_read (records, RECORDS_HEAD, &wrong);
  g_autofree char *current = object ? sealed_string (object, "current") : NULL;
  g_autofree char *uuid = object ? sealed_string (object, "uuid") : NULL;
  g_autofree char *name = object ? sealed_string (object, "name") : NULL;
  if (g_strcmp0 (current, id) != 0 || !uuid || !name)
    return TRUE;
  g_autoptr (Records) head = records_read (records, uuid, name, error);
  if (!head)
    return FALSE;
  g_clear_pointer (&head->current, g_free);
  return commit_head (records, head, error);
}

static gboolean
finish (int records, const Places *places, JsonObject *object, gboolean repair, Job *job,
        gboolean *begun, GError **error)
{
  g_autofree char *id = sealed_string (object, "id");
  JsonObject *entry;
  for (guint i = 0; (entry = sealed_element (object, "parts", i)); i++) {
    g_auto (Part) part = { 0 };
    if (!part_from_object (places, entry, &part, error) ||
        !finish_part (places, &part, repair, job, begun, error))
      return FALSE;
  }
  return drop_current (records, id, error) && inside_pending_forget (records, error);
}

gboolean
inside_pending_finish (int records, const Places *places, gboolean repair, Job *job,
                       gboolean *begun, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autoptr (JsonObject) object = sealed_read (records, INSIDE_FILE, &wrong);
  *begun = FALSE;
  if (object)
    return finish (records, places, object, repair, job, begun, error);
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}
