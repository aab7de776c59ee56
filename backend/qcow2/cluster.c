/* Decompression is what limits the reading of compressed images, so the clusters that a sequential
 * reader will want next are decompressed meanwhile, on every CPU.
 *
 * A cluster that is being worked on is noted, so that who comes for it waits instead of doing it
 * again.  One that is only queued is nobody's yet: who needs it first does it. */
#include "cluster.h"
#include "../threads.h"
#include "inflate.h"
#include "io.h"

#define MAX_THREADS 8
#define MOST_QUEUED (16 * 1024 * 1024) /* bytes of the clusters that wait to be decompressed */

/* Also the key of what is being worked on. */
typedef struct {
  guint64 owner;
  guint64 host;
  Image *image; /* of what is queued: a reference */
  guint32 stored;
} Task;

static Lock work_lock = LOCK_INIT;
static Condition work_done = CONDITION_INIT;
static GHashTable *under_way; /* a set of Task, on their workers' stacks; guarded by work_lock */

static Lock ahead_lock = LOCK_INIT;
static Queue *ahead_queue; /* of Task; NULL: no thread was started yet; guarded by ahead_lock */
static gsize queued;       /* bytes; atomic */

static guint
task_hash (gconstpointer data)
{
  const Task *task = data;
  guint64 mixed = task->host * 31 + task->owner;
  return (guint)(mixed ^ mixed >> 32);
}

static gboolean
task_equal (gconstpointer a, gconstpointer b)
{
  const Task *one = a, *other = b;
  return one->host == other->host && one->owner == other->owner;
}

static gsize
cluster_size (const Image *image)
{
  return (gsize)1 << image->header->cluster_bits;
}

/* ---- one cluster */

/* The length is rounded up to sectors, so the file may end before. */
static Block *
decompress (const Image *image, guint64 host, guint32 stored, GError **error)
{
  g_autofree guint8 *bytes = g_malloc (stored);
  gssize got = io_read (image->fd, bytes, stored, host, TRUE);
  if (got < 0) {
    fail_errno (error, "reading %s", image->path);
    return NULL;
  }
  Block *block = block_new (image->clusters, host, cluster_size (image));
  if (inflate_cluster (image->header->compression, bytes, (gsize)got, block->bytes, block->length))
    return cache_add (block);
  block_unref (block);
  fail (error, BACKEND_ERROR_DAMAGED,
        "%s: the compressed cluster at %" G_GUINT64_FORMAT " is damaged", image->path, host);
  return NULL;
}

/* Waits until nobody else works on @task, and notes that it is worked on now. */
static void
claim (const Task *task)
{
  autolock held = lock_hold (&work_lock);
  if (!under_way)
    under_way = g_hash_table_new (task_hash, task_equal);
  while (g_hash_table_contains (under_way, task))
    condition_wait (&work_done, &held);
  g_hash_table_add (under_way, (gpointer)task);
}

static void
give_up_claim (const Task *task)
{
  autolock held = lock_hold (&work_lock);
  g_hash_table_remove (under_way, task);
  condition_signal_all (&work_done);
}

Block *
cluster_get (Image *image, guint64 host, guint32 stored, gboolean wait, GError **error)
{
  const Task task = { .owner = image->clusters, .host = host };
  Block *block = cache_find (image->clusters, host, cluster_size (image));
  if (block || !wait)
    return block;
  claim (&task);
  block = cache_find (image->clusters, host, cluster_size (image));
  if (!block)
    block = decompress (image, host, stored, error);
  give_up_claim (&task);
  return block;
}

/* ---- ahead */

static void
task_free (Task *task)
{
  image_unref (task->image);
  g_free (task);
}

static void *
run_ahead (void *queue)
{
  for (Task *task; (task = queue_pop (queue)); task_free (task)) {
    g_atomic_pointer_add (&queued, -(gssize)cluster_size (task->image));
    block_unref (cluster_get (task->image, task->host, task->stored, TRUE, NULL));
  }
  return NULL;
}

/* The threads stay: waiting for their end would make who closes a disk wait for the storage. */
static Queue *
start_ahead (void)
{
  autolock held = lock_hold (&ahead_lock);
  if (ahead_queue)
    return ahead_queue;
  ahead_queue = queue_new ();
  for (guint i = 0; i < MIN (g_get_num_processors (), MAX_THREADS); i++)
    thread_start ("decompress", run_ahead, ahead_queue);
  return ahead_queue;
}

static gboolean
is_at_hand (const Image *image, guint64 host)
{
  g_autoptr (Block) block = cache_find (image->clusters, host, cluster_size (image));
  return block != NULL;
}

gboolean
cluster_ahead (Image *image, guint64 host, guint32 stored)
{
  if (is_at_hand (image, host))
    return TRUE;
  if ((gsize)g_atomic_pointer_get (&queued) + cluster_size (image) > MOST_QUEUED)
    return FALSE;
  Task *task = g_new (Task, 1);
  *task = (Task){ image->clusters, host, image_ref (image), stored };
  g_atomic_pointer_add (&queued, (gssize)cluster_size (image));
  queue_push (start_ahead (), task);
  return TRUE;
}
