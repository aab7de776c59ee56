/* A program for storage that is not ours: which one may be it, what it is asked, and what it may
 * answer.  What becomes of snapshots when it misbehaves is tests/mount/hook.sh's matter. */
#include "hook.h"
#include <json-glib/json-glib.h>
#include <sys/file.h>

#define IMAGE "12345678-bbbb-4ccc-8ddd-eeeeeeeeeeee"

static StorageImage
an_image (char *disk)
{
  return (StorageImage){ .image = IMAGE, .target = "vda", .disk = disk, .size = 4096, .raw = TRUE };
}

/* ---- which */

static void
assert_no_hook (const TemporaryDirectory *directory, const char *why)
{
  g_autoptr (GError) error = NULL;
  assert_null (hook_places (directory, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_INVALID));
  assert_non_null (strstr (error->message, why));
}

static void
only_a_file_that_nobody_else_may_change_is_a_hook (void **state)
{
  g_autofree char *path = hook_path (*state);
  assert_no_hook (*state, "No such file");
  hook_write (*state, "yes");
  g_autoptr (Places) places = hook_places (*state, NULL);
  assert_non_null (places);
  chmod (path, 0775);
  assert_no_hook (*state, "others may write to it");
  chmod (path, 0644);
  assert_no_hook (*state, "no executable file");
  assert_int_equal (remove (path), 0);
  assert_int_equal (symlink ("/bin/true", path), 0);
  assert_no_hook (*state, "no executable file");
}

static void
nothing_that_others_may_exchange_is_a_hook (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autofree char *parent = g_strconcat (directory->path, ".parent", NULL);
  g_autofree char *program = g_build_filename (parent, "below", "hook", NULL);
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (GError) error = NULL;
  images_run (directory->path, "mkdir -p %s/below; cp /bin/true %s", parent, program);
  assert_true (hook_use (places, program, 0, NULL));
  assert_int_equal (chmod (parent, 0777), 0);
  assert_false (hook_check (places, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DENIED));
  assert_non_null (strstr (error->message, ".parent may be written to by others"));
  assert_int_equal (chmod (parent, 01777), 0); /* they may add to it, and take nothing away */
  assert_true (hook_check (places, NULL));
  images_run (directory->path, "rm -r %s", parent);
}

static void
nothing_below_a_place_is_a_hook (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *inside = g_build_filename (directory->path, "hook", NULL);
  images_write_text (directory->path, "hook", "#!/bin/sh\n");
  chmod (inside, 0755);
  assert_false (hook_use (places, inside, 0, &error));
  assert_non_null (strstr (error->message, "may come from anywhere"));
}

static void
without_one_it_is_said_how_to_name_one (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  g_autoptr (GError) error = NULL;
  assert_true (hook_use (places, NULL, 0, NULL));
  assert_false (storage_hook.check (places, "/x", &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  assert_non_null (strstr (error->message, "-o hook=PROGRAM"));
}

/* ---- asking */

static StorageEnd
create (const TemporaryDirectory *directory, const char *script, GError **error)
{
  g_autofree char *disk = g_build_filename (directory->path, "a \"b\"\n.raw", NULL);
  const StorageImage image = an_image (disk);
  hook_write (directory, script);
  g_autoptr (Places) places = hook_places (directory, NULL);
  return storage_hook.create (places, &image, directory->fd, NULL, error);
}

static void
each_member_of_the_request_has_a_line_of_its_own (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autofree char *path = g_build_filename (directory->path, "seen", NULL);
  g_autofree char *disk = g_build_filename (directory->path, "a \"b\"\n.raw", NULL);
  g_autofree char *text = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  assert_int_equal (create (directory, "printf '%s' \"$request\" >$d/seen; yes", NULL),
                    STORAGE_DONE);
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  assert_non_null (strstr (text, "\n  \"version\" : 1,\n  \"verb\" : \"create\",\n  \"image\" : "
                                 "\"" IMAGE "\",\n"));
  assert_non_null (strstr (text, "\n  \"size\" : 4096\n}"));
  assert_true (json_parser_load_from_data (parser, text, -1, NULL));
  JsonObject *object = json_node_get_object (json_parser_get_root (parser));
  assert_string_equal (json_object_get_string_member (object, "disk"), disk);
  assert_string_equal (json_object_get_string_member (object, "format"), "raw");
}

static void
its_surroundings_are_bare (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autofree char *path = g_build_filename (directory->path, "seen", NULL);
  g_autofree char *text = NULL;
  g_setenv ("SECRET", "yes", TRUE);
  assert_int_equal (create (directory,
                            "{ pwd; echo \"$#\" \"$1\" \"$SECRET\" \"$PATH\"; "
                            "ls /proc/$$/fd | sort -n | grep -vx 1[0-9]* | tr '\\n' ' '; } "
                            ">$d/seen; yes",
                            NULL),
                    STORAGE_DONE);
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  assert_non_null (strstr (text, "/\n1 create  /usr/sbin:/usr/bin:/sbin:/bin\n"));
}

/* ---- answers */

static void
answers (const TemporaryDirectory *directory, const char *script, StorageEnd end, const char *why)
{
  g_autoptr (GError) error = NULL;
  assert_int_equal (create (directory, script, &error), end);
  if (end == STORAGE_DONE)
    assert_null (error);
  else if (!strstr (error->message, why))
    fail_msg ("%s: %s", script, error->message);
}

static void
only_an_object_of_the_right_image_is_an_answer (void **state)
{
  answers (*state, "yes", STORAGE_DONE, NULL);
  answers (*state, "printf '{\"image\":\"" IMAGE "\",\"more\":1}\\n'", STORAGE_DONE, NULL);
  answers (*state, ":", STORAGE_UNKNOWN, "no answer");
  answers (*state, "echo hello", STORAGE_UNKNOWN, "no answer");
  answers (*state, "yes; yes", STORAGE_UNKNOWN, "no answer");
  answers (*state, "echo '[\"" IMAGE "\"]'", STORAGE_UNKNOWN, "no answer");
  answers (*state, "echo '{\"image\":7}'", STORAGE_UNKNOWN, "no answer");
  answers (*state, "echo '{\"image\":\"x\"}'", STORAGE_UNKNOWN, "no answer");
  answers (*state, "yes; printf '\\000'", STORAGE_UNKNOWN, "no answer");
  answers (*state, "printf '{\"image\":\"\\377\"}'", STORAGE_UNKNOWN, "no answer");
}

static void
the_status_says_what_was_done (void **state)
{
  answers (*state, "yes; echo 'hook: why not' >&2; exit 3", STORAGE_REFUSED, "create: hook: why");
  answers (*state, "yes; exit 1", STORAGE_UNKNOWN, "ended with status 1");
  answers (*state, "yes; kill -9 $$", STORAGE_UNKNOWN, "was killed");
  answers (*state, "echo 'No space left on device' >&2; exit 3", STORAGE_REFUSED, "No space");
}

static void
what_outlives_us_keeps_the_next_one_away (void **state)
{
  const TemporaryDirectory *directory = *state;
  g_autoptr (GError) error = NULL;
  int lock = openat (directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_int_equal (flock (lock, LOCK_EX), 0);
  assert_int_equal (create (directory, "yes", &error), STORAGE_REFUSED);
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  close (lock);
  assert_int_equal (create (directory, "flock -n $d true && exit 1; yes", NULL), STORAGE_DONE);
  assert_int_equal (create (directory, "yes", NULL), STORAGE_DONE);
}

/* One that is in a session of its own when the hook ends. */
#define LEAVES(what)                                                                               \
  "setsid sh -c \"touch $d/apart; exec " what "\" >/dev/null 2>&1 & "                              \
  "until [ -e $d/apart ]; do sleep 0.1; done; yes"

/* It has said that it is done, and something of it may still be at work. */
static void
who_leaves_a_process_is_not_done (void **state)
{
  answers (*state, LEAVES ("sleep 7"), STORAGE_UNKNOWN,
           "create has left a process that has not ended");
}

static void
unless_that_let_go_of_the_lock (void **state)
{
  answers (*state, LEAVES ("sleep 1 3>&-"), STORAGE_DONE, NULL);
}

/* ---- where */

static void
is_at (const TemporaryDirectory *directory, const char *script, BackendError code, const char *why)
{
  g_autofree char *disk = g_build_filename (directory->path, "disk", NULL);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  const StorageImage image = an_image (disk);
  hook_write (directory, script);
  g_autoptr (Places) places = hook_places (directory, NULL);
  int fd = storage_open (&storage_hook, places, &image, NULL, &path, &error);
  if (!why)
    assert_true (fd >= 0 && close (fd) == 0);
  else if (fd >= 0 || !g_error_matches (error, BACKEND_ERROR, (int)code) ||
           !strstr (error->message, why))
    fail_msg ("%s: %s", script, error ? error->message : "no error");
}

static void
a_snapshot_is_a_file_below_a_place_of_the_right_size (void **state)
{
  const TemporaryDirectory *directory = *state;
  images_run (directory->path,
              "truncate -s 4096 good disk; truncate -s 512 short; ln -s good link");
  images_run (directory->path, "mkfifo pipe; mkdir directory");
  is_at (directory, "at $d/good", 0, NULL);
  is_at (directory, "printf '{\"image\":\"%s\",\"path\":null}' $image", BACKEND_ERROR_NOT_FOUND,
         "has no snapshot " IMAGE);
  is_at (directory, "yes", BACKEND_ERROR_FAILED, "does not say where");
  is_at (directory, "at good", BACKEND_ERROR_FAILED, "no absolute path");
  is_at (directory, "at $d/none", BACKEND_ERROR_NOT_FOUND, "No such file");
  is_at (directory, "at $d/short", BACKEND_ERROR_DAMAGED, "512 bytes");
  is_at (directory, "at $d/link", BACKEND_ERROR_FAILED, "symbolic link");
  is_at (directory, "at $d/pipe", BACKEND_ERROR_DAMAGED, "no regular file");
  is_at (directory, "at $d/directory", BACKEND_ERROR_DAMAGED, "no regular file");
  is_at (directory, "at $d/disk", BACKEND_ERROR_DAMAGED, "the disk itself");
  is_at (directory, "at $d/../x", BACKEND_ERROR_DENIED, "");
  is_at (directory, "at /etc/passwd", BACKEND_ERROR_DENIED, "outside of the store");
  is_at (directory, "at $d/good | sed s/raw/qcow2/", BACKEND_ERROR_FAILED, "and the disk is raw");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    hook_test (only_a_file_that_nobody_else_may_change_is_a_hook),
    hook_test (nothing_that_others_may_exchange_is_a_hook),
    hook_test (nothing_below_a_place_is_a_hook),
    hook_test (without_one_it_is_said_how_to_name_one),
    hook_test (each_member_of_the_request_has_a_line_of_its_own),
    hook_test (its_surroundings_are_bare),
    hook_test (only_an_object_of_the_right_image_is_an_answer),
    hook_test (the_status_says_what_was_done),
    hook_test (what_outlives_us_keeps_the_next_one_away),
    hook_test (who_leaves_a_process_is_not_done),
    hook_test (unless_that_let_go_of_the_lock),
    hook_test (a_snapshot_is_a_file_below_a_place_of_the_right_size),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
