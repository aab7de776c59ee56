#pragma once
/* Block devices for tests: loop devices, with names in a directory of the test's own below /dev. */
#include "../../backend/local/places.h"
#include "temporary.h"
#include <sys/stat.h>

typedef struct {
  TemporaryDirectory *files; /* of the test, and of what is in the devices */
  char *names;               /* "/dev/vmsnapfs-test-XXXXXX" */
} Loops;

static inline int
loops_make (void **state)
{
  Loops *loops = g_new0 (Loops, 1);
  if (temporary_make ((void **)&loops->files) < 0)
    return -1;
  loops->names = g_strdup ("/dev/vmsnapfs-test-XXXXXX");
  *state = loops;
  return g_mkdtemp_full (loops->names, 0755) ? 0 : -1;
}

/* Also those that a test has been given by a command of its own. */
static inline int
loops_remove (void **state)
{
  Loops *loops = *state;
  /* Each once: its number may be somebody else's by then. */
  images_run ("/",
              "for link in %s/*; do [ ! -b \"$link\" ] || readlink -f \"$link\"; done | sort -u | "
              "grep ^/dev/loop | xargs -r -n 1 losetup -d; rm -r %s",
              loops->names, loops->names);
  temporary_remove ((void **)&loops->files);
  g_free (loops->names);
  g_free (loops);
  return 0;
}

#define loops_test(function) cmocka_unit_test_setup_teardown (function, loops_make, loops_remove)

/* A device of @size bytes by the name @name; its path.  Free with g_free. */
static inline char *
loops_add (const Loops *loops, const char *name, const char *size)
{
  images_run (loops->files->path,
              "truncate -s %s %s.img && ln -s \"$(losetup -f --show %s.img)\" %s/%s", size, name,
              name, loops->names, name);
  return g_build_filename (loops->names, name, NULL);
}

/* With the directory of names allowed. */
static inline Places *
loops_places (const Loops *loops)
{
  const char *const allow[] = { loops->names, NULL };
  Places *places = places_open (loops->files->path, allow, NULL);
  assert_non_null (places);
  return places;
}

/* The domain "db01" with these devices as vda, vdb, …; "" ends them. */
static inline void
loops_describe (const Loops *loops, const char *const *paths, const char *format)
{
  g_autoptr (GString) disks = g_string_new (NULL);
  for (guint i = 0; paths[i]; i++)
    g_string_append_printf (disks,
                            "<disk type='block' device='disk'><driver name='qemu' type='%s'/>"
                            "<source dev='%s'/><target dev='vd%c'/></disk>",
                            format, paths[i], 'a' + (int)i);
  g_autofree char *xml =
      g_strdup_printf ("<domain type='kvm'><name>db01</name><uuid>"
                       "93a5c045-6457-4c09-a56c-927cdf34e178</uuid><memory>1</memory><os>"
                       "<type>hvm</type></os><devices>%s</devices></domain>",
                       disks->str);
  images_run (loops->files->path, "mkdir -p db01");
  images_write_text (loops->files->path, "db01/domain.xml", xml);
}
