/* Reading disks out of a store: which bytes, and what an open reader keeps others from doing. */
#include "../../backend/local/store.h"
#include "local-store.h"
#include <errno.h>

#define SIZE (8 * 1024 * 1024)
#define PATIENCE 5000         /* milliseconds */
#define QEMU_USES_WRITING 101 /* the byte that QEMU locks (block/file-posix.c) */

/* While images are folded QEMU is kept from them: then again, a little later. */
static void
write_disk (const TemporaryDirectory *store, const char *image, guint8 byte)
{
  images_run (store->path,
              "for try in $(seq 200); do"
              " qemu-io -f qcow2 -c 'write -q -P %u 0 1M' %s 2>.said && exit; sleep 0.05; done;"
              " cat .said; exit 1",
              byte, image);
}

static DiskReader *
open_disk (Backend *backend, const char *snapshot)
{
  g_autoptr (GError) error = NULL;
  DiskReader *reader = backend_open_disk (backend, "web", snapshot, "vda", &error);
  if (!reader)
    fail_msg ("%s", error->message);
  return reader;
}

static void
assert_not_opened (Backend *backend, const char *snapshot, const char *target, BackendError code)
{
  g_autoptr (GError) error = NULL;
  assert_null (backend_open_disk (backend, "web", snapshot, target, &error));
  if (!g_error_matches (error, BACKEND_ERROR, (gint)code))
    fail_msg ("expected code %d, not %d: %s", (int)code, error->code, error->message);
}

static void
assert_bytes (DiskReader *reader, guint8 byte)
{
  static guint8 bytes[1024 * 1024];
  assert_int_equal (reader->size, SIZE);
  assert_true (disk_reader_read (reader, bytes, sizeof bytes, 0, TRUE, NULL));
  for (gsize i = 0; i < sizeof bytes; i++)
    if (bytes[i] != byte)
      fail_msg ("byte %zu is %u and not %u", i, bytes[i], byte);
}

/* Whether QEMU may write to the image now. */
static gboolean
can_be_written (const TemporaryDirectory *store, const char *image)
{
  g_autofree char *line = g_strdup_printf (
      "cd '%s' && qemu-io -f qcow2 -c 'write -q -P 77 4M 64K' %s 2>/dev/null", store->path, image);
  return system (line) == 0;
}

static gboolean
discard (Backend *backend, const char *id)
{
  g_autoptr (Job) job = job_new ("web", "discard");
  g_autoptr (GError) error = NULL;
  gboolean done = backend_discard (backend, "web", id, DISCARD_ONE, job, &error);
  job_finish (job, error);
  return done;
}

static void
every_snapshot_has_its_bytes (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web.qcow2");
  write_disk (store, "web.qcow2", 1);
  images_run (store->path, "qemu-img snapshot -c inside web.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *one = create (backend, "web", "one", NULL);
  write_disk (store, "web.qcow2", 2);
  g_autofree char *two = create (backend, "web", "two", NULL);
  write_disk (store, "web.qcow2", 3);
  g_autoptr (DiskReader) first = open_disk (backend, one), second = open_disk (backend, two),
                         now = open_disk (backend, NULL),
                         inside = open_disk (backend, "i:vda:1:inside");
  assert_bytes (first, 1);
  assert_bytes (second, 2);
  assert_bytes (now, 3);
  assert_bytes (inside, 1);
  assert_not_opened (backend, one, "vdb", BACKEND_ERROR_NOT_FOUND);
  assert_not_opened (backend, "none", "vda", BACKEND_ERROR_NOT_FOUND);
  assert_not_opened (backend, "i:vda:2:inside", "vda", BACKEND_ERROR_NOT_FOUND);
  assert_not_opened (backend, NULL, "vdb", BACKEND_ERROR_NOT_FOUND);
}

static void
nobody_writes_what_is_read (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  DiskReader *reader = open_disk (backend, NULL);
  assert_false (can_be_written (store, "web.qcow2"));
  disk_reader_close (reader);
  assert_true (can_be_written (store, "web.qcow2"));
}

/* The image that is read is another one from then on, and its bytes stay. */
static void
snapshots_are_taken_of_what_is_read (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web.qcow2");
  write_disk (store, "web.qcow2", 1);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (DiskReader) reader = open_disk (backend, NULL);
  g_autofree char *id = create (backend, "web", "one", NULL);
  assert_non_null (id);
  write_disk (store, "web.qcow2", 2);
  assert_bytes (reader, 1);
  assert_true (revert (backend, "web", id, NULL));
  assert_bytes (reader, 1);
}

static void
a_running_machine_is_not_read (void **state)
{
  TemporaryDirectory *store = *state;
  struct flock lock = { .l_type = F_RDLCK, .l_start = QEMU_USES_WRITING, .l_len = 1 };
  DiskMeasure measure;
  g_autoptr (GError) error = NULL;
  make_image (store, "web.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *id = create (backend, "web", "one", NULL);
  assert_true (backend_measure_disk (backend, "web", "vda", &measure, NULL));
  assert_int_equal (measure.size, SIZE);
  int machine = openat (store->fd, "web.qcow2", O_RDWR | O_CLOEXEC);
  assert_int_equal (fcntl (machine, F_OFD_SETLK, &lock), 0);
  assert_not_opened (backend, NULL, "vda", BACKEND_ERROR_BUSY);
  assert_false (backend_measure_disk (backend, "web", "vda", &measure, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  disk_reader_close (open_disk (backend, id)); /* frozen, so it can be */
  close (machine);
  disk_reader_close (open_disk (backend, NULL));
}

typedef struct {
  Backend *backend;
  Queue *answers; /* of BackendError */
} Asking;

static void *
measure_disk (void *data)
{
  const Asking *asking = data;
  DiskMeasure measure;
  g_autoptr (GError) error = NULL;
  backend_measure_disk (asking->backend, "web", "vda", &measure, &error);
  queue_push (asking->answers, GINT_TO_POINTER (error ? error->code : 0));
  return NULL;
}

/* The snapshot of a running machine takes as long as its guest does to come to rest; who lists its
 * disks meanwhile is told that it runs. */
static void
who_measures_does_not_wait_for_a_running_machines_snapshot (void **state)
{
  TemporaryDirectory *store = *state;
  struct flock lock = { .l_type = F_RDLCK, .l_start = QEMU_USES_WRITING, .l_len = 1 };
  gboolean closed;
  make_image (store, "web.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  DomainState *domain = store_find ((Store *)backend, "web", NULL);
  Asking asking = { backend, queue_new () };
  int machine = openat (store->fd, "web.qcow2", O_RDWR | O_CLOEXEC);
  assert_int_equal (fcntl (machine, F_OFD_SETLK, &lock), 0);
  Held taken = lock_hold (&domain->applying);
  pthread_t thread = thread_start ("measure", measure_disk, &asking);
  gpointer answer = queue_pop_for (asking.answers, PATIENCE, &closed);
  held_release (&taken);
  thread_join (thread);
  queue_free (asking.answers);
  close (machine);
  assert_int_equal (GPOINTER_TO_INT (answer), BACKEND_ERROR_BUSY);
}

/* Folding would write to an image that is read, so it waits, and is done when the reader is gone.
 */
static void
tidying_waits_for_readers (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web.qcow2");
  write_disk (store, "web.qcow2", 1);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *one = create (backend, "web", "one", NULL);
  write_disk (store, "web.qcow2", 2);
  DiskReader *reader = open_disk (backend, NULL);
  assert_true (discard (backend, one));
  g_usleep (700 * 1000); /* tidying is tried at once, and again after half a second */
  assert_int_equal (count_files (store, ".vmsnapfs-*.qcow2"), 1);
  assert_bytes (reader, 2);
  disk_reader_close (reader);
  wait_for_files (store, ".vmsnapfs-*.qcow2", 0);
  reader = open_disk (backend, NULL);
  assert_bytes (reader, 2);
  disk_reader_close (reader);
}

/* Whoever opens disks while images are folded meets the right bytes each time. */
static void
disks_can_be_opened_while_tidying (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  for (guint i = 1; i <= 8; i++) {
    write_disk (store, "web.qcow2", (guint8)i);
    g_autofree char *id = create (backend, "web", "one", NULL);
    write_disk (store, "web.qcow2", (guint8)(100 + i));
    assert_true (discard (backend, id));
    for (guint j = 0; j < 20; j++) {
      g_autoptr (DiskReader) reader = open_disk (backend, NULL);
      assert_bytes (reader, (guint8)(100 + i));
    }
  }
  wait_for_files (store, ".vmsnapfs-*.qcow2", 0); /* to read is no reason to leave it at that */
}

static guint8
first_byte (Backend *backend, const char *snapshot)
{
  guint8 byte = 0;
  g_autoptr (DiskReader) reader = open_disk (backend, snapshot);
  assert_true (disk_reader_read (reader, &byte, 1, 0, TRUE, NULL));
  return byte;
}

/* Two that are alike but for the moment, in images whose order changes. */
static void
internal_snapshots_keep_their_ids (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  write_disk (store, "web.qcow2", 1);
  images_run (store->path, "qemu-img snapshot -c a web.qcow2");
  g_autofree char *one = create (backend, "web", "one", NULL);
  write_disk (store, "web.qcow2", 2);
  images_run (store->path, "qemu-img snapshot -c a web.qcow2");
  g_autofree char *two = create (backend, "web", "two", NULL);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web", NULL);
  const char *first = domain_named (domain, "a", 0)->id,
             *second = domain_named (domain, "a", 1)->id;
  guint8 byte = first_byte (backend, first);
  assert_int_equal (byte + first_byte (backend, second), 3);
  assert_true (discard (backend, two));
  assert_int_equal (first_byte (backend, first), byte);
  assert_true (discard (backend, one));
  assert_int_equal (first_byte (backend, first), byte);
  assert_int_equal (first_byte (backend, second), 3 - byte);
}

static void
lost_and_replaced_images_are_damage (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web.qcow2");
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *id = create (backend, "web", "one", NULL);
  images_run (store->path, "f=$(ls .vmsnapfs-*.qcow2) && mv $f kept"
                           " && qemu-img create -q -f qcow2 other 4M && cp other $f");
  assert_not_opened (backend, id, "vda", BACKEND_ERROR_DAMAGED);
  images_run (store->path, "rm .vmsnapfs-*.qcow2");
  assert_not_opened (backend, id, "vda", BACKEND_ERROR_DAMAGED);
}

static void
what_is_stored_is_counted_through_the_chain (void **state)
{
  TemporaryDirectory *store = *state;
  DiskMeasure measure;
  make_image (store, "web.qcow2");
  write_disk (store, "web.qcow2", 1);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autofree char *id = create (backend, "web", "one", NULL);
  assert_true (backend_measure_disk (backend, "web", "vda", &measure, NULL));
  assert_true (measure.allocated >= 1024 * 1024 && measure.allocated < 2 * 1024 * 1024);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web", NULL);
  const Snapshot *snapshot = domain_snapshot (domain, id);
  const Disk *disk = g_ptr_array_index (snapshot->disks, 0);
  assert_true (disk->readable);
  assert_true (disk->allocated >= 1024 * 1024 && disk->allocated <= measure.allocated);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (every_snapshot_has_its_bytes),
    temporary_test (nobody_writes_what_is_read),
    temporary_test (snapshots_are_taken_of_what_is_read),
    temporary_test (a_running_machine_is_not_read),
    temporary_test (who_measures_does_not_wait_for_a_running_machines_snapshot),
    temporary_test (tidying_waits_for_readers),
    temporary_test (disks_can_be_opened_while_tidying),
    temporary_test (internal_snapshots_keep_their_ids),
    temporary_test (lost_and_replaced_images_are_damage),
    temporary_test (what_is_stored_is_counted_through_the_chain),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
