/* Snapshots by LVM's commands, with scripts in their place (fake-lvm.h): what they are asked for,
 * what is made of their answers, and that nothing is removed that is not ours. */
#include "../../backend/local/lvm-report.h"
#include "../../backend/local/storage.h"
#include "fake-lvm.h"
#include <sys/file.h>

#define IMAGE "12345678-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define SNAPSHOT "vmsnapfs-" IMAGE
#define SIZE (8 * 1024 * 1024)

/* ---- names */

static void
a_mapped_name_is_taken_apart_at_the_single_hyphen (void **state)
{
  static const char *const names[][3] = {
    { "vg0", "root", "vg0-root" },
    { "a-b", "c-d", "a--b-c--d" },
    { "a-", "b", "a---b" },
    { "vg.0+x_y", "vmsnapfs-1", "vg.0+x_y-vmsnapfs--1" },
  };
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "-wi-a-----");
  g_autoptr (Places) places = loops_places (loops);
  int fd = places_open_path (places, path, O_PATH, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_auto (Volume) volume = { 0 };
    g_autofree char *mapped = volume_mapped_name (names[i][0], names[i][1]);
    assert_string_equal (mapped, names[i][2]);
    images_run (loops->files->path, "echo %s | tee sys/*/dm/name >names", mapped);
    assert_true (volume_of (fd, &volume, NULL));
    assert_string_equal (volume.group, names[i][0]);
    assert_string_equal (volume.name, names[i][1]);
  }
  close (fd);
}

static void
only_whole_volumes_are_disks (void **state)
{
  static const char *const wrong[] = {
    "echo vg0-root-real | tee sys/*/dm/name >names",
    "echo vg0 | tee sys/*/dm/name >names",
    "echo - | tee sys/*/dm/name >names",
    "echo 'vg0-a b' | tee sys/*/dm/name >names",
    "echo vg0-a/b | tee sys/*/dm/name >names",
    "rm sys/*/dm/name",
    "echo CRYPT-x | tee sys/*/dm/uuid >names",
    "sed -i 's/$/-cow/' sys/*/dm/uuid",
    "rm sys/*/dm/uuid",
  };
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "-wi-a-----");
  g_autoptr (Places) places = loops_places (loops);
  int fd = places_open_path (places, path, O_PATH, NULL);
  assert_true (volume_is_logical (fd));
  assert_string_equal (storage_usual (fd), "lvm");
  images_run (loops->files->path, "cp -r sys good");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    images_run (loops->files->path, "%s", wrong[i]);
    if (volume_is_logical (fd))
      fail_msg ("%s", wrong[i]);
    images_run (loops->files->path, "rm -r sys && cp -r good sys");
  }
  close (fd);
}

/* ---- reports */

#define ROW(more)                                                                                  \
  "{\"report\":[{\"lv\":[{\"vg_name\":\"vg0\",\"vg_uuid\":\"" FAKE_GROUP_UUID                      \
  "\",\"lv_name\":\"s\",\"lv_uuid\":\"abcdef-abcd-abcd-abcd-abcd-abcd-abcdef\",\"origin\":\"o\","  \
  "\"lv_tags\":\"a,vmsnapfs\",\"chunk_size\":\"4096\"" more "}]}]}"
#define REST ",\"origin_uuid\":\"\",\"lv_size\":\"9\",\"lv_attr\":"

static void
attributes_say_what_a_volume_is (void **state)
{
  static const struct {
    const char *text;
    gboolean thin, snapshot, invalid, active;
  } rows[] = {
    { ROW (REST "\"-wi-a-----\""), FALSE, FALSE, FALSE, TRUE },
    { ROW (REST "\"sri-a-s---\""), FALSE, TRUE, FALSE, TRUE },
    { ROW (REST "\"sri-I-s---\""), FALSE, TRUE, TRUE, TRUE },
    { ROW (REST "\"Sri-a-s---\""), FALSE, TRUE, TRUE, TRUE },
    { ROW (REST "\"Vri---tz-k\""), TRUE, FALSE, FALSE, FALSE },
    { ROW (REST "\"Vri-a-tz-k\""), TRUE, FALSE, FALSE, TRUE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GPtrArray) volumes = lvm_report_read (rows[i].text, NULL);
    assert_non_null (volumes);
    const LvmVolume *volume = g_ptr_array_index (volumes, 0);
    assert_int_equal (volume->thin, rows[i].thin);
    assert_int_equal (volume->snapshot, rows[i].snapshot);
    assert_int_equal (volume->invalid, rows[i].invalid);
    assert_int_equal (volume->active, rows[i].active);
    assert_true (g_strv_contains ((const char *const *)volume->tags, "vmsnapfs"));
  }
}

static void
what_is_no_report_is_refused (void **state)
{
  static const char *const wrong[] = {
    "",
    "{",
    "[]",
    "{\"report\":[]}",
    "{\"report\":[{\"lv\":{}}]}",
    "{\"report\":[{\"lv\":[1]}]}",
    "{\"report\":[{\"lv\":[{\"vg_name\":\"vg0\"}]}]}",
    ROW (REST "\"-wi\""),
    ROW (",\"origin_uuid\":\"\",\"lv_size\":\"-9\",\"lv_attr\":\"-wi-a-----\""),
    ROW (",\"origin_uuid\":\"\",\"lv_size\":9,\"lv_attr\":\"-wi-a-----\""),
    ROW (",\"lv_size\":\"9\",\"lv_attr\":\"-wi-a-----\""),
  };
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    if (lvm_report_read (wrong[i], &error))
      fail_msg ("%s", wrong[i]);
    assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_FAILED));
  }
}

static void
a_store_is_large_enough_with_what_describes_its_chunks (void **state)
{
  LvmVolume snapshot = { .chunk = 4096, .size = SIZE };
  assert_false (lvm_holds_all (&snapshot, SIZE));
  snapshot.size = SIZE + 4 * 1024 * 1024;
  assert_true (lvm_holds_all (&snapshot, SIZE));
  assert_false (lvm_holds_all (&snapshot, SIZE + 4 * 1024 * 1024 - 4096));
  snapshot.chunk = 0;
  assert_false (lvm_holds_all (&snapshot, SIZE));
}

/* ---- what is asked for */

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
create (const Loops *loops, char *path, GError **error)
{
  g_autoptr (Places) places = loops_places (loops);
  const StorageImage image = an_image (path);
  g_autofree char *found = NULL;
  return storage_create (&storage_lvm, places, &image, loops->files->fd, NULL, &found, error);
}

static gboolean
discard (const Loops *loops, char *path, GError **error)
{
  g_autoptr (Places) places = loops_places (loops);
  const StorageImage image = an_image (path);
  return storage_remove (&storage_lvm, places, &image, loops->files->fd, NULL, error);
}

static gboolean
is_there (const Loops *loops)
{
  g_autofree char *path = g_build_filename (loops->files->path, "volumes", SNAPSHOT, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
a_volume_gets_a_store_that_cannot_overflow (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (GError) error = NULL;
  if (!create (loops, path, &error))
    fail_msg ("%s", error->message);
  g_autofree char *calls = fake_lvm_calls (loops, "lvcreate");
  assert_string_equal (calls, "lvcreate --yes --snapshot --name " SNAPSHOT
                              " --addtag vmsnapfs --addtag vmsnapfs=dddd --permission r "
                              "--extents 100%ORIGIN vg0/root\n");
}

static void
a_thin_volume_gets_none_and_its_snapshot_is_always_active (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "Vwi-a-tz--");
  assert_true (create (loops, path, NULL));
  g_autofree char *calls = fake_lvm_calls (loops, "lvcreate");
  assert_string_equal (calls, "lvcreate --yes --snapshot --name " SNAPSHOT
                              " --addtag vmsnapfs --addtag vmsnapfs=dddd --permission r "
                              "--activate y --setactivationskip n vg0/root\n");
}

static void
what_is_there_is_not_made_again (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  assert_true (create (loops, path, NULL));
  g_free (fake_lvm_calls (loops, "lvcreate"));
  assert_true (create (loops, path, NULL));
  g_autofree char *calls = fake_lvm_calls (loops, "lvcreate");
  assert_string_equal (calls, "");
}

/* It has its name and its tag before it is a snapshot. */
static void
what_an_interrupted_making_has_left_is_made_anew (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (Places) places = loops_places (loops);
  const StorageImage image = an_image (path);
  g_autofree char *found = NULL;
  assert_true (create (loops, path, NULL));
  images_run (loops->files->path,
              "sed -i 's/\"origin\":\"[^\"]*\"/\"origin\":\"\"/; "
              "s/\"origin_uuid\":\"[^\"]*\"/\"origin_uuid\":\"\"/' volumes/" SNAPSHOT);
  assert_true (storage_lvm.locate (places, &image, NULL, &found, NULL));
  assert_null (found);
  g_free (fake_lvm_calls (loops, "lvcreate"));
  assert_true (create (loops, path, NULL));
  g_autofree char *calls = fake_lvm_calls (loops, "lvremove");
  assert_string_equal (calls, "lvremove --yes --force vg0/" SNAPSHOT "\n");
}

static void
a_store_that_could_overflow_is_taken_back (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (GError) error = NULL;
  fake_lvm_mood (loops, "room=8388608\n");
  assert_false (create (loops, path, &error));
  assert_int_equal (error->code, BACKEND_ERROR_NO_SPACE);
  assert_non_null (strstr (error->message, "could overflow"));
  assert_false (is_there (loops));
}

/* ---- what is there */

static gboolean
locate (const Loops *loops, char *path, char **found, GError **error)
{
  g_autoptr (Places) places = loops_places (loops);
  const StorageImage image = an_image (path);
  return storage_lvm.locate (places, &image, NULL, found, error);
}

static void
a_snapshot_is_beside_its_volume (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autofree char *before = NULL, *after = NULL;
  g_autofree char *expected = g_build_filename (loops->names, SNAPSHOT, NULL);
  assert_true (locate (loops, path, &before, NULL));
  assert_null (before);
  assert_true (create (loops, path, NULL));
  assert_true (locate (loops, path, &after, NULL));
  assert_string_equal (after, expected);
}

static void
one_that_overflowed_is_damaged_and_can_be_removed (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  assert_true (create (loops, path, NULL));
  images_run (loops->files->path, "sed -i s/sri-a-s/sri-I-s/ volumes/" SNAPSHOT);
  assert_false (locate (loops, path, &found, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  assert_non_null (strstr (error->message, "has overflowed"));
  assert_true (discard (loops, path, NULL));
  assert_false (is_there (loops));
}

static void
an_inactive_one_is_activated (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "Vwi-a-tz--");
  g_autofree char *found = NULL;
  assert_true (create (loops, path, NULL));
  images_run (loops->files->path, "sed -i s/Vri-a-tz/Vri---tz/ volumes/" SNAPSHOT);
  g_free (fake_lvm_calls (loops, "lvchange"));
  assert_true (locate (loops, path, &found, NULL));
  assert_non_null (found);
  g_autofree char *calls = fake_lvm_calls (loops, "lvchange");
  assert_string_equal (calls, "lvchange --activate y --ignoreactivationskip vg0/" SNAPSHOT "\n");
}

static void
a_name_that_leads_to_another_volume_is_not_read (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autofree char *other = fake_lvm_add (loops, "other", "owi-a-----");
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  assert_true (create (loops, path, NULL));
  images_run (loops->names, "mv " SNAPSHOT " kept && ln -s other " SNAPSHOT);
  assert_false (locate (loops, path, &found, &error));
  assert_non_null (strstr (error->message, "is another volume"));
}

/* ---- what is not ours */

static void
assert_not_removed (const Loops *loops, char *path)
{
  g_autoptr (GError) error = NULL;
  g_free (fake_lvm_calls (loops, "lvremove"));
  assert_false (discard (loops, path, &error));
  assert_non_null (error);
  assert_false (create (loops, path, NULL));
  g_autofree char *calls = fake_lvm_calls (loops, "lvremove");
  assert_string_equal (calls, "");
  assert_true (is_there (loops));
}

static void
a_volume_without_our_tag_or_of_another_disk_is_left_alone (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autofree char *other = fake_lvm_add (loops, "other", "owi-a-----");
  assert_true (create (loops, path, NULL));
  assert_not_removed (loops, other);
  images_run (loops->files->path,
              "sed -i 's/\"lv_tags\":\"[^\"]*\"/\"lv_tags\":\"vmsnapfsx\"/' volumes/" SNAPSHOT);
  assert_not_removed (loops, path);
}

/* A record may have come from anywhere. */
static void
of_a_disk_that_is_not_allowed_nothing_is_asked (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (Places) places = places_open (loops->files->path, NULL, NULL);
  StorageImage image = an_image (path);
  g_autoptr (GError) error = NULL;
  assert_true (create (loops, path, NULL));
  g_free (fake_lvm_calls (loops, "lvs"));
  assert_int_equal (storage_lvm.remove (places, &image, loops->files->fd, NULL, &error),
                    STORAGE_REFUSED);
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  g_autoptr (Places) allowed = loops_places (loops);
  image.image = "root\" || lv_name=\"root";
  assert_int_equal (storage_lvm.remove (allowed, &image, loops->files->fd, NULL, NULL),
                    STORAGE_REFUSED);
  g_autofree char *calls = fake_lvm_calls (loops, "lv");
  assert_string_equal (calls, "");
  assert_true (is_there (loops));
}

/* ---- commands that misbehave */

static void
assert_fails (const Loops *loops, char *path, const char *mood, BackendError code, const char *why)
{
  g_autoptr (GError) error = NULL;
  fake_lvm_mood (loops, mood);
  assert_false (create (loops, path, &error));
  if (!g_error_matches (error, BACKEND_ERROR, (gint)code) || !strstr (error->message, why))
    fail_msg ("%s: %d, %s", mood, error->code, error->message);
  fake_lvm_mood (loops, "");
  assert_true (discard (loops, path, NULL));
}

static void
what_goes_wrong_is_told_and_nothing_is_left (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  tool_patience = 1;
  assert_fails (loops, path,
                "[ $me != lvcreate ] || { printf '  WARNING: x\\n  Volume group \"vg0\" has "
                "insufficient free space (1 extents): 3 required.\\n' >&2; exit 5; }\n",
                BACKEND_ERROR_NO_SPACE, "lvcreate: Volume group \"vg0\" has insufficient free");
  assert_fails (loops, path,
                "[ $me != lvcreate ] || { echo '  Insufficient suitable allocatable extents found "
                "for logical volume x.' >&2; exit 5; }\n",
                BACKEND_ERROR_NO_SPACE, "lvcreate: Insufficient suitable allocatable extents");
  assert_fails (loops, path, "[ $me != lvcreate ] || exit 7\n", BACKEND_ERROR_FAILED,
                "lvcreate ended with status 7 and has not said why");
  assert_fails (loops, path, "[ $me != lvcreate ] || exit 0\n", BACKEND_ERROR_FAILED,
                "lvcreate says that " SNAPSHOT " is made, and it is not there");
  assert_fails (loops, path, "[ $me != lvs ] || exec sleep 100\n", BACKEND_ERROR_FAILED,
                "lvs did not end within 1 seconds");
  assert_fails (loops, path, "[ $me != lvs ] || { echo '{\"report\":[{'; exit 0; }\n",
                BACKEND_ERROR_FAILED, "lvs answered something that is no report");
  assert_fails (loops, path, "[ $me != lvs ] || { head -c 100 /dev/urandom; exit 0; }\n",
                BACKEND_ERROR_FAILED, "lvs answered something");
  assert_fails (loops, path, "[ $me != lvs ] || { yes; exit 0; }\n", BACKEND_ERROR_FAILED,
                "lvs wrote more than an answer is long");
  assert_fails (loops, path, "[ $me != lvs ] || { echo '{\"report\":[{\"lv\":[]}]}'; exit 0; }\n",
                BACKEND_ERROR_FAILED, "LVM does not know the volume vg0/root");
  tool_patience = 60;
}

static void
one_that_cannot_be_removed_now_is_busy (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (GError) error = NULL;
  assert_true (create (loops, path, NULL));
  fake_lvm_mood (loops, "[ $me != lvremove ] || { echo '  Logical volume vg0/x in use.' >&2; "
                        "exit 5; }\n");
  assert_false (discard (loops, path, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  fake_lvm_mood (loops, "");
  assert_true (discard (loops, path, NULL));
}

static void
missing_programs_are_named (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (Places) places = loops_places (loops);
  g_autoptr (GError) error = NULL;
  assert_true (storage_lvm.check (places, path, NULL));
  images_run (loops->files->path, "rm bin/lvcreate");
  assert_false (storage_lvm.check (places, path, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  assert_non_null (strstr (error->message, "lvcreate is not installed"));
}

/* Its lock is what it reads from: it may close what it does not know, as LVM does. */
static void
a_command_that_outlives_us_keeps_others_away (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (GError) error = NULL;
  fake_lvm_mood (loops, "[ $me != lvcreate ] || { exec 4<&0; sleep 20 <&4 & echo $! >$state/child; "
                        "exit 5; }\n");
  assert_false (create (loops, path, NULL));
  fake_lvm_mood (loops, "");
  assert_false (discard (loops, path, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  images_run (loops->files->path, "kill $(cat child)");
}

/* ---- bringing back */

static void
its_bytes_come_back_in_place (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autoptr (Places) places = loops_places (loops);
  const StorageImage image = an_image (path);
  int held = places_open_path (places, path, O_RDONLY, NULL);
  images_run ("/", "printf before | dd of=%s bs=1 seek=70000 conv=notrunc status=none", path);
  assert_true (create (loops, path, NULL));
  images_run ("/", "printf after | dd of=%s bs=1 seek=70000 conv=notrunc status=none", path);
  assert_int_equal (storage_lvm.revert (places, &image, held, loops->files->fd, NULL, NULL),
                    STORAGE_DONE);
  images_run ("/", "cmp %s %s/" SNAPSHOT, path, loops->names);
  close (held);
}

/* The lock is on what the path led to before. */
static void
a_disk_that_was_exchanged_is_not_written_to (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = fake_lvm_add (loops, "root", "owi-a-----");
  g_autofree char *other = fake_lvm_add (loops, "other", "owi-a-----");
  g_autoptr (Places) places = loops_places (loops);
  const StorageImage image = an_image (path);
  g_autoptr (GError) error = NULL;
  int held = places_open_path (places, other, O_RDONLY, NULL);
  assert_true (create (loops, path, NULL));
  assert_int_equal (storage_lvm.revert (places, &image, held, loops->files->fd, NULL, &error),
                    STORAGE_REFUSED);
  assert_non_null (strstr (error->message, "was replaced meanwhile"));
  close (held);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    fake_lvm_test (a_mapped_name_is_taken_apart_at_the_single_hyphen),
    fake_lvm_test (only_whole_volumes_are_disks),
    cmocka_unit_test (attributes_say_what_a_volume_is),
    cmocka_unit_test (what_is_no_report_is_refused),
    cmocka_unit_test (a_store_is_large_enough_with_what_describes_its_chunks),
    fake_lvm_test (a_volume_gets_a_store_that_cannot_overflow),
    fake_lvm_test (a_thin_volume_gets_none_and_its_snapshot_is_always_active),
    fake_lvm_test (what_is_there_is_not_made_again),
    fake_lvm_test (what_an_interrupted_making_has_left_is_made_anew),
    fake_lvm_test (a_store_that_could_overflow_is_taken_back),
    fake_lvm_test (a_snapshot_is_beside_its_volume),
    fake_lvm_test (one_that_overflowed_is_damaged_and_can_be_removed),
    fake_lvm_test (an_inactive_one_is_activated),
    fake_lvm_test (a_name_that_leads_to_another_volume_is_not_read),
    fake_lvm_test (a_volume_without_our_tag_or_of_another_disk_is_left_alone),
    fake_lvm_test (of_a_disk_that_is_not_allowed_nothing_is_asked),
    fake_lvm_test (what_goes_wrong_is_told_and_nothing_is_left),
    fake_lvm_test (one_that_cannot_be_removed_now_is_busy),
    fake_lvm_test (missing_programs_are_named),
    fake_lvm_test (a_command_that_outlives_us_keeps_others_away),
    fake_lvm_test (its_bytes_come_back_in_place),
    fake_lvm_test (a_disk_that_was_exchanged_is_not_written_to),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
