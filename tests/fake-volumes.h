#pragma once
/* LVM's commands and what the kernel says of volumes, as tests/on-fake-lvm gives them. */
#include "../backend/local/tool.h"
#include "../backend/local/volume.h"

/* For the rest of the program, where $FAKE_LVM names a directory. */
static inline void
use_fake_lvm (void)
{
  static const char *directories[2];
  const char *directory = g_getenv ("FAKE_LVM");

  if (directory == NULL)
    return;
  directories[0] = directory;
  tool_directories = directories;
  volume_devices = g_build_filename (directory, "sys", NULL);
}
