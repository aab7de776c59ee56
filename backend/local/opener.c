#include "opener.h"
#include "fd.h"
#include "locks.h"
#include <fcntl.h>

static int
open_below (gpointer places, const char *path, GError **error)
{
  return places_open_path (places, path, O_RDONLY | O_NOFOLLOW, error);
}

static int
open_locked (gpointer places, const char *path, GError **error)
{
  autofd fd = open_below (places, path, error);
  if (fd < 0 || !locks_exclude_writers (fd, path, error))
    return -1;
  return fd_steal (&fd);
}

ImageOpener
opener_for_reading (const Places *places)
{
  return (ImageOpener){ .open = open_locked, .data = (gpointer)places };
}

ImageOpener
opener_for_storage (const Places *places)
{
  return (ImageOpener){ .open = open_locked, .data = (gpointer)places, .devices = TRUE };
}

ImageOpener
opener_for_checking (const Places *places)
{
  return (ImageOpener){ .open = open_below, .data = (gpointer)places };
}
