#pragma once
/* A directory for each test, gone afterwards. */
#include "images.h"
#include <fcntl.h>
#include <unistd.h>

typedef struct {
  char *path;
  int fd;
} TemporaryDirectory;

static inline int
temporary_make (void **state)
{
  TemporaryDirectory *directory = g_new0 (TemporaryDirectory, 1);
  directory->path = images_directory ();
  directory->fd = open (directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  *state = directory;
  return directory->fd >= 0 ? 0 : -1;
}

static inline int
temporary_remove (void **state)
{
  TemporaryDirectory *directory = *state;
  close (directory->fd);
  images_remove (directory->path);
  g_free (directory);
  return 0;
}

/* A file in it; one that @flags make is its owner's alone. */
static inline int
temporary_open (const TemporaryDirectory *directory, const char *name, int flags)
{
  int fd = openat (directory->fd, name, flags | O_CLOEXEC, 0600);
  if (fd < 0)
    fail_msg ("%s: %s", name, g_strerror (errno));
  return fd;
}

#define temporary_test(function)                                                                   \
  cmocka_unit_test_setup_teardown (function, temporary_make, temporary_remove)
