/* A journal with a disk that stays, and whose clone is frozen: the clone gets its name, and the
 * disk is left alone, whatever a machine does with it meanwhile. */
#include "../../backend/local/journal.h"
#include "temporary.h"
#include <string.h>
#include <sys/stat.h>

#define COPY ".vmsnapfs-aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.new"
#define PREPARED ".vmsnapfs-bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee.new"
#define IMAGE "12345678-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define FROZEN ".vmsnapfs-" IMAGE ".raw"

static struct stat
look_at (const TemporaryDirectory *directory, const char *name)
{
  struct stat status;
  assert_int_equal (fstatat (directory->fd, name, &status, 0), 0);
  return status;
}

static gboolean
is_there (const TemporaryDirectory *directory, const char *name)
{
  return faccessat (directory->fd, name, F_OK, 0) == 0;
}

static void
assert_file (const TemporaryDirectory *directory, const char *name, const char *expected)
{
  g_autofree char *path = g_build_filename (directory->path, name, NULL);
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  assert_string_equal (text, expected);
}

/* root.raw, of which a clone is to be frozen. */
static Journal *
a_journal (const TemporaryDirectory *directory)
{
  Journal *journal = journal_new ();
  JournalDisk *disk = g_new0 (JournalDisk, 1);
  images_write_text (directory->path, "root.raw", "live");
  images_write_text (directory->path, COPY, "clone");
  struct stat active = look_at (directory, "root.raw");
  disk->directory = g_strdup (directory->path);
  disk->file = g_strdup ("root.raw");
  disk->freeze = g_strdup (IMAGE);
  disk->copy = g_strdup (COPY);
  disk->raw = TRUE;
  disk->inode = active.st_ino;
  assert_true (journal_mark (-1, &active, &disk->modified, NULL));
  disk->copied = look_at (directory, COPY).st_ino;
  g_ptr_array_add (journal->disks, disk);
  return journal;
}

/* And data.raw, which is to be dropped for what was prepared. */
static void
add_reverted (const TemporaryDirectory *directory, Journal *journal)
{
  JournalDisk *disk = g_new0 (JournalDisk, 1);
  images_write_text (directory->path, "data.raw", "old");
  images_write_text (directory->path, PREPARED, "new");
  struct stat active = look_at (directory, "data.raw");
  disk->directory = g_strdup (directory->path);
  disk->file = g_strdup ("data.raw");
  disk->prepared = g_strdup (PREPARED);
  disk->raw = TRUE;
  disk->inode = active.st_ino;
  assert_true (journal_mark (-1, &active, &disk->modified, NULL));
  disk->overlay = look_at (directory, PREPARED).st_ino;
  g_ptr_array_add (journal->disks, disk);
}

static void
assert_applied (const TemporaryDirectory *directory)
{
  assert_file (directory, "root.raw", "live");
  assert_file (directory, FROZEN, "clone");
  assert_int_equal (look_at (directory, FROZEN).st_mode & 0222, 0);
  assert_true (look_at (directory, "root.raw").st_mode & 0200);
  assert_false (is_there (directory, COPY));
}

static void
it_is_read_as_it_was_written_and_applied_as_often_as_you_like (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) written = a_journal (directory);
  guint64 inode = look_at (directory, "root.raw").st_ino;
  gboolean committed;
  assert_true (journal_prepare (directory->fd, places, written, NULL));
  assert_true (journal_commit (directory->fd, &committed, NULL));
  for (int i = 0; i < 3; i++) {
    g_autoptr (Journal) journal = journal_read (directory->fd, places, NULL);
    assert_true (i > 0 || journal);
    assert_true (journal_apply (directory->fd, places, journal ? journal : written, NULL));
    assert_applied (directory);
    assert_true (look_at (directory, "root.raw").st_ino == inode);
  }
}

static void
a_crash_after_the_clone_has_its_name_is_carried_on (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory);
  assert_int_equal (renameat (directory->fd, COPY, directory->fd, FROZEN), 0);
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_applied (directory);
}

/* What was cloned is what it was at the commit. */
static void
a_machine_may_have_been_started_since (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory);
  struct flock writer = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  int machine = openat (directory->fd, "root.raw", O_RDONLY);
  assert_int_equal (fcntl (machine, F_OFD_SETLK, &writer), 0);
  ((JournalDisk *)g_ptr_array_index (journal->disks, 0))->modified--;
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_applied (directory);
  close (machine);
}

static void
somebody_else_may_have_moved_the_disk (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory);
  assert_int_equal (renameat (directory->fd, "root.raw", directory->fd, "aside"), 0);
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_file (directory, FROZEN, "clone");
  assert_file (directory, "aside", "live");
}

static void
a_file_in_the_way_of_the_frozen_name_is_never_replaced (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory);
  g_autoptr (GError) error = NULL;
  images_write_text (directory->path, FROZEN, "somebody else's");
  assert_false (journal_apply (directory->fd, places, journal, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  assert_file (directory, FROZEN, "somebody else's");
  assert_file (directory, COPY, "clone");
}

static void
giving_up_takes_the_clone_away_and_leaves_both_disks (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory);
  gboolean committed;
  add_reverted (directory, journal);
  ((JournalDisk *)g_ptr_array_index (journal->disks, 1))->modified--;
  assert_true (journal_prepare (directory->fd, places, journal, NULL));
  assert_true (journal_commit (directory->fd, &committed, NULL));
  assert_int_equal (renameat (directory->fd, COPY, directory->fd, FROZEN), 0);
  assert_false (journal_apply (directory->fd, places, journal, NULL));
  assert_true (journal_abandon (directory->fd, places, journal, NULL));
  assert_file (directory, "root.raw", "live");
  assert_file (directory, "data.raw", "old");
  assert_false (is_there (directory, FROZEN));
  assert_false (journal_exists (directory->fd));
}

static void
what_is_kept_aside_of_a_raw_disk_is_called_so (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory);
  add_reverted (directory, journal);
  ((JournalDisk *)g_ptr_array_index (journal->disks, 1))->modified--;
  journal->keep_written = TRUE;
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_applied (directory);
  assert_file (directory, "data.raw", "new");
  assert_file (directory, ".vmsnapfs-bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee.raw", "old");
}

static void
a_disk_that_nothing_is_done_to_is_refused (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory);
  g_autoptr (GError) error = NULL;
  gboolean committed;
  JournalDisk *disk = g_ptr_array_index (journal->disks, 0);
  g_clear_pointer (&disk->copy, g_free);
  assert_true (journal_prepare (directory->fd, places, journal, NULL));
  assert_true (journal_commit (directory->fd, &committed, NULL));
  assert_null (journal_read (directory->fd, places, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (it_is_read_as_it_was_written_and_applied_as_often_as_you_like),
    temporary_test (a_crash_after_the_clone_has_its_name_is_carried_on),
    temporary_test (a_machine_may_have_been_started_since),
    temporary_test (somebody_else_may_have_moved_the_disk),
    temporary_test (a_file_in_the_way_of_the_frozen_name_is_never_replaced),
    temporary_test (giving_up_takes_the_clone_away_and_leaves_both_disks),
    temporary_test (what_is_kept_aside_of_a_raw_disk_is_called_so),
    temporary_test (a_disk_that_nothing_is_done_to_is_refused),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
