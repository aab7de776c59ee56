/* Open disk files: where the speed comes from.
 *
 * A read goes past request.c: no node, no picture, and nothing allocated unless it has to wait.  It
 * is tried on the loop's thread, and where the reader says that it would wait for the storage it
 * is done again on a worker of a pool for that alone, so that slow storage keeps nobody waiting who
 * only looks around.
 *
 * The kernel takes a short reply for the end of the file: all or nothing. */
#include "raw.h"

#include "../backend/failures.h"
#include "attr.h"
#include "buffers.h"
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct RawFile {
  OpenThing thing;
  DiskReader *reader;
  Owner *owner;
  guint64 number;   /* of the node */
  struct stat stat; /* when it was opened */
  char *what;       /* for control/error: "read base/disks/vda.raw" */
  gint noted;       /* atomic; a failure was, so that a damaged disk does not push out all others */
};

/* Something asked of an open disk file. */
typedef struct Inquiry Inquiry;
struct Inquiry {
  PoolItem item; /* used where it has to wait */
  fuse_req_t req;
  RawFile *raw;
  guint64 offset;
  gsize count;     /* of a read */
  ExtentKind kind; /* of a search */
  /* Replies and returns TRUE; FALSE without an error: it has to wait. */
  gboolean (*answer) (const Inquiry *inquiry, gboolean wait, GError **error);
};

static void
free_raw (OpenThing *thing)
{
  RawFile *raw = (RawFile *)thing;

  disk_reader_close (raw->reader);
  g_free (raw->what);
  g_free (raw);
}

RawFile *
raw_file (const struct fuse_file_info *file)
{
  OpenThing *thing = (OpenThing *)(guintptr)file->fh;

  return thing->free == free_raw ? (RawFile *)thing : NULL;
}

/* Damage to a disk's bytes is no damage to the records, after which changes are refused. */
static void
settle_code (GError *error)
{
  if (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED))
    error->code = BACKEND_ERROR_FAILED;
}

static DiskReader *
open_reader (const Place *place, GError **error)
{
  const Snapshot *snapshot = place->snapshot;
  g_autoptr (GError) problem = NULL;
  DiskReader *reader =
      backend_open_disk (place->mount->backend, place->owner->name,
                         snapshot != NULL ? snapshot->id : NULL, place->disk->target, &problem);

  if (problem != NULL) {
    settle_code (problem);
    g_propagate_error (error, g_steal_pointer (&problem));
  }
  return reader;
}

/* "base/disks/vda.raw", "disks/vda/nightly/vda.raw" */
static char *
path_of (const Place *place)
{
  g_autofree char *above =
      place->snapshot != NULL ? place_path_of (place->domain, place->snapshot) : NULL;
  g_autofree char *name = name_of_disk (place->disk, place->kind->suffix);

  return g_strconcat (above != NULL ? above : "", above != NULL ? "/" : "",
                      place->snapshot != NULL && place->snapshot->disk != NULL ? "" : "disks/",
                      name, NULL);
}

gboolean
raw_open (Request *request, const Place *place, struct fuse_file_info *file, GError **error)
{
  /* The live disk has one page cache, and is another disk after each snapshot or revert; a snapshot
   * inside an image can be made anew under the same name. */
  gboolean cached =
      request->mount->options->cache && place->snapshot != NULL && place->snapshot->external;
  g_autofree char *path = path_of (place);
  DiskReader *reader;
  struct stat stat;
  RawFile *raw;

  request_concerns (request, place->owner, path);
  if (!wait_for (&request->wait, WAIT_FOR_STORAGE))
    return FALSE;
  reader = open_reader (place, error);
  if (reader == NULL)
    return FALSE;
  if (!attr_fill (place, &stat, error)) {
    disk_reader_close (reader);
    return FALSE;
  }
  raw = g_new0 (RawFile, 1);
  raw->reader = reader;
  raw->number = request->node->number;
  raw->stat = stat;
  raw->owner = place->owner;
  raw->what = g_strconcat ("read ", path, NULL);
  opened_add (request->mount->opened, &raw->thing, free_raw);
  file->fh = (guintptr)raw;
  file->direct_io = !cached;
  file->keep_cache = cached;
  file->noflush = TRUE;
  return request_answer_open (request, file);
}

typedef struct {
  guint64 number;
  struct stat *stat;
} Question;

static gboolean
tell_stat (OpenThing *thing, gpointer data)
{
  const RawFile *raw = (const RawFile *)thing;
  const Question *question = data;

  if (thing->free != free_raw || raw->number != question->number)
    return FALSE;
  *question->stat = raw->stat;
  return TRUE;
}

gboolean
raw_stat (const Mount *mount, guint64 number, struct stat *stat)
{
  return opened_ask (mount->opened, tell_stat, &(Question){ number, stat });
}

static void
reply_failure (const Inquiry *inquiry, GError *error)
{
  RawFile *raw = inquiry->raw;

  settle_code (error);
  if (g_atomic_int_compare_and_exchange (&raw->noted, FALSE, TRUE))
    failures_add (raw->owner->name, raw->what, error);
  fuse_reply_err (inquiry->req, backend_error_errno (error));
}

/* FALSE: it has to wait. */
static gboolean
try (const Inquiry *inquiry, gboolean wait)
{
  g_autoptr (GError) error = NULL;

  if (inquiry->answer (inquiry, wait, &error))
    return TRUE;
  if (error == NULL)
    return FALSE;
  reply_failure (inquiry, error);
  return TRUE;
}

static void
run_deferred (PoolItem *item)
{
  Inquiry *inquiry = (Inquiry *)item;

  try (inquiry, TRUE);
  g_free (inquiry);
}

static void
defer (const Inquiry *inquiry, Pool *pool)
{
  Inquiry *deferred = g_memdup2 (inquiry, sizeof *inquiry);

  deferred->item.run = run_deferred;
  pool_push (pool, &deferred->item);
}

static void
run (const Inquiry *inquiry)
{
  const Mount *mount = fuse_req_userdata (inquiry->req);

  if (try (inquiry, FALSE))
    return;
  if (mount->pools[WAIT_FOR_STORAGE] != NULL)
    defer (inquiry, mount->pools[WAIT_FOR_STORAGE]);
  else
    try (inquiry, TRUE);
}

static gboolean
answer_read (const Inquiry *inquiry, gboolean wait, GError **error)
{
  const Mount *mount = fuse_req_userdata (inquiry->req);
  char *buffer = buffers_take (mount->buffers);
  gboolean done =
      disk_reader_read (inquiry->raw->reader, buffer, inquiry->count, inquiry->offset, wait, error);

  if (done)
    fuse_reply_buf (inquiry->req, buffer, inquiry->count);
  buffers_give (mount->buffers, buffer);
  return done;
}

void
raw_read (fuse_req_t req, RawFile *raw, gsize size, off_t offset)
{
  guint64 start = MIN ((guint64)offset, raw->reader->size);
  guint64 left = raw->reader->size - start;

  g_assert (size <= RAW_READ_LIMIT);
  run (&(Inquiry){
      .req = req, .raw = raw, .offset = start, .count = MIN (size, left), .answer = answer_read });
}

static gboolean
answer_seek (const Inquiry *inquiry, gboolean wait, GError **error)
{
  DiskReader *reader = inquiry->raw->reader;
  guint64 found;

  if (!disk_reader_seek (reader, inquiry->offset, inquiry->kind, wait, &found, error))
    return FALSE;
  if (inquiry->kind == EXTENT_DATA && found == reader->size)
    fuse_reply_err (inquiry->req, ENXIO);
  else
    fuse_reply_lseek (inquiry->req, (off_t)found);
  return TRUE;
}

void
raw_seek (fuse_req_t req, RawFile *raw, off_t offset, int whence)
{
  if (offset < 0 || (guint64)offset >= raw->reader->size) {
    fuse_reply_err (req, ENXIO);
    return;
  }
  run (&(Inquiry){ .req = req,
                   .raw = raw,
                   .offset = (guint64)offset,
                   .kind = whence == SEEK_DATA ? EXTENT_DATA : EXTENT_ZERO,
                   .answer = answer_seek });
}
