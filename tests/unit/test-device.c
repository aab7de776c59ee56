/* Block devices as disks: which paths lead to one, and what can be done with such a disk. */
#include "../../backend/backend.h"
#include "../../backend/local/device.h"
#include "../../backend/local/scan.h"
#include "loop.h"

#define SIZE (8 * 1024 * 1024)

/* ---- paths */

static void
a_name_in_a_directory_that_was_given_leads_to_its_device (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autoptr (Places) places = loops_places (loops);
  struct stat status;
  guint64 size;
  int fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
  assert_true (fd >= 0);
  assert_int_equal (fstat (fd, &status), 0);
  assert_true (S_ISBLK (status.st_mode));
  assert_true (device_size (fd, &size, NULL));
  assert_int_equal (size, SIZE);
  assert_true (places_have_devices (places, path));
  close (fd);
}

static void
assert_closed (const Places *places, const char *path, BackendError code)
{
  g_autoptr (GError) error = NULL;
  assert_int_equal (places_open_path (places, path, O_RDONLY | O_NOFOLLOW, &error), -1);
  if (!g_error_matches (error, BACKEND_ERROR, (gint)code))
    fail_msg ("%s: %d, %s", path, error->code, error->message);
}

static void
without_that_no_link_leads_anywhere (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autofree char *inside = g_build_filename (loops->files->path, "root", NULL);
  g_autoptr (Places) places = places_open (loops->files->path, NULL, NULL);
  images_run (loops->files->path, "cp -P %s root", path);
  assert_closed (places, path, BACKEND_ERROR_DENIED);
  assert_closed (places, inside, BACKEND_ERROR_FAILED); /* ELOOP */
  assert_false (places_have_devices (places, path));
}

/* Whoever mounts names the directory of a group, or of a pool: not all that there is. */
static void
neither_dev_itself_nor_what_is_mounted_there_is_such_a_directory (void **state)
{
  const char *const allow[] = { "/dev", "/dev/shm", NULL };
  const Loops *loops = *state;
  g_autoptr (Places) places = places_open (loops->files->path, allow, NULL);
  assert_false (places_have_devices (places, "/dev/loop0"));
  assert_false (places_have_devices (places, "/dev/shm/root"));
  assert_false (device_directory (loops->files->path));
  assert_true (device_directory (loops->names));
}

static void
a_link_is_followed_only_if_it_is_roots_and_stays_below_dev (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autoptr (Places) places = loops_places (loops);
  const char *const links[] = { "outside", "memory", "nothing", "self", "null", "deep", NULL };
  images_run (
      loops->names,
      "ln -s %s/root.img outside && ln -s /dev/shm/x memory && ln -s ../nowhere nothing && "
      "ln -s self self && ln -s /dev/null null && ln -s d1 deep && ln -s d2 d1 && "
      "ln -s d3 d2 && ln -s d4 d3 && ln -s root d4 && ln -s d3 shorter && ln -s root others "
      "&& chown -h 65534 others",
      loops->files->path);
  for (guint i = 0; links[i]; i++) {
    g_autofree char *link = g_build_filename (loops->names, links[i], NULL);
    g_autoptr (GError) error = NULL;
    assert_int_equal (places_open_path (places, link, O_RDONLY | O_NOFOLLOW, &error), -1);
  }
  g_autofree char *others = g_build_filename (loops->names, "others", NULL);
  g_autofree char *shorter = g_build_filename (loops->names, "shorter", NULL);
  assert_closed (places, others, BACKEND_ERROR_FAILED);
  int fd = places_open_path (places, shorter, O_RDONLY, NULL);
  assert_true (fd >= 0);
  close (fd);
}

static void
nothing_leads_up_from_the_directory (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autofree char *device = realpath (path, NULL);
  g_autofree char *name = g_path_get_basename (device);
  g_autofree char *up = g_build_filename (loops->names, "..", name, NULL);
  g_autoptr (Places) places = loops_places (loops);
  assert_true (device_open (loops->names, "root", O_PATH) >= 0);
  assert_int_equal (device_open (loops->names, "../loop0", O_PATH), -1);
  g_autoptr (GError) error = NULL;
  assert_int_equal (places_open_path (places, up, O_RDONLY, &error), -1);
}

/* ---- descriptions */

static const LocalDomain *
scan_one (const Places *places, GPtrArray **domains)
{
  *domains = scan_store (places, NULL);
  assert_non_null (*domains);
  assert_int_equal ((*domains)->len, 1);
  return g_ptr_array_index (*domains, 0);
}

static void
assert_problem (const Places *places, const char *problem, guint disks)
{
  g_autoptr (GPtrArray) domains = NULL;
  const LocalDomain *domain = scan_one (places, &domains);
  if (!domain->problem || !strstr (domain->problem, problem))
    fail_msg ("%s", domain->problem);
  assert_int_equal (domain->disks->len, disks);
}

static void
a_described_device_is_a_disk (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  const char *const paths[] = { path, NULL };
  g_autoptr (Places) places = loops_places (loops);
  g_autoptr (GPtrArray) domains = NULL;
  loops_describe (loops, paths, "raw");
  images_run (loops->files->path,
              "sed -i \"s,</disk>,<diskSnapshot method='lvm'><device path='%s/again'/>"
              "</diskSnapshot></disk>,\" db01/domain.xml && ln -s root %s/again",
              loops->names, loops->names);
  const LocalDomain *domain = scan_one (places, &domains);
  const LocalDisk *disk = g_ptr_array_index (domain->disks, 0);
  assert_null (domain->problem);
  assert_int_equal (domain->disks->len, 1);
  assert_true (disk->device != 0);
  assert_string_equal (disk->method, "lvm");
  assert_null (disk->beneath);
}

static void
a_device_that_nobody_gave_is_refused_by_whatever_name (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autofree char *node = g_build_filename (loops->files->path, "node", NULL);
  const char *const outside[] = { path, NULL }, *const inside[] = { node, NULL };
  g_autoptr (Places) places = places_open (loops->files->path, NULL, NULL);
  loops_describe (loops, outside, "raw");
  assert_problem (places, "outside of the store", 0);
  images_run (loops->files->path, "cp -aL %s node", path); /* as a tar file may bring it */
  loops_describe (loops, inside, "raw");
  assert_problem (places, "is a block device: give its directory below /dev", 0);
}

static void
a_device_is_one_disk_and_raw (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autofree char *again = g_build_filename (loops->names, "again", NULL);
  const char *const twice[] = { path, again, NULL };
  g_autoptr (Places) places = loops_places (loops);
  images_run (loops->names, "ln -s root again");
  loops_describe (loops, twice, "raw");
  assert_problem (places, "disks vda and vdb are the same device", 1);
  loops_describe (loops, twice, "qcow2");
  assert_problem (places, "a block device with the format qcow2", 0);
}

static void
a_device_is_one_domains (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autofree char *again = g_build_filename (loops->names, "again", NULL);
  const char *const one[] = { path, NULL }, *const other[] = { again, NULL };
  g_autoptr (Places) places = loops_places (loops);
  images_run (loops->names, "ln -s root again");
  loops_describe (loops, one, "raw");
  images_run (loops->files->path, "cp -r db01 web && sed -i s/93a5c045/03a5c045/ web/domain.xml");
  loops_describe (loops, other, "raw");
  g_autoptr (GPtrArray) domains = scan_store (places, NULL);
  assert_int_equal (domains->len, 2);
  const LocalDomain *second = g_ptr_array_index (domains, 1);
  assert_non_null (strstr (second->problem, "is a disk of db01 too"));
}

/* ---- the disk */

static Backend *
open_backend (const Loops *loops)
{
  const char *const allow[] = { loops->names, NULL };
  const BackendOptions options = { .allow = allow };
  g_autoptr (GError) error = NULL;
  Backend *backend = backend_open (loops->files->path, &options, &error);
  if (!backend)
    fail_msg ("%s", error->message);
  return backend;
}

static char *
take (Backend *backend, const char *method, GError **error)
{
  g_autoptr (Job) job = job_new ("db01", "create");
  g_autoptr (GError) wrong = NULL;
  const CreateOptions options = { .name = "base", .method = (char *)method };
  char *id = backend_create (backend, "db01", &options, job, &wrong);
  job_finish (job, wrong);
  if (wrong)
    g_propagate_error (error, g_steal_pointer (&wrong));
  return id;
}

static void
its_bytes_and_its_size_can_be_read (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  const char *const paths[] = { path, NULL };
  guint8 bytes[3] = "";
  DiskMeasure measure = { 0 };
  g_autoptr (GError) error = NULL;
  loops_describe (loops, paths, "raw");
  images_run ("/", "printf abc | dd of=%s bs=1 seek=5000 conv=notrunc status=none", path);
  g_autoptr (Backend) backend = open_backend (loops);
  g_autoptr (DiskReader) reader = backend_open_disk (backend, "db01", NULL, "vda", &error);
  assert_non_null (reader);
  assert_int_equal (reader->size, SIZE);
  assert_true (disk_reader_read (reader, bytes, 3, 5000, TRUE, NULL));
  assert_memory_equal (bytes, "abc", 3);
  assert_true (backend_measure_disk (backend, "db01", "vda", &measure, NULL));
  assert_int_equal (measure.size, SIZE);
}

static void
what_a_device_cannot_be_snapshotted_by_is_said (void **state)
{
  static const struct {
    const char *method;
    const char *why;
  } refused[] = {
    { NULL, "is a block device" },   { "btrfs", "is a block device" },
    { "qemu", "is a block device" }, { "lvm", "no logical volume" },
    { "exec", "hook=PROGRAM" },
  };
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  const char *const paths[] = { path, NULL };
  loops_describe (loops, paths, "raw");
  g_autoptr (Backend) backend = open_backend (loops);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;
    assert_null (take (backend, refused[i].method, &error));
    assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
    if (!strstr (error->message, refused[i].why))
      fail_msg ("%s", error->message);
  }
}

static void
what_the_host_uses_is_busy (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  const char *const paths[] = { path, NULL };
  g_autoptr (GError) error = NULL;
  loops_describe (loops, paths, "raw");
  g_autoptr (Backend) backend = open_backend (loops);
  int claimed = open (path, O_RDONLY | O_EXCL); /* as a mount does */
  assert_true (claimed >= 0);
  assert_null (take (backend, NULL, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  assert_non_null (strstr (error->message, "in use by the host"));
  close (claimed);
}

static void
what_another_process_may_write_to_is_busy (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  const char *const paths[] = { path, NULL };
  g_autoptr (GError) error = NULL;
  loops_describe (loops, paths, "raw");
  g_autoptr (Backend) backend = open_backend (loops);
  images_run (loops->files->path, "exec 3<>%s && { sleep 100 & } && echo $! >writer", path);
  assert_null (take (backend, "lvm", &error));
  images_run (loops->files->path, "kill $(cat writer)");
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  assert_non_null (strstr (error->message, "has it open for writing"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    loops_test (a_name_in_a_directory_that_was_given_leads_to_its_device),
    loops_test (without_that_no_link_leads_anywhere),
    loops_test (neither_dev_itself_nor_what_is_mounted_there_is_such_a_directory),
    loops_test (a_link_is_followed_only_if_it_is_roots_and_stays_below_dev),
    loops_test (nothing_leads_up_from_the_directory),
    loops_test (a_described_device_is_a_disk),
    loops_test (a_device_that_nobody_gave_is_refused_by_whatever_name),
    loops_test (a_device_is_one_disk_and_raw),
    loops_test (a_device_is_one_domains),
    loops_test (its_bytes_and_its_size_can_be_read),
    loops_test (what_a_device_cannot_be_snapshotted_by_is_said),
    loops_test (what_the_host_uses_is_busy),
    loops_test (what_another_process_may_write_to_is_busy),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
