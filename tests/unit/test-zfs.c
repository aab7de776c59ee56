/* Snapshots by ZFS's command, with a script in its place (tests/fake-zfs): what it is asked for,
 * what is made of its answers, where snapshots are read, and that nothing is destroyed that is not
 * ours. */
#include "../../backend/local/dataset.h"
#include "../../backend/local/storage.h"
#include "../../backend/local/tool.h"
#include "loop.h"
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define IMAGE "12345678-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define SNAPSHOT "vmsnapfs-" IMAGE
#define OF_FILE "tank/vms@" SNAPSHOT
#define SIZE (8 * 1024 * 1024)

/* A store DIRECTORY/vms/store in the dataset tank/vms, which is mounted at DIRECTORY/vms. */
static char *state_path; /* of the test that runs */

static gboolean
fake_volume_name (int fd, char name[256])
{
  struct stat status;
  g_autofree char *text = NULL;
  assert_int_equal (fstat (fd, &status), 0);
  g_autofree char *path = g_strdup_printf ("%s/devices/%u:%u", state_path, major (status.st_rdev),
                                           minor (status.st_rdev));
  if (!S_ISBLK (status.st_mode) || !g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  g_strlcpy (name, g_strchomp (text), 256);
  return TRUE;
}

/* The table of mounts says that the mount on which the test's directory is is that of the dataset.
 */
static void
write_mounts (const Loops *loops, const char *root, const char *mountpoint, const char *dataset)
{
  struct statx status;
  assert_int_equal (statx (loops->files->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status), 0);
  g_autofree char *text = g_strdup_printf ("1 0 0:1 / / rw - ext4 /dev/x rw\n%" G_GUINT64_FORMAT
                                           " 1 0:9 %s %s rw,relatime shared:1 - zfs %s rw,xattr\n",
                                           (guint64)status.stx_mnt_id, root, mountpoint, dataset);
  images_write_text (loops->files->path, "mounts", text);
}

static int
zfs_make (void **state)
{
  static const char *directories[2];
  struct statfs system;
  if (!g_getenv ("FAKE_ZFS_SCRIPT") || loops_make (state) < 0)
    return -1;
  const Loops *loops = *state;
  const char *s = loops->files->path;
  g_autofree char *mountpoint = g_build_filename (s, "vms", NULL);
  state_path = loops->files->path;
  images_run (
      s,
      "mkdir -p bin snapshots held devices vms/store/db01 && "
      "echo state=%s names=%s mountpoint=%s >bin/.state && ln -s %s bin/zfs && "
      "printf 'as it was' >vms/store/db01/root.raw && truncate -s 8M vms/store/db01/root.raw",
      s, loops->names, mountpoint, g_getenv ("FAKE_ZFS_SCRIPT"));
  write_mounts (loops, "/", mountpoint, "tank/vms");
  directories[0] = g_build_filename (s, "bin", NULL);
  tool_directories = directories;
  assert_int_equal (fstatfs (loops->files->fd, &system), 0);
  dataset_kernel.magic = system.f_type;
  dataset_kernel.mounts = g_build_filename (s, "mounts", NULL);
  dataset_kernel.volume_name = fake_volume_name;
  return 0;
}

static int
zfs_remove_all (void **state)
{
  g_free ((char *)tool_directories[0]);
  g_free ((char *)dataset_kernel.mounts);
  return loops_remove (state);
}

#define zfs_test(function) cmocka_unit_test_setup_teardown (function, zfs_make, zfs_remove_all)

static char *
file_path (const Loops *loops)
{
  return g_build_filename (loops->files->path, "vms", "store", "db01", "root.raw", NULL);
}

/* The volume tank/root. */
static char *
add_volume (const Loops *loops)
{
  char *path = loops_add (loops, "root", "8M");
  g_autofree char *device = realpath (path, NULL);
  g_autofree char *name = g_path_get_basename (device);
  images_run (loops->files->path,
              "echo tank/root >devices/$(cat /sys/class/block/%s/dev); "
              "printf 'as it was' | dd of=%s conv=notrunc status=none",
              name, path);
  return path;
}

/* The store, and the names of volumes. */
static Places *
open_places (const Loops *loops)
{
  const char *const allow[] = { loops->names, NULL };
  g_autofree char *store = g_build_filename (loops->files->path, "vms", "store", NULL);
  Places *places = places_open (store, allow, NULL);
  assert_non_null (places);
  return places;
}

static StorageImage
an_image (char *disk)
{
  return (StorageImage){
    .domain = "dddd",
    .image = IMAGE,
    .target = "vda",
    .disk = disk,
    .size = SIZE,
    .raw = TRUE,
  };
}

static gboolean
create (const Loops *loops, char *path, char **found, GError **error)
{
  g_autoptr (Places) places = open_places (loops);
  const StorageImage image = an_image (path);
  return storage_create (&storage_zfs, places, &image, loops->files->fd, NULL, found, error);
}

static gboolean
discard (const Loops *loops, char *path, GError **error)
{
  g_autoptr (Places) places = open_places (loops);
  const StorageImage image = an_image (path);
  return storage_remove (&storage_zfs, places, &image, loops->files->fd, NULL, error);
}

static gboolean
make (const Loops *loops, char *path)
{
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  if (!create (loops, path, &found, &error))
    fail_msg ("%s", error->message);
  return TRUE;
}

static char *
calls (const Loops *loops)
{
  g_autofree char *path = g_build_filename (loops->files->path, "log", NULL);
  char *text = NULL;
  images_run (loops->files->path, "touch log");
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  images_run (loops->files->path, "rm log");
  return text;
}

static void
set_mood (const Loops *loops, const char *script)
{
  images_write_text (loops->files->path, "mood", script);
}

/* ---- which dataset */

static void
a_file_is_found_in_its_dataset (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops);
  g_autoptr (Places) places = open_places (loops);
  g_auto (Dataset) dataset = { 0 };
  int fd = places_open_path (places, path, O_RDONLY, NULL);
  assert_true (dataset_of (fd, path, &dataset, NULL));
  assert_string_equal (dataset.name, "tank/vms");
  assert_string_equal (dataset.file, "store/db01/root.raw");
  assert_string_equal (storage_usual (fd), "zfs");
  close (fd);
}

static void
assert_no_dataset (const Loops *loops, const char *root, const char *mountpoint, const char *name)
{
  g_autofree char *path = file_path (loops);
  g_autoptr (GError) error = NULL;
  g_auto (Dataset) dataset = { 0 };
  write_mounts (loops, root, mountpoint, name);
  int fd = open (path, O_RDONLY);
  assert_false (dataset_of (fd, path, &dataset, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  close (fd);
}

static void
part_of_a_dataset_and_a_snapshot_are_none (void **state)
{
  const Loops *loops = *state;
  g_autofree char *mountpoint = g_build_filename (loops->files->path, "vms", NULL);
  assert_no_dataset (loops, "/sub", mountpoint, "tank/vms");
  assert_no_dataset (loops, "/", "/elsewhere", "tank/vms");
  assert_no_dataset (loops, "/", mountpoint, "tank/vms@yesterday");
  assert_no_dataset (loops, "/", mountpoint, "tank/vms%25");
  assert_no_dataset (loops, "/", mountpoint, "-r");
  dataset_kernel.magic++;
  assert_no_dataset (loops, "/", mountpoint, "tank/vms");
}

/* A space in it is escaped. */
static void
the_table_of_mounts_is_read_as_it_is_written (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = g_build_filename (loops->files->path, "a b", "x.raw", NULL);
  g_autofree char *escaped = g_strconcat (loops->files->path, "/a\\040b", NULL);
  g_auto (Dataset) dataset = { 0 };
  images_run (loops->files->path, "mkdir 'a b' && touch 'a b/x.raw'");
  write_mounts (loops, "/", escaped, "tank/a\\040b");
  int fd = open (path, O_RDONLY);
  assert_true (dataset_of (fd, path, &dataset, NULL));
  assert_string_equal (dataset.name, "tank/a b");
  assert_string_equal (dataset.file, "x.raw");
  close (fd);
}

/* ---- files */

static void
a_file_is_read_below_the_mountpoint_in_a_snapshot_that_is_held (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops), *found = NULL, *said = NULL;
  g_autofree char *expected = g_build_filename (loops->files->path, "vms/.zfs/snapshot", SNAPSHOT,
                                                "store/db01/root.raw", NULL);
  assert_true (create (loops, path, &found, NULL));
  assert_string_equal (found, expected);
  said = calls (loops);
  if (!strstr (said, "\nzfs snapshot -o vmsnapfs:domain=dddd " OF_FILE "\n") ||
      !strstr (said, "\nzfs hold vmsnapfs " OF_FILE "\n"))
    fail_msg ("%s", said);
  make (loops, path);
  g_free (said);
  said = calls (loops);
  assert_null (strstr (said, "zfs snapshot"));
}

/* The snapshot is not below the store, and only what is its past may be read there. */
static void
only_what_was_below_a_place_is_read_in_a_snapshot (void **state)
{
  static const char *const closed[] = {
    "vms/.zfs/snapshot/" SNAPSHOT "/other.raw",
    "vms/.zfs/snapshot/yesterday/store/db01/root.raw",
    "vms/.zfs/snapshot/" SNAPSHOT "/store/../other.raw",
    "vms/.zfs/snapshot/" SNAPSHOT,
    "vms/.zfs/snapshot/" SNAPSHOT "/store/link.raw",
  };
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops);
  images_run (loops->files->path,
              "echo secret >vms/other.raw && ln -s ../other.raw vms/store/link.raw");
  make (loops, path);
  images_run (loops->files->path,
              "cp -r vms/.zfs/snapshot/" SNAPSHOT " vms/.zfs/snapshot/yesterday");
  g_autoptr (Places) places = open_places (loops);
  for (guint i = 0; i < G_N_ELEMENTS (closed); i++) {
    g_autofree char *name = g_build_filename (loops->files->path, closed[i], NULL);
    if (places_open_path (places, name, O_RDONLY, NULL) >= 0)
      fail_msg ("%s", name);
  }
  g_autofree char *good = g_build_filename (loops->files->path, "vms/.zfs/snapshot/" SNAPSHOT,
                                            "store/db01/root.raw", NULL);
  int fd = places_open_path (places, good, O_RDONLY, NULL);
  assert_true (fd >= 0);
  close (fd);
  dataset_kernel.magic++; /* a directory of that name on anything else */
  assert_int_equal (places_open_path (places, good, O_RDONLY, NULL), -1);
}

static void
a_files_bytes_come_back_in_place (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops);
  g_autoptr (Places) places = open_places (loops);
  const StorageImage image = an_image (path);
  make (loops, path);
  images_run ("/", "printf 'as it is' | dd of=%s conv=notrunc status=none", path);
  int held = open (path, O_RDONLY);
  assert_int_equal (storage_zfs.revert (places, &image, held, loops->files->fd, NULL, NULL),
                    STORAGE_DONE);
  images_run ("/", "test \"$(head -c 9 %s)\" = 'as it was'", path);
  close (held);
}

/* Its directory knows the dataset as well. */
static void
the_snapshot_of_a_file_that_is_gone_can_be_removed (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops), *said = NULL;
  make (loops, path);
  g_free (calls (loops));
  images_run ("/", "rm %s", path);
  assert_true (discard (loops, path, NULL));
  said = calls (loops);
  if (!strstr (said, "\nzfs release vmsnapfs " OF_FILE "\nzfs destroy " OF_FILE "\n"))
    fail_msg ("%s", said);
}

/* ---- volumes */

static void
a_volume_is_read_as_the_device_beside_it (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = add_volume (loops), *found = NULL, *said = NULL;
  g_autofree char *expected = g_strconcat (path, "@" SNAPSHOT, NULL);
  g_autoptr (GError) error = NULL;
  if (!create (loops, path, &found, &error))
    fail_msg ("%s", error->message);
  assert_string_equal (found, expected);
  said = calls (loops);
  assert_non_null (strstr (said, "\nzfs set snapdev=visible tank/root\n"));
  images_run ("/", "cmp %s %s", path, found);
  assert_true (discard (loops, path, NULL));
}

static void
a_device_of_another_volume_is_not_read (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = add_volume (loops), *found = NULL;
  g_autoptr (Places) places = open_places (loops);
  g_autoptr (GError) error = NULL;
  const StorageImage image = an_image (path);
  make (loops, path);
  images_run (loops->names, "mv root@" SNAPSHOT " kept && ln -s root root@" SNAPSHOT);
  tool_patience = 1;
  assert_false (storage_zfs.locate (places, &image, NULL, &found, &error));
  tool_patience = 60;
  assert_non_null (strstr (error->message, "is not the device of tank/root@" SNAPSHOT));
}

/* ---- what is not ours */

static void
one_without_our_property_is_left_alone (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops), *said = NULL;
  g_autoptr (GError) error = NULL;
  make (loops, path);
  g_free (calls (loops));
  images_run (loops->files->path, "printf - >snapshots/tank%%vms@" SNAPSHOT);
  assert_false (discard (loops, path, &error));
  assert_non_null (strstr (error->message, "was not made here"));
  said = calls (loops);
  assert_null (strstr (said, "destroy"));
}

static void
of_a_disk_that_is_not_allowed_nothing_is_asked (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = add_volume (loops), *said = NULL;
  g_autofree char *store = g_build_filename (loops->files->path, "vms", "store", NULL);
  g_autofree char *file = g_build_filename (loops->files->path, "vms", "other.raw", NULL);
  g_autoptr (Places) places = places_open (store, NULL, NULL);
  StorageImage image = an_image (path);
  assert_int_equal (storage_zfs.remove (places, &image, loops->files->fd, NULL, NULL),
                    STORAGE_REFUSED);
  image.disk = file;
  assert_int_equal (storage_zfs.remove (places, &image, loops->files->fd, NULL, NULL),
                    STORAGE_REFUSED);
  g_autofree char *allowed = file_path (loops);
  image.disk = allowed;
  image.image = "%";
  assert_int_equal (storage_zfs.remove (places, &image, loops->files->fd, NULL, NULL),
                    STORAGE_REFUSED);
  said = calls (loops);
  assert_string_equal (said, "");
}

/* ---- a command that misbehaves */

static void
assert_fails (const Loops *loops, char *path, const char *mood, BackendError code, const char *why)
{
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  set_mood (loops, mood);
  assert_false (create (loops, path, &found, &error));
  if (!g_error_matches (error, BACKEND_ERROR, (gint)code) || !strstr (error->message, why))
    fail_msg ("%s: %d, %s", mood, error->code, error->message);
  set_mood (loops, "");
  assert_true (discard (loops, path, NULL));
}

static void
what_goes_wrong_is_told_and_nothing_is_left (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops);
  tool_patience = 1;
  assert_fails (loops, path, "[ $me != snapshot ] || refuse \"cannot create 'x': out of space\"\n",
                BACKEND_ERROR_NO_SPACE, "zfs: cannot create 'x': out of space");
  assert_fails (loops, path, "[ $me != snapshot ] || exit 0\n", BACKEND_ERROR_FAILED,
                "does not exist");
  assert_fails (loops, path, "[ $me != hold ] || refuse 'cannot hold: pool must be upgraded'\n",
                BACKEND_ERROR_FAILED, "pool must be upgraded");
  assert_fails (loops, path, "[ $me != list ] || exec sleep 100\n", BACKEND_ERROR_FAILED,
                "zfs did not end within 1 seconds");
  assert_fails (loops, path, "[ $me != list ] || { head -c 100 /dev/urandom; exit 0; }\n",
                BACKEND_ERROR_FAILED, "zfs answered something");
  assert_fails (loops, path, "[ $me != list ] || { printf 'tank/vms@x\\ty\\n'; exit 0; }\n",
                BACKEND_ERROR_FAILED, "about another snapshot");
  assert_fails (loops, path, "[ $me != list ] || refuse \"'tank/vms': dataset does not exist\"\n",
                BACKEND_ERROR_FAILED, "does not exist");
  tool_patience = 60;
}

static void
one_that_cannot_be_destroyed_now_is_busy_and_tried_again (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops);
  g_autoptr (GError) error = NULL;
  make (loops, path);
  set_mood (loops, "[ $me != destroy ] || refuse 'cannot destroy snapshot x: dataset is busy'\n");
  assert_false (discard (loops, path, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  set_mood (loops, "");
  assert_true (discard (loops, path, NULL)); /* it is not held any more, which does not matter */
}

static void
the_missing_program_is_named (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = file_path (loops);
  g_autoptr (Places) places = open_places (loops);
  g_autoptr (GError) error = NULL;
  assert_true (storage_zfs.check (places, path, NULL));
  images_run (loops->files->path, "rm bin/zfs");
  assert_false (storage_zfs.check (places, path, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  assert_non_null (strstr (error->message, "zfs is not installed"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    zfs_test (a_file_is_found_in_its_dataset),
    zfs_test (part_of_a_dataset_and_a_snapshot_are_none),
    zfs_test (the_table_of_mounts_is_read_as_it_is_written),
    zfs_test (a_file_is_read_below_the_mountpoint_in_a_snapshot_that_is_held),
    zfs_test (only_what_was_below_a_place_is_read_in_a_snapshot),
    zfs_test (a_files_bytes_come_back_in_place),
    zfs_test (the_snapshot_of_a_file_that_is_gone_can_be_removed),
    zfs_test (a_volume_is_read_as_the_device_beside_it),
    zfs_test (a_device_of_another_volume_is_not_read),
    zfs_test (one_without_our_property_is_left_alone),
    zfs_test (of_a_disk_that_is_not_allowed_nothing_is_asked),
    zfs_test (what_goes_wrong_is_told_and_nothing_is_left),
    zfs_test (one_that_cannot_be_destroyed_now_is_busy_and_tried_again),
    zfs_test (the_missing_program_is_named),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
