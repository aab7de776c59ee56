/* What is remembered of frozen images, and who goes by it. */
#include "../../backend/local/walked.h"
#include "references.h"
#include <fcntl.h>
#include <unistd.h>

static void
who_trusts_does_not_ask_a_frozen_image_again (void **state)
{
  const Store *store = *state;
  remember_frozen (store);
  images_run (store->directory, REBASE ".vmsnapfs-1.qcow2");
  assert_int_equal (readers_of (store, "a.qcow2", TRUE), 1);
  assert_int_equal (readers_of (store, "b.qcow2", TRUE), 0);
  assert_int_equal (readers_of (store, "b.qcow2", FALSE), 1);
  assert_int_equal (readers_of (store, "b.qcow2", TRUE), 1); /* what was known is not any more */
}

static void
who_trusts_sees_another_file_in_its_place (void **state)
{
  const Store *store = *state;
  remember_frozen (store);
  images_run (store->directory, "cp -p .vmsnapfs-1.qcow2 new && " REBASE "new && "
                                "mv -f new .vmsnapfs-1.qcow2");
  assert_int_equal (readers_of (store, "a.qcow2", TRUE), 0);
  assert_int_equal (readers_of (store, "b.qcow2", TRUE), 1);
}

/* Who folded that away may have put another file into its place, with the number of the first. */
static void
who_trusts_asks_a_frozen_image_whose_backing_file_is_gone (void **state)
{
  const Store *store = *state;
  remember_frozen (store);
  images_run (store->directory, REBASE ".vmsnapfs-1.qcow2 && rm a.qcow2");
  assert_int_equal (readers_of (store, "b.qcow2", TRUE), 1);
}

static void
who_trusts_asks_what_we_said_that_we_change (void **state)
{
  const Store *store = *state;
  remember_frozen (store);
  images_run (store->directory, REBASE ".vmsnapfs-1.qcow2");
  int directory = open (store->directory, O_RDONLY | O_DIRECTORY);
  walked_forget (directory, ".vmsnapfs-1.qcow2");
  close (directory);
  assert_int_equal (readers_of (store, "b.qcow2", TRUE), 1);
}

/* Others' clones may be anything at any time; and so may an image that can be written to. */
static void
who_trusts_asks_everything_else (void **state)
{
  const Store *store = *state;
  remember_frozen (store);
  images_run (store->directory, "cp .vmsnapfs-1.qcow2 clone && cp clone .vmsnapfs-2.qcow2 &&"
                                "chmod u+w .vmsnapfs-2.qcow2 && sleep 0.2");
  assert_int_equal (readers_of (store, "a.qcow2", TRUE), 3);
  images_run (store->directory, REBASE "clone && " REBASE ".vmsnapfs-2.qcow2");
  assert_int_equal (readers_of (store, "a.qcow2", TRUE), 1);
  assert_int_equal (readers_of (store, "b.qcow2", TRUE), 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    store_test (who_trusts_does_not_ask_a_frozen_image_again),
    store_test (who_trusts_sees_another_file_in_its_place),
    store_test (who_trusts_asks_a_frozen_image_whose_backing_file_is_gone),
    store_test (who_trusts_asks_what_we_said_that_we_change),
    store_test (who_trusts_asks_everything_else),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
