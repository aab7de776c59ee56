/* News of domains and snapshots, and a connection that comes back.
 *
 * Three threads, none of which another one waits for: libvirt's event loop only notes that a
 * picture is no longer good; one tells who watches; and one, which may wait for a host that does
 * not answer, polls and opens the connection again. */
#include "news.h"

#include "loop.h"
#include "own.h"
#include "picture.h"

#include <string.h>

#define EVERYTHING "" /* told when domains come or go; no domain is called so */
#define RETRY 250     /* milliseconds between looks at a lost connection */

struct News {
  Libvirt *libvirt;
  BackendChanged changed;
  gpointer data;
  Queue *queue; /* of char *: domains to tell of */
  pthread_t teller;

  pthread_t keeper;
  Lock lock;
  Condition condition;
  gboolean stopping; /* protected by lock */
  gboolean woken;    /* protected by lock; the connection was lost */

  gint events; /* atomic; the number under which libvirt sends them; -1: it sends none */
};

/* -------------------------------------------------------------------- telling */

void
news_tell (News *news, const char *domain)
{
  queue_push (news->queue, g_strdup (domain != NULL ? domain : EVERYTHING));
}

static void *
tell (void *data)
{
  News *news = data;

  for (char *domain; (domain = queue_pop (news->queue)) != NULL; g_free (domain))
    news->changed (domain[0] != '\0' ? domain : NULL, news->data);
  return NULL;
}

/* -------------------------------------------------------------------- events */

/* On the thread of the event loop, which must not wait for libvirt. */
static int
on_event (virConnectPtr link, virDomainPtr domain, int event, int detail, void *data)
{
  News *news = data;
  const char *name = virDomainGetName (domain);

  machine_touch (libvirt_machine (news->libvirt, name), NULL, FALSE);
  news_tell (news, name);
  if (event == VIR_DOMAIN_EVENT_DEFINED || event == VIR_DOMAIN_EVENT_UNDEFINED)
    news_tell (news, NULL);
  return 0;
}

static void
on_closed (virConnectPtr link, int reason, void *data)
{
  News *news = data;

  connection_lose (news->libvirt->connection, link);
}

/* A driver without one of these is polled, and found dead when it is asked. */
void
news_opened (News *news, virConnectPtr link)
{
  int events = virConnectDomainEventRegisterAny (link, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                 VIR_DOMAIN_EVENT_CALLBACK (on_event), news, NULL);

  g_atomic_int_set (&news->events, events);
  virConnectRegisterCloseCallback (link, on_closed, news, NULL);
}

/* libvirt keeps a connection as long as somebody wants its events. */
void
news_closing (News *news, virConnectPtr link)
{
  int events = g_atomic_int_get (&news->events);

  if (events >= 0)
    virConnectDomainEventDeregisterAny (link, events);
  g_atomic_int_set (&news->events, -1);
  virConnectUnregisterCloseCallback (link, on_closed);
}

/* -------------------------------------------------------------------- polling */

/* A picture that somebody has is loaded again; if it is the same, nobody hears of it. */
static void
poll_machine (News *news, Machine *machine)
{
  g_autoptr (Domain) before = machine_picture (machine, NULL);
  g_autoptr (Domain) now = NULL;

  if (before == NULL)
    return;
  now = picture_look (news->libvirt, machine, NULL);
  if (now != before)
    news_tell (news, machine_name (machine));
}

static gboolean
is_stopping (News *news)
{
  autolock held = lock_hold (&news->lock);

  return news->stopping;
}

static void
poll_all (News *news)
{
  g_autoptr (GPtrArray) machines = libvirt_machines (news->libvirt);
  gboolean changed = FALSE;

  if (g_atomic_int_get (&news->events) < 0) {
    g_strfreev (libvirt_list (news->libvirt, &changed, NULL));
    if (changed)
      news_tell (news, NULL);
  }
  for (guint i = 0; i < machines->len && !is_stopping (news); i++)
    poll_machine (news, g_ptr_array_index (machines, i));
}

/* -------------------------------------------------------------------- keeping */

/* Everything that is known is news. */
static void
come_back (News *news)
{
  g_autoptr (GPtrArray) machines = libvirt_machines (news->libvirt);

  for (guint i = 0; i < machines->len; i++) {
    Machine *machine = g_ptr_array_index (machines, i);

    machine_touch (machine, NULL, TRUE);
    news_tell (news, machine_name (machine));
  }
  news_tell (news, NULL);
}

/* Until the next look is due.  FALSE: it is the end.  *@lost: becomes TRUE when the connection was
 * lost since the last time. */
static gboolean
pause_keeper (News *news, gboolean *lost)
{
  autolock held = lock_hold (&news->lock);
  guint seconds = news->libvirt->poll_seconds;

  if (*lost)
    condition_wait_for (&news->condition, &held, RETRY);
  else if (seconds == 0)
    while (!news->woken && !news->stopping)
      condition_wait (&news->condition, &held);
  else
    while (!news->woken && !news->stopping &&
           condition_wait_for (&news->condition, &held, seconds * 1000))
      ;
  *lost = *lost || news->woken;
  news->woken = FALSE;
  return !news->stopping;
}

static void *
keep (void *data)
{
  News *news = data;
  gboolean lost = FALSE;

  while (pause_keeper (news, &lost)) {
    if (!connection_keep (news->libvirt->connection)) {
      lost = TRUE;
      continue;
    }
    if (lost)
      come_back (news);
    else if (news->libvirt->poll_seconds > 0)
      poll_all (news);
    lost = FALSE;
  }
  return NULL;
}

void
news_wake (News *news)
{
  autolock held = lock_hold (&news->lock);

  news->woken = TRUE;
  condition_signal_all (&news->condition);
}

/* -------------------------------------------------------------------- beginning and end */

News *
news_new (gpointer libvirt, BackendChanged changed, gpointer data, GError **error)
{
  News *news;

  if (!loop_hold (error))
    return NULL;
  news = g_new0 (News, 1);
  news->libvirt = libvirt;
  news->changed = changed;
  news->data = data;
  news->queue = queue_new ();
  news->events = -1;
  lock_init (&news->lock);
  news->condition = (Condition)CONDITION_INIT;
  return news;
}

void
news_start (News *news)
{
  news->teller = thread_start ("libvirt-tell", tell, news);
  news->keeper = thread_start ("libvirt-keep", keep, news);
}

void
news_stop (News *news)
{
  {
    autolock held = lock_hold (&news->lock);

    news->stopping = TRUE;
    condition_signal_all (&news->condition);
  }
  connection_end (news->libvirt->connection);
  thread_join (news->keeper);
  queue_close (news->queue);
  thread_join (news->teller);
}

/* Events that were on their way may still be told until here, into a queue that nobody reads. */
void
news_free (News *news)
{
  char *domain;

  loop_release ();
  while ((domain = queue_pop (news->queue)) != NULL)
    g_free (domain);
  queue_free (news->queue);
  lock_clear (&news->lock);
  g_free (news);
}
