#pragma once
#include <errno.h>
#include <unistd.h>

/* A descriptor that is closed at the end of its scope, unless it is closed before; -1 is none.
 * errno survives. */
#define autofd __attribute__ ((cleanup (fd_close_pointer))) int

static inline void
fd_close_pointer (int *fd)
{
  int wrong = errno;
  if (*fd >= 0)
    close (*fd);
  *fd = -1; /* the number may be somebody else's from now on */
  errno = wrong;
}

static inline int
fd_steal (int *fd)
{
  int stolen = *fd;
  *fd = -1;
  return stolen;
}
