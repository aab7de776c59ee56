/* A host that says nothing.
 *
 * libvirt can look after that itself (virConnectSetKeepAlive), and then frees only one of the
 * threads that wait: up to 9.0 at least, the next one waits without a limit, with a pointer into
 * the stack of the one before.  What ends all of them well is the end of the connection's socket.
 * libvirt does not tell which that is, so it is what was not there before the connection was
 * opened.
 *
 * One thread asks, and may wait; another one sees how long.  Opening a connection has a limit too,
 * for a stopped libvirtd still accepts. */
#include "guard.h"

#include "../threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_EVERY 5000                 /* milliseconds */
#define LOOK_EVERY 1000                /* milliseconds */
#define PATIENCE (25 * G_USEC_PER_SEC) /* for an answer, or for opening */

struct Guard {
  Lock lock;
  Condition condition;
  gboolean started;   /* protected by lock */
  gboolean stopping;  /* protected by lock */
  virConnectPtr link; /* protected by lock; a reference; NULL: none is open */
  gboolean opening;   /* protected by lock; the sockets are those that are not among `before` */
  GArray *before;     /* of ino_t; protected by lock */
  GArray *sockets;    /* of int: duplicates; protected by lock */
  gint64 asked;       /* protected by lock; monotonic time of what is not answered yet; 0: all is */
  gint64 opened_since; /* protected by lock; the same of opening */

  pthread_t asker, watcher; /* once started */
};

Guard *
guard_new (void)
{
  Guard *guard = g_new0 (Guard, 1);

  lock_init (&guard->lock);
  guard->condition = (Condition)CONDITION_INIT;
  guard->before = g_array_new (FALSE, FALSE, sizeof (ino_t));
  guard->sockets = g_array_new (FALSE, FALSE, sizeof (int));
  return guard;
}

/* -------------------------------------------------------------------- sockets */

/* A duplicate of @fd if it is a connection's socket, and its inode; -1. */
static int
duplicate_socket (int fd, ino_t *inode)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  int type = 0;
  socklen_t length = sizeof type;
  struct stat status;

  if (copy < 0)
    return -1;
  if (fstat (copy, &status) == 0 && S_ISSOCK (status.st_mode) &&
      getsockopt (copy, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM) {
    *inode = status.st_ino;
    return copy;
  }
  close (copy);
  return -1;
}

/* With the lock held. */
static gboolean
was_there (const Guard *guard, ino_t inode)
{
  for (guint i = 0; i < guard->before->len; i++)
    if (g_array_index (guard->before, ino_t, i) == inode)
      return TRUE;
  return FALSE;
}

/* With the lock held: calls @act for a duplicate of each socket of the process; it owns that. */
static void
for_each_socket (Guard *guard, void (*act) (Guard *guard, int copy, ino_t inode))
{
  DIR *directory = opendir ("/proc/self/fd");
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (int));

  for (const struct dirent *entry; directory != NULL && (entry = readdir (directory)) != NULL;) {
    int fd = atoi (entry->d_name);

    g_array_append_val (numbers, fd);
  }
  if (directory != NULL)
    closedir (directory);
  for (guint i = 0; i < numbers->len; i++) {
    ino_t inode = 0;
    int copy = duplicate_socket (g_array_index (numbers, int, i), &inode);

    if (copy >= 0)
      act (guard, copy, inode);
  }
}

static void
note_before (Guard *guard, int copy, ino_t inode)
{
  g_array_append_val (guard->before, inode);
  close (copy);
}

static void
keep_new (Guard *guard, int copy, ino_t inode)
{
  if (was_there (guard, inode))
    close (copy);
  else
    g_array_append_val (guard->sockets, copy);
}

static void
shut_new (Guard *guard, int copy, ino_t inode)
{
  if (!was_there (guard, inode))
    shutdown (copy, SHUT_RDWR);
  close (copy);
}

/* With the lock held. */
static void
cut (Guard *guard)
{
  for (guint i = 0; i < guard->sockets->len; i++)
    shutdown (g_array_index (guard->sockets, int, i), SHUT_RDWR);
  if (guard->opening)
    for_each_socket (guard, shut_new);
}

void
guard_cut (Guard *guard)
{
  autolock held = lock_hold (&guard->lock);

  cut (guard);
}

/* -------------------------------------------------------------------- a connection */

/* With the lock held.  The reference to what was open, for who can close it. */
static virConnectPtr
forget (Guard *guard)
{
  for (guint i = 0; i < guard->sockets->len; i++)
    close (g_array_index (guard->sockets, int, i));
  g_array_set_size (guard->sockets, 0);
  guard->opening = FALSE;
  guard->opened_since = 0;
  return g_steal_pointer (&guard->link);
}

void
guard_closed (Guard *guard)
{
  virConnectPtr link;

  {
    autolock held = lock_hold (&guard->lock);

    link = forget (guard);
  }
  if (link != NULL)
    virConnectClose (link);
}

void
guard_opening (Guard *guard)
{
  autolock held = lock_hold (&guard->lock);

  g_array_set_size (guard->before, 0);
  for_each_socket (guard, note_before);
  guard->opening = TRUE;
  guard->opened_since = g_get_monotonic_time ();
}

void
guard_opened (Guard *guard, virConnectPtr link)
{
  autolock held = lock_hold (&guard->lock);

  guard->opening = FALSE;
  guard->opened_since = 0;
  if (link == NULL)
    return;
  for_each_socket (guard, keep_new);
  virConnectRef (link);
  guard->link = link;
}

/* -------------------------------------------------------------------- looking after it */

/* What is to be asked now; NULL: it is the end. */
static virConnectPtr
next_to_ask (Guard *guard)
{
  autolock held = lock_hold (&guard->lock);

  guard->asked = 0;
  do {
    if (!guard->stopping)
      condition_wait_for (&guard->condition, &held, ASK_EVERY);
    if (guard->stopping)
      return NULL;
  } while (guard->link == NULL || guard->sockets->len == 0);
  virConnectRef (guard->link);
  guard->asked = g_get_monotonic_time ();
  return guard->link;
}

static void *
ask (void *data)
{
  Guard *guard = data;
  unsigned long version;

  for (virConnectPtr link; (link = next_to_ask (guard)) != NULL;) {
    virConnectGetLibVersion (link, &version);
    virConnectClose (link);
  }
  return NULL;
}

static gboolean
is_too_long (gint64 since)
{
  return since != 0 && g_get_monotonic_time () - since > PATIENCE;
}

static void *
watch (void *data)
{
  Guard *guard = data;
  autolock held = lock_hold (&guard->lock);

  while (!guard->stopping) {
    condition_wait_for (&guard->condition, &held, LOOK_EVERY);
    if (is_too_long (guard->asked) || is_too_long (guard->opened_since))
      cut (guard);
  }
  return NULL;
}

void
guard_start (Guard *guard)
{
  autolock held = lock_hold (&guard->lock);

  guard->started = TRUE;
  guard->asker = thread_start ("libvirt-ask", ask, guard);
  guard->watcher = thread_start ("libvirt-watch", watch, guard);
}

void
guard_free (Guard *guard)
{
  {
    autolock held = lock_hold (&guard->lock);

    guard->stopping = TRUE;
    cut (guard);
    condition_signal_all (&guard->condition);
  }
  if (guard->started) {
    thread_join (guard->asker);
    thread_join (guard->watcher);
  }
  guard_closed (guard);
  g_array_unref (guard->before);
  g_array_unref (guard->sockets);
  lock_clear (&guard->lock);
  g_free (guard);
}
