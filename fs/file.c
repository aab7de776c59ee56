/* Open files: texts captured at open, and writes that act.
 *
 * One write is one command and runs inside the write, because that is the only
 * call whose error every shell reports.  A description is instead the text
 * written since the open.  What the words mean is the rows' business. */
#include "operations.h"
#include "raw.h"
#include "request.h"
#include "written.h"

#include "../backend/threads.h"

#include <fcntl.h>
#include <string.h>

#define LONGEST_COMMAND 4096

typedef struct {
  OpenThing thing;
  Node *node; /* a reference */
  Text *text; /* what it said when it was opened */
  Lock lock;
  gboolean accepted; /* a command has run; protected by lock */
  Written written;   /* to an editable text; protected by lock */
  gboolean cached;   /* what is read goes into the page cache */
} Handle;

static const NodeKind *
kind_of (const Handle *handle)
{
  return handle->node->about.kind;
}

static Handle *
handle_of (const Request *request)
{
  return (Handle *)(guintptr)request->arguments.file.fh;
}

static void
free_file (OpenThing *thing)
{
  Handle *handle = (Handle *)thing;

  node_unref (handle->node);
  text_unref (handle->text);
  lock_clear (&handle->lock);
  written_clear (&handle->written);
  g_free (handle);
}

static gboolean
is_writable (const NodeKind *kind)
{
  return kind->edit != NULL || kind->store != NULL;
}

/* Modes do not stop root, so this has to. */
static gboolean
may_write (const Place *place, GError **error)
{
  if (place->mount->options->read_only)
    return fail (error, BACKEND_ERROR_READ_ONLY, "this is mounted read-only");
  if (!is_writable (place->kind))
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
was_accepted (Handle *handle)
{
  autolock held = lock_hold (&handle->lock);

  return handle->accepted;
}

static void
set_accepted (Handle *handle)
{
  autolock held = lock_hold (&handle->lock);

  handle->accepted = TRUE;
}

/* The words of a command; NULL and no error: nothing but white space after one that was accepted.
 */
static char **
parse_command (Handle *handle, const char *data, gsize size, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) problem = NULL;
  char **words = NULL;

  if (size > LONGEST_COMMAND) {
    fail (error, BACKEND_ERROR_TOO_BIG, "a command may have %d bytes", LONGEST_COMMAND);
    return NULL;
  }
  if (memchr (data, '\0', size) != NULL) {
    fail (error, BACKEND_ERROR_INVALID, "a command cannot hold a NUL byte");
    return NULL;
  }
  text = g_strstrip (g_strndup (data, size));
  if (text[0] == '\0' && was_accepted (handle))
    return NULL;
  if (text[0] == '\0')
    fail (error, BACKEND_ERROR_INVALID, "the command is empty");
  else if (text[0] == '#')
    fail (error, BACKEND_ERROR_INVALID, "text that begins with # is not a command");
  else if (was_accepted (handle))
    fail (error, BACKEND_ERROR_INVALID, "open the file again for another command");
  else if (!g_shell_parse_argv (text, NULL, &words, &problem))
    fail (error, BACKEND_ERROR_INVALID, "%s", problem->message);
  return words;
}

static gboolean
run_command (Request *request, const Place *place, const char *target, GError **error)
{
  const Arguments *arguments = &request->arguments;
  Handle *handle = handle_of (request);
  g_autoptr (GError) problem = NULL;
  g_auto (GStrv) words = parse_command (handle, arguments->data, arguments->size, &problem);
  Job *job = NULL;

  if (problem != NULL) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  if (words == NULL)
    return TRUE;
  if (!place->kind->quick)
    job = request_begin (request, place->owner, target);
  if (!place->kind->store (place, words, job, error))
    return FALSE;
  set_accepted (handle);
  return TRUE;
}

static char *
text_with (Handle *handle, const Arguments *arguments, GError **error)
{
  autolock held = lock_hold (&handle->lock);

  return written_with (&handle->written, arguments->data, arguments->size, error);
}

static void
note_written (Handle *handle, const Arguments *arguments, gboolean taken)
{
  autolock held = lock_hold (&handle->lock);

  if (taken)
    written_keep (&handle->written, arguments->data, arguments->size);
  else
    handle->written.refused = TRUE;
}

static gboolean
edit_text (Request *request, const Place *place, const char *target, GError **error)
{
  const Arguments *arguments = &request->arguments;
  Handle *handle = handle_of (request);
  g_autofree char *text = text_with (handle, arguments, error);
  gboolean taken =
      text != NULL &&
      place->kind->edit (place, text, request_begin (request, place->owner, target), error);

  note_written (handle, arguments, taken);
  return taken;
}

/* Nothing acts here; but this is the last chance to say that the text ends within a character. */
static gboolean
flush_file (Request *request, GError **error)
{
  Handle *handle = handle_of (request);

  if (raw_file (&request->arguments.file) != NULL)
    return request_answer_nothing (request);
  {
    autolock held = lock_hold (&handle->lock);

    return written_is_whole (&handle->written, error) && request_answer_nothing (request);
  }
}

void
op_flush (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  request_run (req, "describe", flush_file, 0, &(Arguments){ .file = *file });
}

static gboolean
write_file (Request *request, GError **error)
{
  Handle *handle = handle_of (request);
  g_autofree char *target = NULL;
  g_auto (Place) place = { 0 };
  gboolean done;

  request_concerns (request, handle->node->about.owner, NULL);
  if (!kind_of (handle)->quick && !wait_for (&request->wait, WAIT_TO_CHANGE))
    return FALSE;
  if (!place_of_node (&place, request->mount, handle->node, &request->wait, error))
    return FALSE;
  target = place.snapshot != NULL ? place_path_of (place.domain, place.snapshot) : NULL;
  request_concerns (request, place.owner, target);
  if (kind_of (handle)->edit != NULL)
    done = edit_text (request, &place, target, error);
  else
    done = run_command (request, &place, target, error);
  return done && request_answer_written (request, request->arguments.size);
}

void
op_write (fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
          struct fuse_file_info *file)
{
  const Handle *handle = (const Handle *)(guintptr)file->fh;

  request_run (req, kind_of (handle)->edit != NULL ? "describe" : kind_of (handle)->name,
               write_file, 0, &(Arguments){ .data = data, .size = size, .file = *file });
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
