/* Removing images that nobody needs. */
#include "../../backend/local/spare.h"
#include "references.h"
#include <fcntl.h>
#include <unistd.h>

static gboolean
try_to_unlink (const Store *store, SpareImage *images, guint count, GError **error)
{
  g_autoptr (GPtrArray) spares = g_ptr_array_new ();
  int directory = open (store->directory, O_RDONLY | O_DIRECTORY);
  for (guint i = 0; i < count; i++) {
    images[i].directory = directory;
    images[i].held = -1;
    images[i].path = (char *)store->directory;
    g_ptr_array_add (spares, &images[i]);
  }
  gboolean unlinked = spare_images_unlink (store->places, spares, NULL, error);
  close (directory);
  return unlinked;
}

static void
unlink_unread (const Store *store, SpareImage *images, guint count)
{
  g_autoptr (GError) error = NULL;
  if (!try_to_unlink (store, images, count, &error))
    fail_msg ("%s", error->message);
}

static void
assert_gone (const Store *store, const SpareImage *image, gboolean gone)
{
  g_autofree char *path = g_build_filename (store->directory, image->file, NULL);
  assert_int_equal (image->gone, gone);
  assert_int_equal (access (path, F_OK) == 0, !gone);
}

/* The file name of the only reader of that image, which is not unlinked then; NULL: there are
 * others. */
static char *
only_reader (const Store *store)
{
  SpareImage image = { .file = (char[]){ ".vmsnapfs-1.qcow2" } };
  unlink_unread (store, &image, 1);
  g_autofree char *reader = image.reader;
  assert_false (image.gone);
  return reader ? g_path_get_basename (reader) : NULL;
}

static void
assert_only_reader (const Store *store, const char *make, const char *expected)
{
  images_run (store->directory, "%s", make);
  g_autofree char *reader = only_reader (store);
  assert_int_equal (g_strcmp0 (reader, expected), 0);
}

/* A running machine's disk has one. */
static void
a_disk_and_its_second_name_are_one_reader (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 .vmsnapfs-1.qcow2 1M");
  overlay (store, "disk.qcow2", ".vmsnapfs-1.qcow2");
  assert_only_reader (store, "true", "disk.qcow2");
  assert_only_reader (store, "ln disk.qcow2 .vmsnapfs-2.qcow2", "disk.qcow2");
  assert_only_reader (store, "ln disk.qcow2 third.qcow2", NULL);
  assert_only_reader (store, "rm .vmsnapfs-2.qcow2", NULL);
  assert_only_reader (store, "rm third.qcow2 && cp disk.qcow2 .vmsnapfs-2.qcow2", NULL);
}

static void
who_removes_trusts_nobody (void **state)
{
  const Store *store = *state;
  SpareImage image = { .file = (char[]){ "b.qcow2" } };
  remember_frozen (store);
  images_run (store->directory, REBASE ".vmsnapfs-1.qcow2");
  unlink_unread (store, &image, 1);
  assert_gone (store, &image, FALSE);
  g_free (image.reader);
}

/* What only they read goes with them, in whatever order they are; what somebody else reads stays,
 * with all that is below. */
static void
many_are_unlinked_at_once (void **state)
{
  const Store *store = *state;
  SpareImage images[] = { { .file = (char[]){ ".vmsnapfs-1.qcow2" } },
                          { .file = (char[]){ ".vmsnapfs-3.qcow2" } },
                          { .file = (char[]){ ".vmsnapfs-2.qcow2" } },
                          { .file = (char[]){ ".vmsnapfs-5.qcow2" } },
                          { .file = (char[]){ ".vmsnapfs-4.qcow2" } } };
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M");
  overlay (store, ".vmsnapfs-1.qcow2", "base.qcow2");
  overlay (store, ".vmsnapfs-2.qcow2", ".vmsnapfs-1.qcow2");
  overlay (store, ".vmsnapfs-3.qcow2", ".vmsnapfs-2.qcow2");
  overlay (store, ".vmsnapfs-4.qcow2", "base.qcow2");
  overlay (store, ".vmsnapfs-5.qcow2", ".vmsnapfs-4.qcow2");
  overlay (store, "clone", ".vmsnapfs-5.qcow2");
  unlink_unread (store, images, G_N_ELEMENTS (images));
  for (guint i = 0; i < G_N_ELEMENTS (images); i++) {
    assert_gone (store, &images[i], i < 3);
    g_free (images[i].reader);
  }
}

/* A directory cannot be unlinked like a file. */
static void
one_that_fails_keeps_no_other (void **state)
{
  const Store *store = *state;
  g_autoptr (GError) error = NULL;
  SpareImage images[] = { { .file = (char[]){ "directory" } },
                          { .file = (char[]){ ".vmsnapfs-1.qcow2" } },
                          { .file = (char[]){ ".vmsnapfs-2.qcow2" } } };
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M && mkdir directory");
  overlay (store, ".vmsnapfs-1.qcow2", "base.qcow2");
  overlay (store, ".vmsnapfs-2.qcow2", "base.qcow2");
  overlay (store, "clone", ".vmsnapfs-2.qcow2");
  assert_false (try_to_unlink (store, images, G_N_ELEMENTS (images), &error));
  assert_non_null (error);
  assert_gone (store, &images[0], FALSE);
  assert_gone (store, &images[1], TRUE);
  assert_gone (store, &images[2], FALSE);
  assert_non_null (images[2].reader);
  g_free (images[2].reader);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    store_test (a_disk_and_its_second_name_are_one_reader),
    store_test (who_removes_trusts_nobody),
    store_test (many_are_unlinked_at_once),
    store_test (one_that_fails_keeps_no_other),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
