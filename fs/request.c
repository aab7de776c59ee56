/* The only file that replies (answer.c says with what), maps errors to errno, defers and
 * interrupts, but for reads of disks (raw.c), which take a shorter way.
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
#include "answer.h"
#include "interrupt.h"
#include "notify.h"

#include <errno.h>

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

Answer *
answer_of (Request *request)
{
  return &request->private->answer;
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

static void
note_failure (const Private *private, const GError *error)
{
  g_debug ("%s: %s", private->what != NULL ? private->what : private->verb, error->message);
  if (private->domain != NULL)
    failures_add (private->domain, private->what, error);
}

/* With -s this may be the thread that the kernel waits for. */
static void
settle (const Request *request)
{
  const Mount *mount = request->mount;

  if (request->private->job != NULL && request->private->changing == NULL &&
      mount->notifier != NULL && mount->pools[WAIT_TO_CHANGE] != NULL)
    notifier_settle (mount->notifier);
}

static void
end (Request *request, const GError *error)
{
  Private *private = request->private;

  if (error == NULL)
    settle (request);
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
    answer_reply (request->mount, private->req, &private->answer);
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
