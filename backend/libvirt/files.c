/* Opening what a domain's description names. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "qemu:///system" and "qemu+unix:///system?socket=…", but not "qemu+ssh://host/system". */
gboolean
files_are_here (virConnectPtr link)
{
  char *uri = virConnectGetURI (link);
  const char *host = uri == NULL ? NULL : strstr (uri, "://");
  gboolean here = host != NULL && host[strlen ("://")] == '/';

  free (uri);
  return here;
}

int
files_open (const char *path, GError **error)
{
  /* Not waiting: it may be a pipe. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat stat;

  if (fd < 0) {
    fail_errno (error, "cannot open %s", path);
    return -1;
  }
  if (fstat (fd, &stat) == 0 && S_ISREG (stat.st_mode))
    return fd;
  close (fd);
  fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is no regular file", path);
  return -1;
}
