/* Many snapshots' XML over one connection.
 *
 * libvirt answers several calls of a connection at a time, so a few threads take the next number
 * each until there are none.  Few snapshots are not worth a thread. */
#include "dumps.h"

#include "refusal.h"

#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define WORTH_A_THREAD 16 /* snapshots */

typedef struct {
  Libvirt *libvirt;
  virDomainPtr domain;
  const SnapshotList *list;
  const gboolean *wanted;
  const Snapshot *const *known;
  Dump *dumps; /* each is written by whoever took its number */
  gint next;   /* atomic */
  gint failed; /* atomic */
  Lock lock;
  GError *problem; /* protected by lock; the first */
} Reading;

static void
keep_problem (Reading *reading, GError *problem)
{
  autolock held = lock_hold (&reading->lock);

  g_atomic_int_set (&reading->failed, TRUE);
  if (reading->problem == NULL)
    reading->problem = problem;
  else
    g_error_free (problem);
}

/* One that went since it was listed is no failure. */
static void
note_failure (Reading *reading, const char *name)
{
  GError *problem = NULL;

  connection_fail (reading->libvirt->connection, virDomainGetConnect (reading->domain), &problem,
                   "cannot read the snapshot %s of %s", name, virDomainGetName (reading->domain));
  if (g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    g_error_free (problem);
  else
    keep_problem (reading, problem);
}

static void
read_one (Reading *reading, guint number)
{
  const char *name = g_ptr_array_index (reading->list->names, number);
  const Snapshot *known = reading->known[number];
  Dump *dump = &reading->dumps[number];
  char *xml = snapshot_list_dump (reading->list, reading->domain, number);

  if (xml == NULL) {
    note_failure (reading, name);
    return;
  }
  dump->same = known != NULL && known->xml != NULL && strcmp (known->xml->data, xml) == 0;
  if (!dump->same)
    dump->read = snapshot_read (name, xml);
  free (xml);
}

static void *
read_some (void *data)
{
  Reading *reading = data;

  while (!g_atomic_int_get (&reading->failed)) {
    guint number = (guint)g_atomic_int_add (&reading->next, 1);

    if (number >= reading->list->names->len)
      break;
    if (reading->wanted[number])
      read_one (reading, number);
  }
  return NULL;
}

static guint
count_wanted (const SnapshotList *list, const gboolean *wanted)
{
  guint count = 0;

  for (guint i = 0; i < list->names->len; i++)
    count += wanted[i] ? 1 : 0;
  return count;
}

Dump *
dumps_read (Libvirt *libvirt, virDomainPtr domain, const SnapshotList *list, const gboolean *wanted,
            const Snapshot *const *known, GError **error)
{
  Reading reading = { .libvirt = libvirt,
                      .domain = domain,
                      .list = list,
                      .wanted = wanted,
                      .known = known,
                      .dumps = g_new0 (Dump, list->names->len + 1),
                      .lock = LOCK_INIT };
  guint more = MIN (count_wanted (list, wanted) / WORTH_A_THREAD, THREADS - 1);
  pthread_t threads[THREADS];

  for (guint i = 0; i < more; i++)
    threads[i] = thread_start ("libvirt-read", read_some, &reading);
  read_some (&reading);
  for (guint i = 0; i < more; i++)
    thread_join (threads[i]);
  lock_clear (&reading.lock);
  if (reading.problem == NULL)
    return reading.dumps;
  g_propagate_error (error, reading.problem);
  dumps_free (reading.dumps, list->names->len);
  return NULL;
}

void
dumps_free (Dump *dumps, guint count)
{
  for (guint i = 0; dumps != NULL && i < count; i++)
    read_snapshot_free (dumps[i].read);
  g_free (dumps);
}
