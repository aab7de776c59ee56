/* Who has a file as its backing file, whatever the name is spelled like. */
#include "references.h"
#include <sys/resource.h>

static GPtrArray *
users_in (const GPtrArray *domains, const char *directory, const char *file, GError **error)
{
  g_autofree char *path = g_build_filename (directory, file, NULL);
  return references_as_disk (domains, path, error);
}

static GPtrArray *
ask (const Store *store, const char *file, GError **error)
{
  g_autoptr (GPtrArray) domains = scan_store (store->places, NULL);
  const Asking asking = { .places = store->places, .domains = domains };
  return readers_in (&asking, store, file, error);
}

/* @expected: file names below the store, in any order. */
static void
are (const Store *store, const char *file, const char *const *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = ask (store, file, &error);
  if (!found)
    fail_msg ("%s", error->message);
  assert_int_equal (found->len, g_strv_length ((char **)expected));
  for (guint i = 0; expected[i]; i++) {
    g_autofree char *path = g_build_filename (store->directory, expected[i], NULL);
    if (!g_ptr_array_find_with_equal_func (found, path, g_str_equal, NULL))
      fail_msg ("%s is missing", expected[i]);
  }
}
#define ARE(store, file, ...) are (store, file, (const char *const[]){ __VA_ARGS__, NULL })

static void
every_spelling_counts (void **state)
{
  const Store *store = *state;
  g_autofree char *absolute = g_build_filename (store->directory, "base.qcow2", NULL);
  images_run (store->directory,
              "qemu-img create -q -f qcow2 base.qcow2 1M && mkdir sub vm &&"
              "ln -s base.qcow2 link.qcow2 && ln base.qcow2 hard.qcow2 &&"
              "echo '<domain><name>x</name><devices><disk type=\"file\" device=\"disk\">"
              "<driver type=\"qcow2\"/><source file=\"disk.img\"/>"
              "<target dev=\"vda\"/></disk></devices></domain>' > vm/domain.xml");
  overlay (store, "a.qcow2", "base.qcow2");
  overlay (store, "b.qcow2", "./sub/../base.qcow2");
  overlay (store, "c.qcow2", absolute);
  overlay (store, "d.qcow2", "link.qcow2");
  overlay (store, "e.qcow2", "hard.qcow2");
  overlay (store, ".vmsnapfs-1.qcow2", "base.qcow2");
  overlay (store, "vm/disk.img", "../base.qcow2");
  overlay (store, "no.qcow2", "a.qcow2");
  overlay (store, ".vmsnapfs-p.new", "base.qcow2");
  overlay (store, "gone.qcow2", "missing.qcow2");
  ARE (store, "base.qcow2", "a.qcow2", "b.qcow2", "c.qcow2", "d.qcow2", "e.qcow2",
       ".vmsnapfs-1.qcow2", "vm/disk.img");
  ARE (store, "a.qcow2", "no.qcow2");
  ARE (store, "missing.qcow2", "gone.qcow2");
  ARE (store, "no.qcow2", NULL);
}

static void
every_file_below_a_place_counts (void **state)
{
  const Store *store = *state;
  char *outside = images_directory ();
  const char *const allow[] = { outside, NULL };
  g_autoptr (Places) places = places_open (store->directory, allow, NULL);
  g_autofree char *base = g_build_filename (store->directory, "base.qcow2", NULL);
  g_autofree char *allowed = g_build_filename (outside, "deep/clone", NULL);
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M && "
                                "mkdir -p sub/deep bad .hidden .vmsnapfs/x && ln -s . sub/loop && "
                                "echo '<domain' > bad/domain.xml && mkfifo fifo");
  overlay (store, "clone.img", "base.qcow2");
  overlay (store, "clone.new", "base.qcow2");
  overlay (store, "sub/deep/clone.qcow2", "../../base.qcow2");
  overlay (store, "bad/disk.qcow2", "../base.qcow2");
  overlay (store, ".hidden/disk", base);
  overlay (store, ".vmsnapfs/x/disk", base);
  images_run (outside, "mkdir deep && qemu-img create -q -f qcow2 -u -b %s -F qcow2 deep/clone 1M",
              base);
  ARE (store, "base.qcow2", "clone.img", "clone.new", "sub/deep/clone.qcow2", "bad/disk.qcow2",
       ".hidden/disk");
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  const Asking asking = { .places = places, .domains = none };
  g_autoptr (GPtrArray) found = readers_in (&asking, store, "base.qcow2", NULL);
  assert_int_equal (found->len, 6);
  assert_true (g_ptr_array_find_with_equal_func (found, allowed, g_str_equal, NULL));
  images_remove (outside);
}

static void
what_cannot_be_looked_into_forbids_an_answer (void **state)
{
  const Store *store = *state;
  struct rlimit before, few;
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M && mkdir sub");
  overlay (store, "sub/clone.img", "../base.qcow2");
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  getrlimit (RLIMIT_NOFILE, &before);
  int next = dup (0);
  close (next);
  for (rlim_t more = 0; more < 2; more++) {
    g_autoptr (GError) error = NULL;
    few = (struct rlimit){ (rlim_t)next + more, before.rlim_max };
    setrlimit (RLIMIT_NOFILE, &few);
    const Asking asking = { .places = store->places, .domains = none };
    g_autoptr (GPtrArray) found = readers_in (&asking, store, "base.qcow2", &error);
    setrlimit (RLIMIT_NOFILE, &before);
    assert_null (found);
    assert_non_null (error);
  }
  ARE (store, "base.qcow2", "sub/clone.img");
}

static void
what_is_too_deep_forbids_an_answer (void **state)
{
  const Store *store = *state;
  g_autoptr (GError) error = NULL;
  images_run (store->directory, "mkdir -p $(printf 'd/%%.0s' $(seq 100))");
  assert_null (ask (store, "base.qcow2", &error));
  assert_non_null (strstr (error->message, "deep"));
}

static void
a_name_with_a_protocol_counts_when_it_holds_the_name (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M");
  overlay (store, "a.qcow2", "json:{\"file.filename\":\"base.qcow2\"}");
  overlay (store, "b.qcow2", "nbd:localhost:1");
  ARE (store, "base.qcow2", "a.qcow2");
}

static void
a_changed_header_is_read_again (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M");
  for (guint i = 0; i < 20; i++) {
    overlay (store, "a.qcow2", i % 2 ? "other.qcow2" : "base.qcow2");
    if (i % 2)
      ARE (store, "base.qcow2", NULL);
    else
      ARE (store, "base.qcow2", "a.qcow2");
  }
}

static void
refused_naming (const Store *store, const char *name)
{
  g_autoptr (GError) error = NULL;
  assert_null (ask (store, "base.qcow2", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  assert_non_null (strstr (error->message, name));
}

static void
a_frozen_image_that_cannot_be_parsed_forbids_an_answer (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M");
  images_write_text (store->directory, "text.qcow2", "no image at all");
  ARE (store, "base.qcow2", NULL);
  /* Nobody described it, and QEMU cannot open it. */
  images_write_text (store->directory, "cut.img", "QFI\xfb");
  ARE (store, "base.qcow2", NULL);
  images_write_text (store->directory, ".vmsnapfs-2.qcow2", "zeroed");
  refused_naming (store, ".vmsnapfs-2.qcow2");
}

static void
a_file_that_is_described_later_is_judged_again (void **state)
{
  const Store *store = *state;
  images_write_text (store->directory, "text.qcow2", "no image at all");
  images_run (store->directory, "sleep 0.2");
  ARE (store, "base.qcow2", NULL); /* and remembers */
  images_run (store->directory, "mkdir vm && "
                                "echo '<domain><name>x</name><devices><disk type=\"file\" "
                                "device=\"disk\"><driver type=\"qcow2\"/>"
                                "<source file=\"../text.qcow2\"/>"
                                "<target dev=\"vda\"/></disk></devices></domain>' "
                                "> vm/domain.xml");
  refused_naming (store, "text.qcow2");
}

static void
described (const Store *store, const char *name, const char *source)
{
  images_run (store->directory,
              "mkdir %s && echo '<domain><name>x</name><devices><disk type=\"file\" "
              "device=\"disk\"><driver type=\"qcow2\"/><source file=\"%s\"/>"
              "<target dev=\"vda\"/></disk></devices></domain>' > %s/domain.xml",
              name, source, name);
}

static void
whose_disk_it_is (void **state)
{
  const Store *store = *state;
  g_autoptr (GError) error = NULL;
  images_run (store->directory, "qemu-img create -q -f qcow2 .vmsnapfs-1.qcow2 1M && "
                                "qemu-img create -q -f qcow2 web.qcow2 1M && "
                                "mkdir real && mv .vmsnapfs-1.qcow2 real && ln -s real link");
  described (store, "a", "../real/.vmsnapfs-1.qcow2");
  described (store, "b", "../link/.vmsnapfs-1.qcow2");
  described (store, "c", "../web.qcow2");
  described (store, "d", "/nowhere/at/all");
  g_autofree char *real = g_build_filename (store->directory, "real", NULL);
  g_autoptr (GPtrArray) domains = scan_store (store->places, NULL);
  g_autoptr (GPtrArray) frozen = users_in (domains, real, ".vmsnapfs-1.qcow2", &error);
  assert_null (error);
  assert_int_equal (frozen->len, 2);
  assert_string_equal (g_ptr_array_index (frozen, 0), "a");
  assert_string_equal (g_ptr_array_index (frozen, 1), "b");
  g_autoptr (GPtrArray) active = users_in (domains, store->directory, "web.qcow2", &error);
  assert_int_equal (active->len, 1);
  assert_string_equal (g_ptr_array_index (active, 0), "c");
  g_autoptr (GPtrArray) gone = users_in (domains, store->directory, "gone", &error);
  assert_int_equal (gone->len, 0);
}

static void
the_bytes_of_a_raw_disk_are_no_header (void **state)
{
  const Store *store = *state;
  images_run (store->directory,
              "qemu-img create -q -f qcow2 base.qcow2 1M && mkdir vm &&"
              "echo '<domain><name>x</name><devices><disk type=\"file\" device=\"disk\">"
              "<driver type=\"raw\"/><source file=\"disk.qcow2\"/>"
              "<target dev=\"vda\"/></disk></devices></domain>' > vm/domain.xml");
  overlay (store, "vm/disk.qcow2", "../base.qcow2");
  ARE (store, "base.qcow2", NULL);
}

/* Whatever a guest wrote to its disk before that was frozen. */
static void
nor_are_those_of_a_frozen_one (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 base.qcow2 1M");
  overlay (store, ".vmsnapfs-1.raw", "base.qcow2");
  images_run (store->directory, "printf 'QFI\\373 and nonsense' > .vmsnapfs-2.raw");
  ARE (store, "base.qcow2", NULL);
}

/* Somebody made an overlay of it: it is needed. */
static void
a_frozen_raw_disk_has_readers_like_any_file (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "truncate -s 1M .vmsnapfs-1.raw && "
                                "qemu-img create -q -f qcow2 -b .vmsnapfs-1.raw -F raw a.qcow2");
  ARE (store, ".vmsnapfs-1.raw", "a.qcow2");
}

static void
whoever_cancels_does_not_wait_for_the_answer (void **state)
{
  const Store *store = *state;
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (Job) job = job_new ("web", "tidy");
  const Asking asking = { .places = store->places, .domains = none, .job = job };
  images_run (store->directory, "qemu-img create -q -f qcow2 a.qcow2 1M");
  job_cancel (job);
  assert_null (readers_in (&asking, store, "a.qcow2", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED));
  job_finish (job, error);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    store_test (every_spelling_counts),
    store_test (every_file_below_a_place_counts),
    store_test (what_cannot_be_looked_into_forbids_an_answer),
    store_test (what_is_too_deep_forbids_an_answer),
    store_test (a_name_with_a_protocol_counts_when_it_holds_the_name),
    store_test (a_changed_header_is_read_again),
    store_test (a_frozen_image_that_cannot_be_parsed_forbids_an_answer),
    store_test (a_file_that_is_described_later_is_judged_again),
    store_test (whose_disk_it_is),
    store_test (the_bytes_of_a_raw_disk_are_no_header),
    store_test (nor_are_those_of_a_frozen_one),
    store_test (a_frozen_raw_disk_has_readers_like_any_file),
    store_test (whoever_cancels_does_not_wait_for_the_answer),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
