/* Who writes to a block device is found, whatever it does meanwhile. */
#include "../../backend/error.h"
#include "../../backend/local/device.h"
#include "loop.h"
#include <signal.h>
#include <sys/wait.h>

/* A machine in a mount namespace of its own has another node, and so another lock. */
static void
who_has_it_open_for_writing_is_named_and_who_reads_is_not (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autoptr (GError) error = NULL;
  images_run (loops->files->path,
              "cp -aL %s other && exec 3<other && { sleep 100 & } && echo $! >reader", path);
  int fd = open (path, O_RDONLY);
  assert_true (device_check_writers (fd, 0, "it", NULL));
  images_run (loops->files->path, "exec 3<>other && { sleep 100 & } && echo $! >writer");
  gboolean is_free = device_check_writers (fd, 0, "it", &error);
  close (fd);
  images_run (loops->files->path, "kill $(cat reader writer)");
  assert_false (is_free);
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  assert_non_null (strstr (error->message, "(sleep) has it open for writing"));
}

/* As udev does: it looks at the device, and then writes to a file by the same number. */
static void
look_and_write (const char *device, const char *file)
{
  int look = open (device, O_RDONLY), other = open (file, O_RDWR | O_CREAT, 0600);
  for (int number = 100;; number = number < 300 ? number + 1 : 100)
    if (dup2 (look, number) < 0 || dup2 (other, number) < 0)
      _exit (1);
}

static void
who_looks_at_it_and_writes_elsewhere_is_no_writer (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autofree char *file = g_build_filename (loops->files->path, "elsewhere", NULL);
  int fd = open (path, O_RDONLY);
  gboolean is_free = TRUE;
  pid_t child = fork ();
  if (child == 0)
    look_and_write (path, file);
  assert_true (child > 0);
  for (guint i = 0; i < 300 && is_free; i++)
    is_free = device_check_writers (fd, 0, "it", NULL);
  kill (child, SIGKILL);
  assert_int_equal (waitpid (child, NULL, 0), child);
  close (fd);
  assert_true (is_free);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    loops_test (who_has_it_open_for_writing_is_named_and_who_reads_is_not),
    loops_test (who_looks_at_it_and_writes_elsewhere_is_no_writer),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
