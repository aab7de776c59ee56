/* What others change in the store is noticed, and what the store does itself is not. */
#include "../../backend/local/watch.h"
#include "../../backend/threads.h"
#include "images.h"

#define LONG 5000
#define SHORT 300 /* longer than the watch gathers */

typedef struct {
  char *directory;
  Places *places;
  Lock lock; /* guards what follows */
  Watch *watch;
  Condition told;
  guint count;
} Store;

static void
changed (gpointer data)
{
  Store *store = data;
  g_autoptr (GPtrArray) domains = scan_store (store->places, NULL);
  autolock held = lock_hold (&store->lock);
  watch_directories (store->watch, domains);
  store->count++;
  condition_signal_all (&store->told);
}

static int
make_store (void **state)
{
  Store *store = g_new0 (Store, 1);
  store->directory = images_directory ();
  store->places = places_open (store->directory, NULL, NULL);
  lock_init (&store->lock);
  store->told = (Condition)CONDITION_INIT;
  *state = store;
  images_run (store->directory, "mkdir .vmsnapfs vm");
  autolock held = lock_hold (&store->lock);
  store->watch = watch_start (store->places, changed, store, NULL);
  return store->watch ? 0 : -1;
}

static int
remove_store (void **state)
{
  Store *store = *state;
  watch_stop (store->watch);
  places_close (store->places);
  images_remove (store->directory);
  lock_clear (&store->lock);
  g_free (store);
  return 0;
}

/* Whether a call comes within @milliseconds; those that came before are forgotten afterwards. */
static gboolean
is_told (Store *store, guint milliseconds)
{
  autolock held = lock_hold (&store->lock);
  while (store->count == 0)
    if (!condition_wait_for (&store->told, &held, milliseconds))
      break;
  gboolean told = store->count > 0;
  store->count = 0;
  return told;
}

static void
settle (Store *store)
{
  while (is_told (store, SHORT))
    ;
}

static void
noticed (Store *store, const char *command)
{
  images_run (store->directory, "%s", command);
  if (!is_told (store, LONG))
    fail_msg ("not noticed: %s", command);
  settle (store);
}

static void
unnoticed (Store *store, const char *command)
{
  images_run (store->directory, "%s", command);
  if (is_told (store, SHORT))
    fail_msg ("noticed: %s", command);
}

static void
changes_by_others_are_noticed (void **state)
{
  noticed (*state, "touch a.qcow2");
  noticed (*state, "echo x >> a.qcow2");
  noticed (*state, "mv a.qcow2 b.qcow2");
  noticed (*state, "chmod 600 b.qcow2");
  noticed (*state, "rm b.qcow2");
  noticed (*state, "touch vm/domain.xml");
  noticed (*state, "mv vm other");
  noticed (*state, "touch other/x");
  noticed (*state, "mkdir db.new");
  noticed (*state, "touch db.new/disk.t");
}

static void
a_directory_that_comes_later_is_watched_too (void **state)
{
  noticed (*state, "mkdir new");
  noticed (*state, "touch new/domain.xml");
  noticed (*state, "rm -r new && mkdir new");
  noticed (*state, "touch new/domain.xml");
}

static void
a_disk_elsewhere_is_watched_too (void **state)
{
  noticed (*state, "mkdir -p .disks/deep && touch .disks/deep/a.qcow2 && "
                   "echo '<domain><name>x</name><devices><disk type=\"file\" device=\"disk\">"
                   "<driver type=\"qcow2\"/><source file=\"../.disks/deep/a.qcow2\"/>"
                   "<target dev=\"vda\"/></disk></devices></domain>' > vm/domain.xml");
  noticed (*state, "echo x >> .disks/deep/a.qcow2");
  noticed (*state, "rm vm/domain.xml");
  unnoticed (*state, "echo x >> .disks/deep/a.qcow2");
}

static void
what_the_store_does_itself_is_not (void **state)
{
  unnoticed (*state, "touch .vmsnapfs-1.new .vmsnapfs-1.qcow2 .vmsnapfs/x");
  unnoticed (*state, "rm .vmsnapfs-1.new .vmsnapfs-1.qcow2 .vmsnapfs/x");
}

static void
a_burst_is_one_call (void **state)
{
  Store *store = *state;
  images_run (store->directory, "for i in $(seq 200); do echo > $i.qcow2; done");
  assert_true (is_told (store, LONG));
  assert_false (is_told (store, SHORT));
}

static void
changes_without_end_are_told_all_the_same (void **state)
{
  Store *store = *state;
  images_run (store->directory, "for i in $(seq 150); do echo > a.qcow2; sleep 0.01; done");
  autolock held = lock_hold (&store->lock);
  assert_true (store->count >= 1);
}

static void
a_store_that_is_gone_cannot_be_watched (void **state)
{
  g_autoptr (GError) error = NULL;
  char *directory = images_directory ();
  g_autoptr (Places) places = places_open (directory, NULL, NULL);
  images_remove (directory);
  assert_null (watch_start (places, changed, NULL, &error));
  assert_non_null (error);
}

#define store_test(function) cmocka_unit_test_setup_teardown (function, make_store, remove_store)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    store_test (changes_by_others_are_noticed),
    store_test (a_directory_that_comes_later_is_watched_too),
    store_test (a_disk_elsewhere_is_watched_too),
    store_test (what_the_store_does_itself_is_not),
    store_test (a_burst_is_one_call),
    store_test (changes_without_end_are_told_all_the_same),
    cmocka_unit_test (a_store_that_is_gone_cannot_be_watched),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
