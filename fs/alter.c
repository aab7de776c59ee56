/* Changing the tree: mkdir takes a snapshot, rmdir discards one, rename renames
 * one.  Everything else that would change it is refused with a sentence, never
 * with ENOSYS, which the kernel would remember for good. */
#include "names.h"
#include "operations.h"
#include "request.h"

#include <stdio.h>
#include <string.h>

/* Where something called @name in @dir is, from the domain's directory. */
static char *
target_in (const Place *dir, const char *name)
{
  g_autofree char *disk =
      dir->kind == &disk_directory_kind ? name_of_disk (dir->disk, dir->kind->suffix) : NULL;
  g_autofree char *above =
      dir->snapshot != NULL ? place_path_of (dir->domain, dir->snapshot) : NULL;
  const char *row = dir->kind->name;

  if (disk != NULL)
    return g_strconcat ("disks/", disk, "/", name, NULL);
  if (row != NULL)
    return above != NULL ? g_strconcat (above, "/", row, "/", name, NULL)
                         : g_strconcat (row, "/", name, NULL);
  return above != NULL ? g_strconcat (above, "/", name, NULL) : g_strdup (name);
}

/* The directory in which a change is asked for, noted as what a failure is about. */
static gboolean
begin_in (Request *request, Place *dir, char **target, GError **error)
{
  request_holds_directory (request);
  if (!wait_for (&request->wait, WAIT_TO_CHANGE) || !request_place (request, dir, error))
    return FALSE;
  *target = target_in (dir, request->arguments.name);
  request_concerns (request, dir->owner, *target);
  return TRUE;
}

/* Answers with the snapshot @id that was just made in @dir. */
static gboolean
answer_made (Request *request, const Place *dir, const char *id, GError **error)
{
  g_auto (Place) child = place_inside (dir, dir->kind->member);

  place_clear (&child);
  child.domain = backend_get_domain (request->mount->backend, dir->owner->name, error);
  if (child.domain == NULL)
    return FALSE;
  child.disk = NULL; /* of the picture before */
  child.snapshot = domain_snapshot (child.domain, id);
  if (child.snapshot == NULL) /* not STALE: the kernel would call mkdir again */
    return fail (error, BACKEND_ERROR_NOT_FOUND, "the new snapshot was discarded at once");
  if (request->mount->notifier != NULL)
    nodes_show (request->mount->nodes, child.owner, child.domain);
  return request_answer_entry (request, &child, error);
}

static gboolean
make_dir (Request *request, GError **error)
{
  g_auto (Place) dir = { 0 };
  g_autofree char *target = NULL;
  g_autofree char *name = NULL;
  g_autofree char *id = NULL;
  Job *job;

  /* Before waiting for a worker: the kernel holds the directory's lock meanwhile. */
  if (request->node->about.kind->make == NULL) {
    request_concerns (request, request->node->about.owner, request->arguments.name);
    return fail (error, BACKEND_ERROR_NOT_PERMITTED, "no snapshot can be taken in this directory");
  }
  if (!begin_in (request, &dir, &target, error))
    return FALSE;
  name = name_decode (request->arguments.name, error);
  if (name == NULL)
    return FALSE;
  job = request_begin (request, dir.owner, target);
  id = dir.kind->make (&dir, name, job, error);
  return id != NULL && answer_made (request, &dir, id, error);
}

void
op_mkdir (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
  request_run (req, "create", make_dir, parent, &(Arguments){ .name = name });
}

static gboolean
remove_dir (Request *request, GError **error)
{
  g_auto (Place) dir = { 0 };
  g_auto (Place) child = { 0 };
  g_autofree char *target = NULL;
  Job *job;

  if (!begin_in (request, &dir, &target, error) ||
      !place_find (&dir, request->arguments.name, &child, error))
    return FALSE;
  if (child.kind->drop == NULL)
    return fail (error, BACKEND_ERROR_NOT_PERMITTED, "\"%s\" is not a snapshot and stays",
                 request->arguments.name);
  job = request_begin (request, child.owner, target);
  return child.kind->drop (&child, job, error) && request_answer_nothing (request);
}

void
op_rmdir (fuse_req_t req, fuse_ino_t parent, const char *name)
{
  request_run (req, "discard", remove_dir, parent, &(Arguments){ .name = name });
}

/* TRUE when nothing in @dir has that name. */
static gboolean
is_free (const Place *dir, const char *file_name, GError **error)
{
  g_auto (Place) taken = { 0 };
  g_autoptr (GError) problem = NULL;

  if (place_find (dir, file_name, &taken, &problem))
    return fail (error, BACKEND_ERROR_EXISTS, "there is a \"%s\" already", file_name);
  if (g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

static gboolean
check_rename (const Request *request, const Place *dir, const Place *child, GError **error)
{
  const Arguments *arguments = &request->arguments;

  if ((arguments->flags & ~(unsigned)RENAME_NOREPLACE) != 0)
    return fail (error, BACKEND_ERROR_INVALID, "snapshots cannot be exchanged");
  if (child->kind->rename == NULL)
    return fail (error, BACKEND_ERROR_NOT_PERMITTED, "\"%s\" is not a snapshot and keeps its name",
                 arguments->name);
  return is_free (dir, arguments->new_name, error);
}

static gboolean
rename_entry (Request *request, GError **error)
{
  g_auto (Place) dir = { 0 };
  g_auto (Place) child = { 0 };
  g_autofree char *target = NULL;
  g_autofree char *name = NULL;
  Job *job;

  if (request->arguments.new_parent != request->node->number) {
    request_concerns (request, request->node->about.owner, request->arguments.name);
    return fail (error, BACKEND_ERROR_NOT_PERMITTED,
                 "a snapshot cannot be moved to another directory");
  }
  if (!begin_in (request, &dir, &target, error) ||
      !place_find (&dir, request->arguments.name, &child, error) ||
      !check_rename (request, &dir, &child, error))
    return FALSE;
  name = name_decode (request->arguments.new_name, error);
  if (name == NULL)
    return FALSE;
  job = request_begin (request, dir.owner, target);
  return child.kind->rename (&child, name, job, error) && request_answer_nothing (request);
}

void
op_rename (fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
           const char *new_name, unsigned flags)
{
  request_run (
      req, "rename", rename_entry, parent,
      &(Arguments){ .name = name, .new_name = new_name, .new_parent = new_parent, .flags = flags });
}
