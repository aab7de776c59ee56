/* qemu-img as a child: what it gets, and every way in which it can end. */
#include "../../backend/local/child.h"
#include "../../backend/threads.h"
#include "images.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char *scratch;
static int directory;

/* A shell script in qemu-img's place. */
static void
pretend (const char *script)
{
  g_autofree char *path = g_build_filename (scratch, "fake", NULL);
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\n%s\n", script);
  images_write_text (scratch, "fake", text);
  chmod (path, 0755);
  g_setenv ("VMSNAPFS_QEMU_IMG", path, TRUE);
}

static int
real_one (void **state)
{
  g_unsetenv ("VMSNAPFS_QEMU_IMG");
  return 0;
}

static const char *const nothing[] = { "info", NULL };

static void
fails_with (BackendError code, const char *sentence)
{
  g_autoptr (GError) error = NULL;
  assert_false (child_qemu_img (directory, nothing, NULL, 20, NULL, &error));
  assert_string_equal (error->message, sentence);
  assert_true (g_error_matches (error, BACKEND_ERROR, (gint)code));
}

static void
an_image_is_made_and_described (void **state)
{
  const char *const create[] = { "create", "-q", "-f", "qcow2", "a.qcow2", "1M", NULL };
  const char *const info[] = { "info", "-f", "qcow2", "--output=json", "a.qcow2", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  assert_true (child_qemu_img (directory, create, NULL, 20, NULL, &error));
  assert_true (child_qemu_img (directory, info, NULL, 20, &output, &error));
  assert_non_null (strstr (output, "\"virtual-size\": 1048576"));
}

static void
its_first_line_is_the_sentence (void **state)
{
  const char *const info[] = { "info", "-f", "qcow2", "none.qcow2", NULL };
  g_autoptr (GError) error = NULL;
  assert_false (child_qemu_img (directory, info, NULL, 20, NULL, &error));
  assert_string_equal (error->message, "Could not open 'none.qcow2': Could not open 'none.qcow2': "
                                       "No such file or directory");
  pretend ("echo 'qemu-img: one' >&2; echo two >&2; exit 1");
  fails_with (BACKEND_ERROR_FAILED, "one");
  pretend ("exit 3");
  fails_with (BACKEND_ERROR_FAILED, "qemu-img ended with status 3");
}

static void
known_failures_have_codes (void **state)
{
  pretend ("echo 'qemu-img: a: No space left on device' >&2; exit 1");
  fails_with (BACKEND_ERROR_NO_SPACE, "a: No space left on device");
  pretend ("echo 'qemu-img: Failed to get \"write\" lock' >&2; exit 1");
  fails_with (BACKEND_ERROR_BUSY, "Failed to get \"write\" lock");
  pretend ("kill -SEGV $$");
  fails_with (BACKEND_ERROR_FAILED, "qemu-img was killed by signal 11 (Segmentation fault)");
}

static void
a_missing_program_is_unsupported (void **state)
{
  g_autoptr (GError) error = NULL;
  g_setenv ("VMSNAPFS_QEMU_IMG", "/nonexistent/qemu-img", TRUE);
  assert_false (child_qemu_img (directory, nothing, NULL, 20, NULL, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  assert_non_null (strstr (error->message, "qemu-utils"));
}

static void
a_program_that_cannot_run_is_told (void **state)
{
  g_autoptr (GError) error = NULL;
  pretend ("exit 0");
  images_write_text (scratch, "fake", "#!/nonexistent/interpreter\n");
  images_run (scratch, "chmod 755 fake");
  assert_false (child_qemu_img (directory, nothing, NULL, 20, NULL, &error));
  assert_non_null (strstr (error->message, "executing it"));
}

static void
it_is_killed_at_its_deadline (void **state)
{
  gint64 start = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  pretend ("exec sleep 100");
  assert_false (child_qemu_img (directory, nothing, NULL, 1, NULL, &error));
  assert_string_equal (error->message, "qemu-img did not end within 1 seconds");
  assert_true (g_get_monotonic_time () - start < 10 * G_USEC_PER_SEC);
}

static void *
cancel_when_started (void *data)
{
  g_autofree char *path = g_build_filename (scratch, "started", NULL);
  while (access (path, F_OK) < 0)
    g_usleep (1000);
  assert_true (job_cancel (data));
  return NULL;
}

static void
it_is_killed_when_its_job_is_cancelled (void **state)
{
  g_autoptr (Job) job = job_new ("d", "sleep");
  g_autoptr (GError) error = NULL;
  pretend ("touch started; exec sleep 100");
  pthread_t thread = thread_start ("cancel", cancel_when_started, job);
  assert_false (child_qemu_img (directory, nothing, job, 100, NULL, &error));
  thread_join (thread);
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED));
  g_clear_error (&error);
  assert_false (child_qemu_img (directory, nothing, job, 100, NULL, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_CANCELLED));
  job_finish (job, error);
}

static void
its_surroundings_are_bare (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_setenv ("SECRET", "yes", TRUE);
  int open_here = open ("/dev/null", O_RDONLY); /* to be closed in the child */
  pretend ("/usr/bin/env -u PWD -u OLDPWD -u SHLVL -u _ | sort; readlink /proc/self/fd/0; ulimit "
           "-c; pwd; "
           "ls /proc/self/fd | wc -l; grep SigBlk /proc/self/status");
  assert_true (child_qemu_img (directory, nothing, NULL, 20, &output, &error));
  g_autofree char *expected =
      g_strdup_printf ("LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n/dev/null\n0\n%s\n4\n"
                       "SigBlk:\t0000000000000000\n",
                       scratch);
  assert_string_equal (output, expected);
  close (open_here);
}

static void
too_much_output_is_an_error (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  pretend ("exec cat /dev/zero");
  assert_false (child_qemu_img (directory, nothing, NULL, 60, &output, &error));
  assert_non_null (strstr (error->message, "wrote more than"));
  assert_null (output);
}

static void *
run_many (void *data)
{
  for (guint i = 0; i < 20; i++) {
    g_autoptr (GError) error = NULL;
    assert_true (child_qemu_img (directory, nothing, NULL, 60, NULL, &error));
  }
  return NULL;
}

static void
threads_do_not_disturb_each_other (void **state)
{
  pthread_t threads[4];
  pretend ("exit 0");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = thread_start ("many", run_many, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    thread_join (threads[i]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup (an_image_is_made_and_described, real_one),
    cmocka_unit_test_setup (its_first_line_is_the_sentence, real_one),
    cmocka_unit_test (known_failures_have_codes),
    cmocka_unit_test (a_missing_program_is_unsupported),
    cmocka_unit_test (a_program_that_cannot_run_is_told),
    cmocka_unit_test (it_is_killed_at_its_deadline),
    cmocka_unit_test (it_is_killed_when_its_job_is_cancelled),
    cmocka_unit_test (its_surroundings_are_bare),
    cmocka_unit_test (too_much_output_is_an_error),
    cmocka_unit_test (threads_do_not_disturb_each_other),
  };
  scratch = images_directory ();
  directory = open (scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  close (directory);
  images_remove (scratch);
  return failed;
}
