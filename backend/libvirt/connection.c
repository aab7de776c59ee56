/* The connection: opening it once for all who come, noticing that it is gone, opening it again.
 *
 * No lock is held while libvirt is asked for anything.  Who comes while another one opens it waits
 * for that; who comes after it was lost is told so, with the last sentence, because every reader
 * would otherwise wait for the same dead host. */
#include "connection.h"

#include "../model.h"
#include "../threads.h"
#include "answers.h"
#include "guard.h"
#include "refusal.h"

#include <time.h>

#define RETRY_FIRST (G_USEC_PER_SEC / 2)
#define RETRY_MOST (30 * G_USEC_PER_SEC)

struct Connection {
  char *uri;
  unsigned int flags;
  ConnectionHooks hooks;
  Answers *answers; /* of whoever is opening */
  Guard *guard;

  Lock lock;
  Condition settled;
  virConnectPtr link; /* protected by lock; NULL: not open, or lost */
  virConnectPtr dead; /* protected by lock; was lost and is still to be closed; NULL: none */
  gboolean opening;   /* protected by lock; somebody is */
  gboolean kept;      /* protected by lock; somebody is there who opens it again */
  gboolean ending;    /* protected by lock; nobody does any more */
  gint64 lost;        /* protected by lock; seconds since the epoch, 0: it is not */
  char *why;          /* protected by lock; why it could not be opened; NULL: it was not tried */
  gint64 pause;       /* protected by lock; microseconds until the next attempt after one failed */
  gint64 next;        /* protected by lock; monotonic time of the next attempt */
};

Connection *
connection_new (const char *uri, gboolean read_only, const ConnectionHooks *hooks)
{
  Connection *connection = g_new0 (Connection, 1);

  connection->uri = g_strdup (uri);
  connection->flags = read_only ? VIR_CONNECT_RO : 0;
  connection->hooks = *hooks;
  connection->answers = answers_new ();
  connection->guard = guard_new ();
  lock_init (&connection->lock);
  connection->settled = (Condition)CONDITION_INIT;
  connection->pause = RETRY_FIRST;
  return connection;
}

/* NULL is ignored. */
static void
close_link (const Connection *connection, virConnectPtr link)
{
  if (link == NULL)
    return;
  connection->hooks.closing (link, connection->hooks.data);
  virConnectClose (link);
  guard_closed (connection->guard);
}

/* What is open or was; libvirt's thread may be finding out just now that it is lost. */
static void
take_all (Connection *connection, virConnectPtr *dead, virConnectPtr *link)
{
  autolock held = lock_hold (&connection->lock);

  *dead = g_steal_pointer (&connection->dead);
  *link = g_steal_pointer (&connection->link);
}

void
connection_free (Connection *connection)
{
  virConnectPtr dead, link;

  take_all (connection, &dead, &link);
  close_link (connection, dead);
  close_link (connection, link);
  guard_free (connection->guard);
  answers_free (connection->answers);
  lock_clear (&connection->lock);
  g_free (connection->why);
  g_free (connection->uri);
  g_free (connection);
}

const char *
connection_uri (const Connection *connection)
{
  return connection->uri;
}

/* -------------------------------------------------------------------- opening */

/* Whatever it was that nobody has a better word for, nobody is there. */
static void
fail_open (const Connection *connection, const Refusal *refusal, GError **error)
{
  BackendError meaning = refusal_meaning (refusal);

  fail (error, meaning == BACKEND_ERROR_FAILED ? BACKEND_ERROR_UNREACHABLE : meaning,
        "cannot connect to %s: %s", connection->uri, refusal->sentence);
}

static virConnectPtr
open_link (Connection *connection, gboolean ask, GError **error)
{
  virConnectPtr link = virConnectOpenAuth (connection->uri, answers_auth (connection->answers, ask),
                                           connection->flags);

  if (link == NULL) {
    g_autoptr (Refusal) refusal = refusal_last ();

    fail_open (connection, refusal, error);
  }
  return link;
}

gboolean
connection_try (Connection *connection, GError **error)
{
  virConnectPtr link = open_link (connection, TRUE, error);

  if (link == NULL)
    return FALSE;
  virConnectClose (link);
  return TRUE;
}

/* With the lock held: what came of opening. */
static void
settle (Connection *connection, virConnectPtr link, const GError *problem)
{
  connection->opening = FALSE;
  g_clear_pointer (&connection->why, g_free);
  if (link != NULL) {
    connection->link = link;
    connection->lost = 0;
    connection->pause = RETRY_FIRST;
  } else {
    connection->why = g_strdup (problem->message);
    connection->lost = connection->lost != 0 ? connection->lost : seconds_now ();
    connection->next = g_get_monotonic_time () + connection->pause;
    connection->pause = MIN (connection->pause * 2, RETRY_MOST);
  }
  condition_signal_all (&connection->settled);
}

static virConnectPtr
take_dead (Connection *connection)
{
  autolock held = lock_hold (&connection->lock);

  return g_steal_pointer (&connection->dead);
}

/* By who has set `opening`. */
static void
open_for_all (Connection *connection)
{
  g_autoptr (GError) problem = NULL;
  virConnectPtr link;

  close_link (connection, take_dead (connection));
  guard_opening (connection->guard);
  link = open_link (connection, FALSE, &problem);
  guard_opened (connection->guard, link);
  if (link != NULL)
    connection->hooks.opened (link, connection->hooks.data);
  {
    autolock held = lock_hold (&connection->lock);

    settle (connection, link, problem);
  }
}

/* With the lock held: whether the caller is to open it. */
static gboolean
may_open (const Connection *connection, gboolean keeper)
{
  if (connection->link != NULL || connection->opening || connection->ending)
    return FALSE;
  if (connection->lost == 0)
    return TRUE;
  return (keeper || !connection->kept) && g_get_monotonic_time () >= connection->next;
}

/* -------------------------------------------------------------------- using */

/* A reference to what is open; NULL: there is nothing.  *@open: the caller has to open it first. */
static virConnectPtr
take (Connection *connection, gboolean *open, GError **error)
{
  autolock held = lock_hold (&connection->lock);

  while (connection->opening && connection->lost == 0)
    condition_wait (&connection->settled, &held);
  *open = may_open (connection, FALSE);
  if (*open)
    connection->opening = TRUE;
  if (connection->link != NULL) {
    virConnectRef (connection->link);
    return connection->link;
  }
  if (!*open)
    fail (error, BACKEND_ERROR_UNREACHABLE, "not connected to %s%s%s", connection->uri,
          connection->why != NULL ? ": " : "", connection->why != NULL ? connection->why : "");
  return NULL;
}

virConnectPtr
connection_use (Connection *connection, GError **error)
{
  gboolean open = FALSE;
  virConnectPtr link = take (connection, &open, error);

  while (open) {
    open_for_all (connection);
    link = take (connection, &open, error);
  }
  if (link == NULL || virConnectIsAlive (link) != 0)
    return link;
  connection_lose (connection, link);
  virConnectClose (link);
  fail (error, BACKEND_ERROR_UNREACHABLE, "not connected to %s: the connection was lost",
        connection->uri);
  return NULL;
}

void
connection_done (virConnectPtr link)
{
  if (link != NULL)
    virConnectClose (link);
}

/* -------------------------------------------------------------------- losing */

void
connection_lose (Connection *connection, virConnectPtr link)
{
  gboolean is_news = FALSE;

  {
    autolock held = lock_hold (&connection->lock);

    if (connection->link == link) {
      is_news = TRUE;
      connection->dead = g_steal_pointer (&connection->link);
      connection->lost = seconds_now ();
      connection->next = 0;
      guard_cut (connection->guard);
    }
  }
  if (is_news)
    connection->hooks.lost (connection->hooks.data);
}

gboolean
connection_is_lost (Connection *connection)
{
  autolock held = lock_hold (&connection->lock);

  return connection->lost != 0;
}

char *
connection_lost_since (Connection *connection)
{
  autolock held = lock_hold (&connection->lock);
  time_t since = (time_t)connection->lost;
  struct tm parts;
  char text[32] = "";

  if (connection->lost == 0)
    return NULL;
  if (gmtime_r (&since, &parts) != NULL)
    strftime (text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return g_strdup (text);
}

void
connection_is_kept (Connection *connection)
{
  {
    autolock held = lock_hold (&connection->lock);

    connection->kept = TRUE;
  }
  guard_start (connection->guard);
}

void
connection_end (Connection *connection)
{
  autolock held = lock_hold (&connection->lock);

  connection->ending = TRUE;
  guard_cut (connection->guard);
}

gboolean
connection_keep (Connection *connection)
{
  gboolean open;

  {
    autolock held = lock_hold (&connection->lock);

    open = may_open (connection, TRUE);
    if (open)
      connection->opening = TRUE;
  }
  if (open)
    open_for_all (connection);
  return !connection_is_lost (connection);
}

gboolean
connection_fail (Connection *connection, virConnectPtr link, GError **error, const char *format,
                 ...)
{
  g_autoptr (Refusal) refusal = refusal_last ();
  g_autofree char *context = NULL;
  va_list arguments;

  va_start (arguments, format);
  context = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (virConnectIsAlive (link) != 0)
    return refusal_fail (refusal, error, "%s", context);
  connection_lose (connection, link);
  return fail (error, BACKEND_ERROR_UNREACHABLE, "%s: the connection to %s was lost: %s", context,
               connection->uri, refusal->sentence);
}
