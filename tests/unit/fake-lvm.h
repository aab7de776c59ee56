#pragma once
/* LVM's commands for tests: tests/fake-lvm, which $FAKE_LVM_SCRIPT names, for one test. */
#include "../../backend/local/tool.h"
#include "../../backend/local/volume.h"
#include "loop.h"
#include <stdio.h>

#define FAKE_GROUP_UUID "GGGGGG-GGGG-GGGG-GGGG-GGGG-GGGG-GGGGGG"
static inline int
fake_lvm_make (void **state)
{
  if (!g_getenv ("FAKE_LVM_SCRIPT") || loops_make (state) < 0)
    return -1;
  const Loops *loops = *state;
  static const char *directories[2];
  const char *s = loops->files->path, *script = g_getenv ("FAKE_LVM_SCRIPT");
  images_run (s,
              "mkdir bin sys volumes db01 && echo state=%s names=%s >bin/.state && "
              "for i in lvs lvcreate lvremove lvchange volume; do ln -s %s bin/$i; done",
              s, loops->names, script);
  directories[0] = g_build_filename (s, "bin", NULL);
  tool_directories = directories;
  volume_devices = g_build_filename (s, "sys", NULL);
  return 0;
}

static inline int
fake_lvm_remove (void **state)
{
  g_free ((char *)tool_directories[0]);
  g_free ((char *)volume_devices);
  return loops_remove (state);
}

#define fake_lvm_test(function)                                                                    \
  cmocka_unit_test_setup_teardown (function, fake_lvm_make, fake_lvm_remove)

/* The logical volume vg0/@name of 8 MiB; its path.  @attributes: as of lvs(8). */
static inline char *
fake_lvm_add (const Loops *loops, const char *name, const char *attributes)
{
  char *path = loops_add (loops, name, "8M");
  images_run (loops->files->path, "bin/volume %s %s && rm log", name, attributes);
  return path;
}

/* What the commands are from now on, as a shell script: $me is the command. */
static inline void
fake_lvm_mood (const Loops *loops, const char *script)
{
  images_write_text (loops->files->path, "mood", script);
}

/* The calls of @command since the last one of this function. */
static inline char *
fake_lvm_calls (const Loops *loops, const char *command)
{
  g_autofree char *path = g_build_filename (loops->files->path, "calls", NULL);
  char *text = NULL;
  images_run (loops->files->path, "{ grep -s '^%s ' log || :; } >calls; rm -f log", command);
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}
