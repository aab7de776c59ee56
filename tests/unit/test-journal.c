/* The journal: applying it is the same however often and from wherever it is begun. */
#include "../../backend/local/file-names.h"
#include "../../backend/local/journal.h"
#include "../../backend/local/records.h"
#include "temporary.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PREPARED ".vmsnapfs-aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.new"
#define IMAGE "12345678-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define FROZEN ".vmsnapfs-" IMAGE ".qcow2"

static void
put_file (int fd, const char *name, const char *text)
{
  int file = openat (fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0640);
  assert_int_equal (write (file, text, strlen (text)), (ssize_t)strlen (text));
  close (file);
}

static char *
get_file (int fd, const char *name)
{
  char text[100] = "";
  int file = openat (fd, name, O_RDONLY);
  if (file < 0)
    return NULL;
  assert_true (read (file, text, sizeof text - 1) >= 0);
  close (file);
  return g_strdup (text);
}

static void
assert_file (int fd, const char *name, const char *expected)
{
  g_autofree char *text = get_file (fd, name);
  assert_non_null (text);
  assert_string_equal (text, expected);
}

static guint64
inode_of (int fd, const char *name)
{
  struct stat status;
  assert_int_equal (fstatat (fd, name, &status, 0), 0);
  return status.st_ino;
}

static gint64
modified_of (int fd, const char *name)
{
  struct stat status;
  assert_int_equal (fstatat (fd, name, &status, 0), 0);
  gint64 mark;
  assert_true (journal_mark (-1, &status, &mark, NULL));
  return mark;
}

static Journal *
a_journal (const TemporaryDirectory *directory, const char *freeze)
{
  Journal *journal = journal_new ();
  JournalDisk *disk = g_new0 (JournalDisk, 1);
  disk->directory = g_strdup (directory->path);
  disk->file = g_strdup ("web01.qcow2");
  disk->prepared = g_strdup (PREPARED);
  disk->freeze = g_strdup (freeze);
  put_file (directory->fd, "web01.qcow2", "old");
  put_file (directory->fd, PREPARED, "new");
  disk->inode = inode_of (directory->fd, "web01.qcow2");
  disk->modified = modified_of (directory->fd, "web01.qcow2");
  disk->overlay = inode_of (directory->fd, PREPARED);
  g_ptr_array_add (journal->disks, disk);
  return journal;
}

static void
assert_applied (const TemporaryDirectory *directory)
{
  struct stat status;
  assert_file (directory->fd, "web01.qcow2", "new");
  assert_file (directory->fd, FROZEN, "old");
  assert_int_equal (fstatat (directory->fd, FROZEN, &status, 0), 0);
  assert_int_equal (status.st_mode & 07777, 0440);
  assert_int_equal (status.st_nlink, 1);
}

static void
a_journal_is_read_as_it_was_written_and_applied_as_often_as_you_like (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) written = a_journal (directory, IMAGE);
  gboolean committed;
  assert_true (journal_prepare (directory->fd, places, written, NULL));
  assert_true (journal_commit (directory->fd, &committed, NULL));
  for (int i = 0; i < 3; i++) {
    g_autoptr (Journal) journal = journal_read (directory->fd, places, NULL);
    if (i == 0)
      assert_non_null (journal);
    assert_true (journal_apply (directory->fd, places, journal ? journal : written, NULL));
    assert_applied (directory);
  }
  assert_null (journal_read (directory->fd, places, NULL));
}

static void
a_crash_after_the_link_is_carried_on (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, IMAGE);
  assert_int_equal (linkat (directory->fd, "web01.qcow2", directory->fd, FROZEN, 0), 0);
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_applied (directory);
}

static void
a_file_that_somebody_put_in_the_way_is_never_replaced (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, NULL);
  g_autoptr (GError) error = NULL;
  assert_int_equal (renameat (directory->fd, "web01.qcow2", directory->fd, "aside"), 0);
  put_file (directory->fd, "web01.qcow2", "a person's backup");
  assert_false (journal_apply (directory->fd, places, journal, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  assert_file (directory->fd, "web01.qcow2", "a person's backup");
  assert_file (directory->fd, PREPARED, "new");
}

/* "Not there" means "already done" only when what it became is there. */
static void
a_prepared_disk_that_is_gone_is_not_taken_for_done (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, IMAGE);
  g_autoptr (GError) error = NULL;
  assert_int_equal (unlinkat (directory->fd, PREPARED, 0), 0);
  assert_false (journal_apply (directory->fd, places, journal, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  assert_file (directory->fd, "web01.qcow2", "old");
}

static void
the_only_link_to_the_bytes_is_never_replaced (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, IMAGE);
  put_file (directory->fd, FROZEN, "somebody else's");
  assert_false (journal_apply (directory->fd, places, journal, NULL));
  assert_file (directory->fd, "web01.qcow2", "old");
}

static void
a_disk_that_was_written_to_since_is_not_dropped (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, NULL);
  g_autoptr (GError) error = NULL;
  JournalDisk *disk = g_ptr_array_index (journal->disks, 0);
  disk->modified--;
  assert_false (journal_apply (directory->fd, places, journal, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  assert_file (directory->fd, "web01.qcow2", "old");
  disk->modified++;
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_file (directory->fd, "web01.qcow2", "new");
}

static void
a_disk_that_a_machine_has_open_is_left_alone (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, IMAGE);
  g_autoptr (GError) error = NULL;
  struct flock writer = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  int machine = openat (directory->fd, "web01.qcow2", O_RDONLY);
  assert_int_equal (fcntl (machine, F_OFD_SETLK, &writer), 0);
  assert_false (journal_apply (directory->fd, places, journal, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  close (machine);
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_applied (directory);
}

static void
together_no_old_disk_is_left_when_a_new_one_appears (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, IMAGE);
  JournalDisk *second = g_new0 (JournalDisk, 1);
  put_file (directory->fd, "data.qcow2", "another person's");
  second->directory = g_strdup (directory->path);
  second->file = g_strdup ("data.qcow2");
  second->prepared = journal_prepared_name ();
  second->inode = 1;
  second->modified = modified_of (directory->fd, "data.qcow2");
  put_file (directory->fd, second->prepared, "new data");
  second->overlay = inode_of (directory->fd, second->prepared);
  g_ptr_array_add (journal->disks, second);
  journal->together = TRUE;
  assert_false (journal_apply (directory->fd, places, journal, NULL));
  assert_null (get_file (directory->fd, "web01.qcow2"));
  second->inode = inode_of (directory->fd, "data.qcow2");
  assert_true (journal_apply (directory->fd, places, journal, NULL));
  assert_applied (directory);
  assert_file (directory->fd, "data.qcow2", "new data");
}

static void
records_are_moved_and_removed_once (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = journal_new ();
  put_file (directory->fd, "s-1.new", "put");
  put_file (directory->fd, "s-2", "removed");
  put_file (directory->fd, RECORDS_HEAD PREPARED_SUFFIX, "head");
  g_ptr_array_add (journal->put, g_strdup ("1"));
  g_ptr_array_add (journal->remove, g_strdup ("2"));
  for (int i = 0; i < 2; i++) {
    assert_true (journal_apply (directory->fd, places, journal, NULL));
    assert_file (directory->fd, "s-1", "put");
    assert_file (directory->fd, "head", "head");
    assert_null (get_file (directory->fd, "s-2"));
  }
}

static void
a_journal_that_leads_outside_is_refused (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (Journal) journal = a_journal (directory, NULL);
  JournalDisk *disk = g_ptr_array_index (journal->disks, 0);
  gboolean committed;
  g_free (disk->file);
  disk->file = g_strdup ("../elsewhere");
  assert_true (journal_prepare (directory->fd, places, journal, NULL));
  assert_true (journal_commit (directory->fd, &committed, NULL));
  g_autoptr (GError) error = NULL;
  assert_null (journal_read (directory->fd, places, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (a_journal_is_read_as_it_was_written_and_applied_as_often_as_you_like),
    temporary_test (a_crash_after_the_link_is_carried_on),
    temporary_test (a_file_that_somebody_put_in_the_way_is_never_replaced),
    temporary_test (a_prepared_disk_that_is_gone_is_not_taken_for_done),
    temporary_test (the_only_link_to_the_bytes_is_never_replaced),
    temporary_test (a_disk_that_was_written_to_since_is_not_dropped),
    temporary_test (a_disk_that_a_machine_has_open_is_left_alone),
    temporary_test (together_no_old_disk_is_left_when_a_new_one_appears),
    temporary_test (records_are_moved_and_removed_once),
    temporary_test (a_journal_that_leads_outside_is_refused),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
