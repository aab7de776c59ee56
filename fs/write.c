/* Writes that act.
 *
 * One write is one command and runs inside the write, because that is the only call whose error
 * every shell reports.  A document runs in the write that completes it, and a description is the
 * text written since the open.  What any of them means is the rows' business. */
#include "handle.h"
#include "operations.h"
#include "raw.h"
#include "words.h"

#include <string.h>

#define LONGEST_COMMAND 4096

/* -------------------------------------------------------------------- commands */

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
  else
    return words_split (text, error);
  return NULL;
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
  if (place->kind->store (place, words, job, &problem)) {
    set_accepted (handle);
    return TRUE;
  }
  /* cp, cat and others write again after EINTR, but that it was cancelled must stay. */
  if (g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_CANCELLED))
    set_accepted (handle);
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

/* -------------------------------------------------------------------- documents */

/* What is to be carried out now; FALSE without an error: nothing is yet. */
static gboolean
add_piece (Handle *handle, const Arguments *arguments, Text **text, GError **error)
{
  autolock held = lock_hold (&handle->lock);
  Document *document = &handle->document;
  gboolean takes_words = handle->node->about.kind->words != NULL;
  gboolean after;

  if (!document_add (document, takes_words, arguments->data, arguments->size, &after, error) ||
      document->state != DOCUMENT_WHOLE || after)
    return FALSE;
  *text = document_text (document);
  return TRUE;
}

/* So that the rest of what was refused is not taken for a document of its own. */
static void
refuse_rest (Handle *handle)
{
  autolock held = lock_hold (&handle->lock);

  handle->document.state = DOCUMENT_REFUSED;
}

static gboolean
run_document (Request *request, const Place *place, const char *target, GError **error)
{
  Handle *handle = handle_of (request);
  g_autoptr (GError) problem = NULL;
  g_autoptr (Text) text = NULL;
  gboolean ready = add_piece (handle, &request->arguments, &text, &problem);

  if (problem != NULL) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  if (!ready)
    return TRUE;
  /* Its words stay as they are until the file is closed. */
  if (place->kind->take (place, handle->document.words, text,
                         request_begin (request, place->owner, target), error))
    return TRUE;
  refuse_rest (handle);
  return FALSE;
}

/* -------------------------------------------------------------------- texts */

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

/* -------------------------------------------------------------------- requests */

/* Where the open file is, noted as what a failure is about. */
static gboolean
find_file (Request *request, Place *place, char **target, GError **error)
{
  const Handle *handle = handle_of (request);

  request_concerns (request, handle->node->about.owner, NULL);
  if (!place_of_node (place, request->mount, handle->node, &request->wait, error))
    return FALSE;
  *target = place->snapshot != NULL ? place_path_of (place->domain, place->snapshot) : NULL;
  request_concerns (request, place->owner, *target);
  return TRUE;
}

static gboolean
write_file (Request *request, GError **error)
{
  const NodeKind *kind = handle_of (request)->node->about.kind;
  g_autofree char *target = NULL;
  g_auto (Place) place = { 0 };
  gboolean done;

  if (!kind->quick && !wait_for (&request->wait, WAIT_TO_CHANGE))
    return FALSE;
  if (!find_file (request, &place, &target, error))
    return FALSE;
  if (kind->edit != NULL)
    done = edit_text (request, &place, target, error);
  else if (kind->take != NULL)
    done = run_document (request, &place, target, error);
  else
    done = run_command (request, &place, target, error);
  return done && request_answer_written (request, request->arguments.size);
}

/* What people call a write to it. */
static const char *
verb_of (const struct fuse_file_info *file)
{
  const NodeKind *kind = ((const Handle *)(guintptr)file->fh)->node->about.kind;

  return kind->verb != NULL ? kind->verb : kind->name;
}

void
op_write (fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
          struct fuse_file_info *file)
{
  request_run (req, verb_of (file), write_file, 0,
               &(Arguments){ .data = data, .size = size, .file = *file });
}

static gboolean
is_whole (Handle *handle, GError **error)
{
  autolock held = lock_hold (&handle->lock);

  return written_is_whole (&handle->written, error) && document_is_done (&handle->document, error);
}

/* Nothing acts here; but this is the last chance to say that a text or a document is not whole. */
static gboolean
flush_file (Request *request, GError **error)
{
  g_autofree char *target = NULL;
  g_auto (Place) place = { 0 };

  if (is_whole (handle_of (request), error))
    return request_answer_nothing (request);
  find_file (request, &place, &target, NULL);
  return FALSE;
}

static gboolean
flush_disk (Request *request, GError **error)
{
  return request_answer_nothing (request);
}

void
op_flush (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  const Arguments arguments = { .file = *file };

  if (raw_file (file) != NULL)
    request_run (req, "flush", flush_disk, 0, &arguments);
  else
    request_run (req, verb_of (file), flush_file, 0, &arguments);
}
