/* Whether a block device was written to is seen from its mark. */
#include "../../backend/error.h"
#include "../../backend/local/device.h"
#include "loop.h"

static gint64
mark_of (const char *path)
{
  gint64 mark;
  int fd = open (path, O_RDONLY);
  assert_true (device_mark (fd, &mark, NULL));
  close (fd);
  return mark;
}

/* udev gives a node new times whenever somebody who could have written closes it. */
static void
whoever_writes_to_it_is_seen_and_who_touches_its_node_is_not (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  gint64 first = mark_of (path);
  images_run (loops->files->path, "touch %s && dd if=%s of=/dev/null bs=1M status=none", path,
              path);
  assert_true (mark_of (path) == first);
  images_run (loops->files->path,
              "cp -aL %s other && exec 3<%s && head -c 4096 /dev/urandom >other", path, path);
  gint64 second = mark_of (path);
  assert_true (second != first);
  assert_true (mark_of (path) == second);
  images_run (loops->files->path, "blkdiscard -f -o 1M -l 1M %s", path);
  assert_true (mark_of (path) != second);
}

static void
set_counting (const char *path, char how)
{
  images_run ("/", "echo %c >/sys/block/$(basename $(readlink -f %s))/queue/iostats", how, path);
}

static void
one_that_counts_nothing_is_refused (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  g_autoptr (GError) error = NULL;
  gint64 mark;
  int fd = open (path, O_RDONLY);
  set_counting (path, '0');
  gboolean marked = device_mark (fd, &mark, &error);
  set_counting (path, '1');
  assert_false (marked);
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_UNSUPPORTED));
  assert_true (device_mark (fd, &mark, NULL));
  close (fd);
}

/* It counts from zero again. */
static void
a_device_that_has_come_anew_is_another (void **state)
{
  const Loops *loops = *state;
  g_autofree char *path = loops_add (loops, "root", "8M");
  gint64 first = mark_of (path);
  images_run (loops->files->path,
              "device=$(readlink %s) && rm %s && losetup -d $device && "
              "ln -s $(losetup -f --show root.img) %s",
              path, path, path);
  assert_true (mark_of (path) != first);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    loops_test (whoever_writes_to_it_is_seen_and_who_touches_its_node_is_not),
    loops_test (one_that_counts_nothing_is_refused),
    loops_test (a_device_that_has_come_anew_is_another),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
