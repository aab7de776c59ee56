/* A journal with a disk that other storage brings back: what was begun is done again, what is done
 * never, and what was not begun is given up where a machine has written since. */
#include "../../backend/local/journal.h"
#include "../../backend/local/locks.h"
#include "../../backend/local/method.h"
#include "hook.h"

#define IMAGE "12345678-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define ATTEMPT "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define BEGUN "back-" ATTEMPT ".begun.t"
#define ENDED "back-" ATTEMPT ".ended.t"
#define DONE "back-" ATTEMPT ".done.t"
#define GOOD                                                                                       \
  "echo >>$d/runs; disk=$(printf '%s' \"$request\" | sed -n 's/^ *\"disk\" : "                     \
  "\"\\(.*\\)\",$/\\1/p'); "                                                                       \
  "head -c 512 /dev/zero | tr '\\0' b >$disk; yes"

static gboolean
is_there (const TemporaryDirectory *directory, const char *name)
{
  return faccessat (directory->fd, name, F_OK, 0) == 0;
}

static void
assert_disk (const TemporaryDirectory *directory, char byte)
{
  g_autofree char *path = g_build_filename (directory->path, "root.raw", NULL);
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  assert_int_equal (text[0], byte);
}

static void
assert_runs (const TemporaryDirectory *directory, gsize count)
{
  g_autofree char *path = g_build_filename (directory->path, "runs", NULL);
  g_autofree char *text = NULL;
  assert_int_equal (g_file_get_contents (path, &text, NULL, NULL) ? strlen (text) : 0, count);
}

/* As a machine does. */
static void
write_disk (const TemporaryDirectory *directory, char byte)
{
  images_run (directory->path, "head -c 512 /dev/zero | tr '\\0' %c >root.raw", byte);
}

/* Of root.raw, committed, and read again. */
static Journal *
a_journal (const TemporaryDirectory *directory, const Places *places)
{
  g_autoptr (Journal) journal = journal_new ();
  JournalDisk *disk = g_new0 (JournalDisk, 1);
  struct stat status;
  gboolean committed;
  write_disk (directory, 'a');
  assert_int_equal (fstatat (directory->fd, "root.raw", &status, 0), 0);
  disk->directory = g_strdup (directory->path);
  disk->file = g_strdup ("root.raw");
  disk->raw = TRUE;
  disk->inode = status.st_ino;
  assert_true (journal_mark (-1, &status, &disk->modified, NULL));
  disk->attempt = g_strdup (ATTEMPT);
  disk->back = g_new0 (RecordImage, 1);
  disk->back->target = g_strdup ("vda");
  disk->back->image = g_strdup (IMAGE);
  disk->back->directory = g_strdup (".");
  disk->back->disk = g_strdup ("/etc/passwd"); /* whoever made the store may have written that */
  disk->back->size = 512;
  disk->back->raw = TRUE;
  disk->back->method = &method_exec;
  g_ptr_array_add (journal->disks, disk);
  assert_true (journal_prepare (directory->fd, places, journal, NULL));
  assert_true (journal_commit (directory->fd, &committed, NULL));
  return journal_read (directory->fd, places, NULL);
}

static gboolean
apply (const TemporaryDirectory *directory, const Places *places, Journal *journal, GError **error)
{
  gboolean applied = journal_apply (directory->fd, places, journal, error);
  assert_int_equal (applied, !is_there (directory, "journal"));
  return applied;
}

static void
assert_over (const TemporaryDirectory *directory)
{
  assert_false (is_there (directory, "journal"));
  assert_false (is_there (directory, BEGUN));
  assert_false (is_there (directory, ENDED));
  assert_false (is_there (directory, DONE));
}

static void
it_is_brought_back_once_and_nothing_is_left (void **state)
{
  const TemporaryDirectory *directory = *state;
  hook_write (directory, GOOD);
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_non_null (journal);
  assert_true (apply (directory, places, journal, NULL));
  assert_disk (directory, 'b');
  assert_runs (directory, 1);
  assert_over (directory);
}

static void
what_was_begun_is_done_again (void **state)
{
  const TemporaryDirectory *directory = *state;
  hook_write (directory, "echo >>$d/runs; printf half >$d/root.raw; exit 1");
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_false (apply (directory, places, journal, NULL));
  assert_false (journal->refused);
  assert_true (is_there (directory, BEGUN));
  assert_false (journal_abandon (directory->fd, places, journal, NULL));
  hook_write (directory, GOOD);
  assert_true (apply (directory, places, journal, NULL));
  assert_disk (directory, 'b');
  assert_runs (directory, 2);
  assert_over (directory);
}

static void
what_is_done_is_not_done_again (void **state)
{
  const TemporaryDirectory *directory = *state;
  hook_write (directory, GOOD);
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  write_disk (directory, 'm');
  images_write_text (directory->path, BEGUN, "");
  images_write_text (directory->path, DONE, "");
  assert_true (apply (directory, places, journal, NULL));
  assert_disk (directory, 'm');
  assert_runs (directory, 0);
  assert_over (directory);
}

/* Nobody was told of the operation. */
static void
what_a_machine_wrote_before_it_was_begun_stays (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  hook_write (directory, GOOD);
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  write_disk (directory, 'm');
  assert_false (apply (directory, places, journal, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  journal->keep_written = TRUE;
  assert_false (apply (directory, places, journal, NULL));
  assert_true (journal_abandon (directory->fd, places, journal, NULL));
  assert_disk (directory, 'm');
  assert_runs (directory, 0);
  assert_over (directory);
}

static void
who_refuses_at_first_ends_the_operation (void **state)
{
  const TemporaryDirectory *directory = *state;
  hook_write (directory, "exit 3");
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_false (apply (directory, places, journal, NULL));
  assert_true (journal->refused);
  assert_true (journal_give_up (directory->fd, NULL));
  assert_disk (directory, 'a');
  assert_over (directory);
}

static void
who_refuses_later_or_has_written_does_not (void **state)
{
  const TemporaryDirectory *directory = *state;
  hook_write (directory, "printf x >$d/root.raw; exit 3");
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_false (apply (directory, places, journal, NULL));
  assert_false (journal->refused);
  hook_write (directory, "exit 3");
  assert_false (apply (directory, places, journal, NULL));
  assert_false (journal->refused);
}

static void
who_says_that_it_is_done_is_looked_at (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  hook_write (directory, "printf '%01024d' 0 >$d/root.raw; yes");
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_false (apply (directory, places, journal, &error));
  assert_non_null (strstr (error->message, "1024 bytes"));
  assert_false (is_there (directory, ENDED));
  assert_false (is_there (directory, DONE));
}

static void
another_file_may_have_taken_its_place (void **state)
{
  const TemporaryDirectory *directory = *state;
  hook_write (directory, "head -c 512 /dev/zero >$d/new; mv $d/new $d/root.raw; yes");
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_true (apply (directory, places, journal, NULL));
  assert_disk (directory, '\0');
  assert_over (directory);
}

/* A daemon that died after the hook's end, and whether the machine has been off since. */
static void
apply_ended (const TemporaryDirectory *directory, const char *boot)
{
  hook_write (directory, GOOD);
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  write_disk (directory, 'm');
  images_write_text (directory->path, BEGUN, "");
  images_write_text (directory->path, ENDED, boot);
  assert_true (apply (directory, places, journal, NULL));
  assert_over (directory);
}

static void
what_has_ended_is_not_done_again (void **state)
{
  g_autofree char *boot = NULL;
  assert_true (g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL));
  apply_ended (*state, boot);
  assert_disk (*state, 'm');
  assert_runs (*state, 0);
}

/* Its bytes may not have been on the disk. */
static void
unless_the_host_was_started_since (void **state)
{
  apply_ended (*state, "12345678-0000-4000-8000-000000000000\n");
  assert_disk (*state, 'b');
  assert_runs (*state, 1);
}

/* A machine has the new file before it could be kept from that. */
#define MACHINE                                                                                    \
  "head -c 512 /dev/zero >$d/new; mv $d/new $d/root.raw; mkfifo $d/orders; "                       \
  "setsid qemu-io -f raw $d/root.raw <$d/orders >$d/log 2>/dev/null 3>&- 4>&- & "                  \
  "exec 9>$d/orders; setsid sleep 1000 3>&- 4>&- >/dev/null 2>&1 & echo $! >$d/machine; "          \
  "until grep -q qemu-io $d/log; do sleep 0.1; done; yes"

static void
what_a_machine_writes_once_it_has_ended_stays (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  hook_write (directory, MACHINE);
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_false (apply (directory, places, journal, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  assert_true (is_there (directory, ENDED));
  images_run (directory->path, "kill $(cat machine)");
  write_disk (directory, 'm');
  hook_write (directory, GOOD);
  for (int i = 0; i < 100 && !apply (directory, places, journal, NULL); i++)
    g_usleep (50000);
  assert_disk (directory, 'm');
  assert_runs (directory, 0);
  assert_over (directory);
}

static gboolean
is_kept_from_machines (const TemporaryDirectory *directory)
{
  int fd = openat (directory->fd, "root.raw", O_RDONLY | O_CLOEXEC);
  gboolean kept = fd >= 0 && locks_is_in_use (fd);
  close (fd);
  return kept;
}

/* It may still be writing. */
static void
what_lives_on_keeps_machines_from_the_disk (void **state)
{
  const TemporaryDirectory *directory = *state;
  hook_write (directory,
              "setsid sh -c \"echo \\$\\$ >$d/lives; exec sleep 1000\" >/dev/null 2>&1 & "
              "until [ -s $d/lives ]; do sleep 0.1; done; exit 1");
  g_autoptr (Places) places = hook_places (directory, NULL);
  g_autoptr (Journal) journal = a_journal (directory, places);
  assert_false (apply (directory, places, journal, NULL));
  assert_true (is_kept_from_machines (directory));
  images_run (directory->path, "kill $(cat lives)");
  for (int i = 0; i < 100 && is_kept_from_machines (directory); i++)
    g_usleep (20000);
  assert_false (is_kept_from_machines (directory));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    hook_test (it_is_brought_back_once_and_nothing_is_left),
    hook_test (what_was_begun_is_done_again),
    hook_test (what_is_done_is_not_done_again),
    hook_test (what_a_machine_wrote_before_it_was_begun_stays),
    hook_test (who_refuses_at_first_ends_the_operation),
    hook_test (who_refuses_later_or_has_written_does_not),
    hook_test (who_says_that_it_is_done_is_looked_at),
    hook_test (another_file_may_have_taken_its_place),
    hook_test (what_has_ended_is_not_done_again),
    hook_test (unless_the_host_was_started_since),
    hook_test (what_a_machine_writes_once_it_has_ended_stays),
    hook_test (what_lives_on_keeps_machines_from_the_disk),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
