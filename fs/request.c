/* The only file that replies, maps errors to errno, defers and interrupts, but for reads of disks
 * (raw.c), which take a shorter way.
 *
 * A request begins on the stack of the loop's thread, which must not wait.  If
 * its handler has to, the request is copied to the heap with everything it
 * borrowed and run again on a worker (with -s, at once and in line).
 *
 * The order at the end matters: first the interrupt handler is taken away
 * (libfuse calls it under the same lock, so afterwards it does not run), then
 * the job ends, then comes the reply, and after the reply only what outlives every
 * request is touched: the notifier and the owner whose directory was held. */
#include "request.h"

#include "../backend/failures.h"
#include "attr.h"
#include "interrupt.h"
#include "notify.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>

typedef enum {
  ANSWER_NOTHING,
  ANSWER_ENTRY,
  ANSWER_ATTR,
  ANSWER_OPEN,
  ANSWER_BYTES,
  ANSWER_LISTING,
  ANSWER_LINK,
  ANSWER_OFFSET,
  ANSWER_WRITTEN,
  ANSWER_SPACE,
} AnswerKind;

typedef struct {
  AnswerKind kind;
  union {
    struct fuse_entry_param entry;
    struct {
      struct stat stat;
      double timeout;
    } attr;
    struct fuse_file_info open;
    struct {
      const char *bytes;
      gsize size;
      gboolean entered;
    } bytes;
    off_t offset;
    gsize written;
    struct statvfs space;
  };
  char *owned; /* freed after the reply */
} Answer;

typedef struct Private {
  fuse_req_t req;
  const char *verb;
  Handler handler;
  char *domain;      /* whose control/error gets a failure; NULL: nobody's */
  char *what;        /* "create base/updates" */
  gboolean targeted; /* @what has its target */
  Job *job;
  Owner *changing; /* of the directory that the kernel holds for this request; NULL: none */
  Answer answer;
} Private;

/* A request that left the stack it began on. */
typedef struct {
  PoolItem item;
  Request request;
  Private private;
} Deferred;

gboolean
request_place (Request *request, Place *place, GError **error)
{
  return place_of_node (place, request->mount, request->node, &request->wait, error);
}

fuse_req_t
request_raw (Request *request)
{
  return request->private->req;
}

void
request_concerns (Request *request, const Owner *owner, const char *target)
{
  Private *private = request->private;
  gboolean known = private->domain != NULL && (target == NULL || private->targeted);

  if (owner == NULL || known)
    return;
  g_free (private->domain);
  g_free (private->what);
  private->targeted = target != NULL && target[0] != '\0';
  private->domain = g_strdup (owner->name);
  private->what = private->targeted ? g_strdup_printf ("%s %s", private->verb, target)
                                    : g_strdup (private->verb);
}

void
request_holds_directory (Request *request)
{
  Private *private = request->private;

  if (private->changing != NULL || request->node == NULL || request->node->about.owner == NULL)
    return;
  private->changing = request->node->about.owner;
  g_atomic_int_inc (&private->changing->changing);
}

/* After the reply. */
static void
let_directory_go (const Request *request)
{
  Owner *owner = request->private->changing;

  if (owner != NULL && g_atomic_int_dec_and_test (&owner->changing) &&
      request->mount->notifier != NULL)
    notifier_changed (owner->name, request->mount->notifier);
}

/* Called by libfuse with the request's lock held, which outlives the job's use here. */
static void
interrupted (fuse_req_t req, void *job)
{
  if (interrupt_is_meant (fuse_req_ctx (req)->pid))
    job_cancel (job);
}

Job *
request_begin (Request *request, const Owner *owner, const char *target)
{
  Private *private = request->private;

  request_concerns (request, owner, target);
  private->job = job_new (private->domain, private->what);
  fuse_req_interrupt_func (private->req, interrupted, private->job);
  return private->job;
}

gboolean
request_answer_nothing (Request *request)
{
  request->private->answer.kind = ANSWER_NOTHING;
  return TRUE;
}

gboolean
request_answer_entry (Request *request, const Place *place, GError **error)
{
  Answer *answer = &request->private->answer;

  if (!attr_entry (place, &answer->entry, error))
    return FALSE;
  answer->kind = ANSWER_ENTRY;
  return TRUE;
}

gboolean
request_answer_attr (Request *request, const Place *place, GError **error)
{
  Answer *answer = &request->private->answer;

  if (!attr_fill (place, &answer->attr.stat, error))
    return FALSE;
  answer->attr.stat.st_ino = request->node->number;
  answer->attr.timeout = attr_timeout (place);
  answer->kind = ANSWER_ATTR;
  return TRUE;
}

gboolean
request_answer_stat (Request *request, const struct stat *stat)
{
  Answer *answer = &request->private->answer;

  answer->attr.stat = *stat;
  answer->attr.stat.st_ino = request->node->number;
  answer->attr.timeout = 0;
  answer->kind = ANSWER_ATTR;
  return TRUE;
}

gboolean
request_answer_open (Request *request, const struct fuse_file_info *file)
{
  Answer *answer = &request->private->answer;

  answer->open = *file;
  answer->kind = ANSWER_OPEN;
  return TRUE;
}

gboolean
request_answer_bytes (Request *request, const char *bytes, gsize size)
{
  Answer *answer = &request->private->answer;

  answer->bytes.bytes = bytes;
  answer->bytes.size = size;
  answer->kind = ANSWER_BYTES;
  return TRUE;
}

gboolean
request_answer_listing (Request *request, char *bytes, gsize size, gboolean entered)
{
  Answer *answer = &request->private->answer;

  answer->owned = bytes;
  answer->bytes.bytes = bytes;
  answer->bytes.size = size;
  answer->bytes.entered = entered;
  answer->kind = ANSWER_LISTING;
  return TRUE;
}

gboolean
request_answer_link (Request *request, char *target)
{
  request->private->answer.owned = target;
  request->private->answer.kind = ANSWER_LINK;
  return TRUE;
}

gboolean
request_answer_offset (Request *request, off_t offset)
{
  request->private->answer.offset = offset;
  request->private->answer.kind = ANSWER_OFFSET;
  return TRUE;
}

gboolean
request_answer_written (Request *request, gsize size)
{
  request->private->answer.written = size;
  request->private->answer.kind = ANSWER_WRITTEN;
  return TRUE;
}

gboolean
request_answer_space (Request *request, const struct statvfs *space)
{
  request->private->answer.space = *space;
  request->private->answer.kind = ANSWER_SPACE;
  return TRUE;
}

/* Gives back the lookups of a readdirplus that the kernel never got. */
static void
forget_listing (Nodes *nodes, const char *bytes, gsize size)
{
  for (gsize at = 0; at + FUSE_NAME_OFFSET_DIRENTPLUS <= size;) {
    struct fuse_direntplus entry;

    memcpy (&entry, bytes + at, FUSE_NAME_OFFSET_DIRENTPLUS);
    if (entry.entry_out.nodeid != 0)
      nodes_forget (nodes, entry.entry_out.nodeid, 1);
    at += FUSE_DIRENTPLUS_SIZE (&entry);
  }
}

/* A reply fails when the kernel gave the request up; then it never got what the answer counted. */
static void
reply (const Mount *mount, fuse_req_t req, const Answer *answer)
{
  switch (answer->kind) {
  case ANSWER_NOTHING:
    fuse_reply_err (req, 0);
    break;
  case ANSWER_ENTRY:
    if (fuse_reply_entry (req, &answer->entry) != 0)
      nodes_forget (mount->nodes, answer->entry.ino, 1);
    break;
  case ANSWER_ATTR:
    fuse_reply_attr (req, &answer->attr.stat, answer->attr.timeout);
    break;
  case ANSWER_OPEN:
    if (fuse_reply_open (req, &answer->open) != 0)
      opened_release (answer->open.fh);
    break;
  case ANSWER_BYTES:
    fuse_reply_buf (req, answer->bytes.bytes, answer->bytes.size);
    break;
  case ANSWER_LISTING:
    if (fuse_reply_buf (req, answer->bytes.bytes, answer->bytes.size) != 0 && answer->bytes.entered)
      forget_listing (mount->nodes, answer->bytes.bytes, answer->bytes.size);
    break;
  case ANSWER_LINK:
    fuse_reply_readlink (req, answer->owned);
    break;
  case ANSWER_OFFSET:
    fuse_reply_lseek (req, answer->offset);
    break;
  case ANSWER_WRITTEN:
    fuse_reply_write (req, answer->written);
    break;
  case ANSWER_SPACE:
    fuse_reply_statfs (req, &answer->space);
    break;
  }
}

static void
note_failure (const Private *private, const GError *error)
{
  g_debug ("%s: %s", private->what != NULL ? private->what : private->verb, error->message);
  if (private->domain != NULL)
    failures_add (private->domain, private->what, error);
}

static void
end (Request *request, const GError *error)
{
  Private *private = request->private;

  if (private->job != NULL) {
    fuse_req_interrupt_func (private->req, NULL, NULL);
    job_finish (private->job, error);
    job_unref (private->job);
  }
  if (error != NULL)
    note_failure (private, error);

  if (error != NULL)
    fuse_reply_err (private->req, backend_error_errno (error));
  else
    reply (request->mount, private->req, &private->answer);
  let_directory_go (request);

  g_free (private->answer.owned);
  g_free (private->domain);
  g_free (private->what);
  if (request->node != NULL)
    node_unref (request->node);
}

/* FALSE: it has to wait. */
static gboolean
try (Request *request)
{
  g_autoptr (GError) error = NULL;
  gboolean done = request->private->handler (request, &error);

  if (!done && error == NULL) {
    g_assert (!request->wait.allowed);
    return FALSE;
  }
  end (request, done ? NULL : error);
  return TRUE;
}

static void
run_deferred (PoolItem *item)
{
  Deferred *deferred = (Deferred *)item;
  const Arguments *arguments = &deferred->request.arguments;

  try (&deferred->request);
  g_free ((char *)arguments->name);
  g_free ((char *)arguments->new_name);
  g_free ((char *)arguments->data);
  g_free (deferred);
}

static void
defer (const Request *request, Pool *pool)
{
  Deferred *deferred = g_new0 (Deferred, 1);
  Arguments *arguments = &deferred->request.arguments;

  deferred->item.run = run_deferred;
  deferred->request = *request;
  deferred->private = *request->private;
  deferred->request.private = &deferred->private;
  deferred->request.wait = (Wait){ .allowed = TRUE };
  arguments->name = g_strdup (arguments->name);
  arguments->new_name = g_strdup (arguments->new_name);
  arguments->data = g_memdup2 (arguments->data, arguments->data != NULL ? arguments->size : 0);
  pool_push (pool, &deferred->item);
}

void
request_run (fuse_req_t req, const char *verb, Handler handler, guint64 number,
             const Arguments *arguments)
{
  const Mount *mount = fuse_req_userdata (req);
  Private private = { .req = req, .verb = verb, .handler = handler };
  Request request = { .mount = mount, .arguments = *arguments, .private = &private };
  Pool *pool;

  if (number != 0 && (request.node = nodes_find (mount->nodes, number)) == NULL) {
    fuse_reply_err (req, ESTALE);
    return;
  }
  if (try (&request))
    return;
  pool = mount->pools[request.wait.needed];
  if (pool != NULL) {
    defer (&request, pool);
    return;
  }
  request.wait = (Wait){ .allowed = TRUE };
  try (&request);
}
