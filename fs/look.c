/* Looking without opening: lookup, getattr, readlink, statfs, and forgetting. */
#include "operations.h"
#include "raw.h"
#include "request.h"

#include <string.h>

/* In a directory that is gone there is nothing, as a shell that still stands in it expects. */
static gboolean
find_directory (Request *request, Place *dir, GError **error)
{
  g_autoptr (GError) problem = NULL;

  if (request_place (request, dir, &problem))
    return TRUE;
  if (g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_STALE))
    return fail (error, BACKEND_ERROR_NOT_FOUND, "%s", problem->message);
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

static gboolean
look_up (Request *request, GError **error)
{
  g_auto (Place) dir = { 0 };
  g_auto (Place) child = { 0 };

  return find_directory (request, &dir, error) &&
         place_find (&dir, request->arguments.name, &child, error) &&
         request_answer_entry (request, &child, error);
}

void
op_lookup (fuse_req_t req, fuse_ino_t parent, const char *name)
{
  request_run (req, "lookup", look_up, parent, &(Arguments){ .name = name });
}

void
op_forget (fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
  const Mount *mount = fuse_req_userdata (req);

  nodes_forget (mount->nodes, ino, lookups);
  fuse_reply_none (req);
}

void
op_forget_multi (fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
  const Mount *mount = fuse_req_userdata (req);

  for (size_t i = 0; i < count; i++)
    nodes_forget (mount->nodes, forgets[i].ino, forgets[i].nlookup);
  fuse_reply_none (req);
}

static gboolean
get_attr (Request *request, GError **error)
{
  g_auto (Place) place = { 0 };
  g_autoptr (GError) problem = NULL;
  struct stat stat;

  if (!request_place (request, &place, error))
    return FALSE;
  if (request_answer_attr (request, &place, &problem))
    return TRUE;
  /* A machine was started since, but who reads its disk as it was goes on. */
  if (g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_BUSY) &&
      raw_stat (request->mount, request->node->number, &stat))
    return request_answer_stat (request, &stat);
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

void
op_getattr (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  request_run (req, "getattr", get_attr, ino, &(Arguments){ 0 });
}

static gboolean
read_link (Request *request, GError **error)
{
  g_auto (Place) place = { 0 };
  char *target;

  if (!request_place (request, &place, error))
    return FALSE;
  if (place.kind->target == NULL)
    return fail (error, BACKEND_ERROR_INVALID, "this is not a link");
  target = place.kind->target (&place, error);
  return target != NULL && request_answer_link (request, target);
}

void
op_readlink (fuse_req_t req, fuse_ino_t ino)
{
  request_run (req, "readlink", read_link, ino, &(Arguments){ 0 });
}

/* There are no blocks to count; only the length of names is of use to anybody. */
static gboolean
get_space (Request *request, GError **error)
{
  struct statvfs space = { .f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_MAX };

  return request_answer_space (request, &space);
}

void
op_statfs (fuse_req_t req, fuse_ino_t ino)
{
  request_run (req, "statfs", get_space, 0, &(Arguments){ 0 });
}
