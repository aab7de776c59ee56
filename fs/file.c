/* Open files: texts captured at open.  What is written to them is write.c's. */
#include "handle.h"
#include "operations.h"
#include "raw.h"

#include <fcntl.h>

static void
free_file (OpenThing *thing)
{
  Handle *handle = (Handle *)thing;

  node_unref (handle->node);
  text_unref (handle->text);
  lock_clear (&handle->lock);
  written_clear (&handle->written);
  document_clear (&handle->document);
  g_free (handle);
}

/* Modes do not stop root, so this has to. */
static gboolean
may_write (const Place *place, GError **error)
{
  if (place->mount->options->read_only)
    return fail (error, BACKEND_ERROR_READ_ONLY, "this is mounted read-only");
  if (!row_writable (place))
    return fail (error, BACKEND_ERROR_DENIED, "this file cannot be written");
  return TRUE;
}

/* A command reads as its usage. */
static Text *
text_of (const Place *place, GError **error)
{
  const NodeKind *kind = place->kind;

  if (kind->show != NULL)
    return kind->show (place, error);
  if (kind->usage != NULL)
    return kind->usage (place);
  fail (error, BACKEND_ERROR_INVALID, "this is not a file");
  return NULL;
}

static gboolean
open_file (Request *request, GError **error)
{
  struct fuse_file_info file = request->arguments.file;
  gboolean writing = (file.flags & O_ACCMODE) != O_RDONLY || (file.flags & O_TRUNC) != 0;
  g_auto (Place) place = { 0 };
  Handle *handle;
  Text *text;

  if (writing)
    request_concerns (request, request->node->about.owner, request->node->about.kind->name);
  if (!request_place (request, &place, error) || (writing && !may_write (&place, error)))
    return FALSE;
  if (place.kind->measure != NULL)
    return raw_open (request, &place, &file, error);
  text = text_of (&place, error);
  if (text == NULL)
    return FALSE;
  handle = g_new0 (Handle, 1);
  handle->node = node_ref (request->node);
  handle->text = text;
  lock_init (&handle->lock);
  opened_add (request->mount->opened, &handle->thing, free_file);
  file.fh = (guintptr)handle;
  /* What is written is not what will be read, so it must not get into the page cache. */
  file.direct_io = place.kind->changes || writing;
  file.keep_cache = !file.direct_io;
  handle->cached = !file.direct_io;
  file.noflush = !writing;
  return request_answer_open (request, &file);
}

void
op_open (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  request_run (req, "open", open_file, ino, &(Arguments){ .file = *file });
}

/* What goes into the page cache is for everybody who reads the file later, so it is what the text
 * says now, and not what it said at this open. */
static Text *
text_to_read (Request *request, const Handle *handle)
{
  g_auto (Place) place = { 0 };
  g_autoptr (GError) error = NULL;
  Text *text = NULL;

  if (!handle->cached)
    return text_ref (handle->text);
  if (place_of_node (&place, request->mount, handle->node, &request->wait, &error))
    text = text_of (&place, &error);
  if (text == NULL && error != NULL) /* it is gone; who has it open may read on */
    text = text_ref (handle->text);
  return text;
}

static gboolean
read_file (Request *request, GError **error)
{
  g_autoptr (Text) text = text_to_read (request, handle_of (request));
  gsize start, size;

  if (text == NULL)
    return FALSE; /* it has to wait */
  start = MIN ((gsize)request->arguments.offset, text->length);
  size = MIN (request->arguments.size, text->length - start);
  return request_answer_listing (request, g_memdup2 (text->data + start, size), size, FALSE);
}

void
op_read (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file)
{
  RawFile *raw = raw_file (file);

  if (raw != NULL)
    raw_read (req, raw, size, offset);
  else
    request_run (req, "read", read_file, 0,
                 &(Arguments){ .size = size, .offset = offset, .file = *file });
}

static gboolean
release_file (Request *request, GError **error)
{
  opened_release (request->arguments.file.fh);
  return request_answer_nothing (request);
}

void
op_release (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  request_run (req, "release", release_file, 0, &(Arguments){ .file = *file });
}

/* Only "truncate to 0" is allowed, and means nothing: every shell does it before it writes. */
static gboolean
set_attr (Request *request, GError **error)
{
  const Arguments *arguments = &request->arguments;
  g_auto (Place) place = { 0 };

  request_concerns (request, request->node->about.owner, request->node->about.kind->name);
  if (!request_place (request, &place, error))
    return FALSE;
  if ((arguments->flags & FUSE_SET_ATTR_SIZE) == 0)
    return fail (error, BACKEND_ERROR_NOT_PERMITTED,
                 "modes, owners and times here are not to be changed");
  if (!may_write (&place, error))
    return FALSE;
  if (arguments->new_size != 0)
    return fail (error, BACKEND_ERROR_INVALID, "this file cannot be given a size");
  return request_answer_attr (request, &place, error);
}

void
op_setattr (fuse_req_t req, fuse_ino_t ino, struct stat *stat, int to_set,
            struct fuse_file_info *file)
{
  request_run (req, "setattr", set_attr, ino,
               &(Arguments){ .flags = (unsigned)to_set, .new_size = stat->st_size });
}
