/* What others change in the store, by inotify.
 *
 * Every call of watch_directories asks for all watches anew: the kernel answers with the same
 * number for a directory that is watched already, so what is new and what is gone follows from
 * comparing two sets of numbers, also when a directory was replaced by another of the same name.
 * What changed in a directory before it was watched would be missed; so a directory that is new is
 * followed by one more call of `changed`.
 *
 * Changes come in bursts (a copy, an operation of our own), so they are gathered until nothing has
 * happened for a moment.  Which file it was does not matter: who is called looks at everything. */
#include "watch.h"
#include "../threads.h"
#include "fd.h"
#include "file-names.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define QUIET_MICROSECONDS (50 * 1000)
#define LONGEST_MICROSECONDS (1000 * 1000)
#define EVENTS                                                                                     \
  (IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR | \
   IN_DONT_FOLLOW | IN_EXCL_UNLINK)

struct Watch {
  char *store;
  void (*changed) (gpointer data);
  gpointer data;
  int events;    /* inotify */
  int bell;      /* eventfd: look at the two flags */
  gint stopping; /* atomic */
  gint again;    /* atomic: a directory is new */
  pthread_t thread;
  Lock lock;           /* guards what follows */
  GHashTable *watched; /* of numbers of watches */
};

/* All that the store itself makes while it works begins with RECORDS_DIRECTORY. */
static gboolean
event_matters (const struct inotify_event *event)
{
  if (event->mask & IN_Q_OVERFLOW)
    return TRUE;
  if (event->mask & IN_IGNORED)
    return FALSE; /* a watch of ours has ended; why was an event of its own */
  return event->len == 0 || !g_str_has_prefix (event->name, RECORDS_DIRECTORY);
}

/* Reads what is there; TRUE: something in it matters. */
static gboolean
read_events (Watch *watch)
{
  char buffer[16384] __attribute__ ((aligned (__alignof__(struct inotify_event))));
  gboolean matters = FALSE;
  gssize got;
  while ((got = read (watch->events, buffer, sizeof buffer)) > 0) {
    const struct inotify_event *event;
    for (gssize at = 0; at < got; at += (gssize)(sizeof *event + event->len)) {
      event = (const void *)(buffer + at);
      matters = event_matters (event) || matters;
    }
  }
  return matters;
}

static void
ring (Watch *watch)
{
  const guint64 one = 1;
  if (write (watch->bell, &one, sizeof one) < 0)
    g_debug ("watch: the bell is still ringing");
}

static void
hear (Watch *watch)
{
  guint64 count;
  if (read (watch->bell, &count, sizeof count) < 0)
    g_debug ("watch: the bell did not ring");
}

/* Waits until @moment at most, 0 for ever; TRUE: something changed. */
static gboolean
wait_for_change (Watch *watch, gint64 moment)
{
  struct pollfd wanted[] = {
    { .fd = watch->events, .events = POLLIN },
    { .fd = watch->bell, .events = POLLIN },
  };
  gint64 left = MAX (moment - g_get_monotonic_time (), 0);
  if (poll (wanted, G_N_ELEMENTS (wanted), moment == 0 ? -1 : (int)((left + 999) / 1000)) <= 0)
    return FALSE;
  if (wanted[1].revents)
    hear (watch);
  gboolean again = g_atomic_int_compare_and_exchange (&watch->again, 1, 0);
  return (wanted[0].revents && read_events (watch)) || again;
}

static void *
watch_run (void *data)
{
  Watch *watch = data;
  gint64 first = 0; /* of the changes that were not yet told; 0: there are none */
  gint64 due = 0;
  while (!g_atomic_int_get (&watch->stopping)) {
    gboolean changed = wait_for_change (watch, due);
    gint64 now = g_get_monotonic_time ();
    if (changed) {
      first = first ? first : now;
      due = MIN (now + QUIET_MICROSECONDS, first + LONGEST_MICROSECONDS);
    }
    if (first && now >= due && !g_atomic_int_get (&watch->stopping)) {
      first = due = 0;
      watch->changed (watch->data);
    }
  }
  return NULL;
}

/* A directory that cannot be watched (gone already, or no watches left) is only not watched. */
static int
add_watch (Watch *watch, GHashTable *wanted, const char *path)
{
  int number = inotify_add_watch (watch->events, path, EVENTS);
  if (number >= 0)
    g_hash_table_add (wanted, GINT_TO_POINTER (number));
  else if (errno == ENOSPC)
    g_warning ("%s is not watched: fs.inotify.max_user_watches is used up", path);
  return number;
}

/* Any directory in the store may become a domain. */
static void
add_subdirectories (Watch *watch, GHashTable *wanted)
{
  DIR *store = opendir (watch->store);
  if (!store)
    return;
  for (const struct dirent *entry = readdir (store); entry; entry = readdir (store)) {
    if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
      continue;
    g_autofree char *path = g_build_filename (watch->store, entry->d_name, NULL);
    add_watch (watch, wanted, path);
  }
  closedir (store);
}

static void
add_domain (Watch *watch, GHashTable *wanted, const LocalDomain *domain)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (domain->disks, i);
    add_watch (watch, wanted, disk->directory);
  }
}

/* Ends the watches that nobody wants any more; TRUE: some in @wanted are new. */
static gboolean
replace_watched (Watch *watch, GHashTable *wanted)
{
  gboolean new = FALSE;
  GHashTableIter iterator;
  gpointer number;
  g_hash_table_iter_init (&iterator, wanted);
  while (g_hash_table_iter_next (&iterator, &number, NULL))
    new = new || !g_hash_table_contains (watch->watched, number);
  g_hash_table_iter_init (&iterator, watch->watched);
  while (g_hash_table_iter_next (&iterator, &number, NULL))
    if (!g_hash_table_contains (wanted, number))
      inotify_rm_watch (watch->events, GPOINTER_TO_INT (number));
  g_hash_table_unref (watch->watched);
  watch->watched = g_hash_table_ref (wanted);
  return new;
}

void
watch_directories (Watch *watch, const GPtrArray *domains)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new (NULL, NULL);
  autolock held = lock_hold (&watch->lock);
  add_watch (watch, wanted, watch->store);
  add_subdirectories (watch, wanted);
  for (guint i = 0; i < domains->len; i++)
    add_domain (watch, wanted, g_ptr_array_index (domains, i));
  if (replace_watched (watch, wanted)) {
    g_atomic_int_set (&watch->again, 1);
    ring (watch);
  }
}

static void
watch_free (Watch *watch)
{
  fd_close_pointer (&watch->events);
  fd_close_pointer (&watch->bell);
  lock_clear (&watch->lock);
  g_hash_table_unref (watch->watched);
  g_free (watch->store);
  g_free (watch);
}

static gboolean
watch_open (Watch *watch, GError **error)
{
  watch->events = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  watch->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (watch->events < 0 || watch->bell < 0)
    return fail_errno (error, "watching %s", watch->store);
  if (add_watch (watch, watch->watched, watch->store) < 0)
    return fail_errno (error, "watching %s", watch->store);
  add_subdirectories (watch, watch->watched);
  return TRUE;
}

Watch *
watch_start (const Places *places, void (*changed) (gpointer data), gpointer data, GError **error)
{
  Watch *watch = g_new0 (Watch, 1);
  watch->store = g_strdup (places_store_path (places));
  watch->changed = changed;
  watch->data = data;
  watch->events = watch->bell = -1;
  watch->watched = g_hash_table_new (NULL, NULL);
  lock_init (&watch->lock);
  if (!watch_open (watch, error)) {
    watch_free (watch);
    return NULL;
  }
  watch->thread = thread_start ("watch", watch_run, watch);
  return watch;
}

void
watch_stop (Watch *watch)
{
  g_atomic_int_set (&watch->stopping, 1);
  ring (watch);
  thread_join (watch->thread);
  watch_free (watch);
}
