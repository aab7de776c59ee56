/* The ceilings that vmsnapfs is measured against: libfuse's low-level API and nothing else.
 *
 *   bare DIRECTORY MOUNTPOINT               of browsing (bare-tree.c)
 *   bare [--cache] --file FILE MOUNTPOINT   of reading (bare-file.c)
 *
 * The first reads the tree of DIRECTORY (a mounted vmsnapfs, with its unlisted
 * directories) into memory and serves the same; the second serves the bytes of
 * FILE as MOUNTPOINT, which is a regular file.  Both with the same open flags,
 * cache times, request sizes and single-threaded loop as fs/.  It stays in the
 * foreground, changes nothing and frees nothing. */
#include "bare.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

void
bare_init (void *data, struct fuse_conn_info *connection)
{
  connection->max_read = READ_LIMIT;
}

void
bare_release (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  fuse_reply_err (req, 0);
}

static const struct fuse_lowlevel_ops *
prepare (int argc, char **argv)
{
  int cache = argc > 1 && strcmp (argv[1], "--cache") == 0;

  if (argc == 4 + cache && strcmp (argv[1 + cache], "--file") == 0)
    return bare_file (argv[2 + cache], cache);
  if (argc != 3 || cache)
    errx (2, "usage: bare DIRECTORY MOUNTPOINT, or bare [--cache] --file FILE MOUNTPOINT");
  return bare_tree (argv[1]);
}

int
main (int argc, char **argv)
{
  struct fuse_args args = FUSE_ARGS_INIT (0, NULL);
  struct rlimit files = { 65536, 65536 };
  const struct fuse_lowlevel_ops *operations;
  struct fuse_session *session;
  char options[100];

  setrlimit (RLIMIT_NOFILE, &files); /* a chain is read with one descriptor for each level */
  operations = prepare (argc, argv);
  snprintf (options, sizeof options, "-odefault_permissions,max_read=%d,fsname=bare", READ_LIMIT);
  fuse_opt_add_arg (&args, argv[0]);
  fuse_opt_add_arg (&args, options);
  session = fuse_session_new (&args, operations, sizeof *operations, NULL);
  if (session == NULL || fuse_session_mount (session, argv[argc - 1]) != 0)
    return 1;
  fuse_set_signal_handlers (session);
  fuse_session_loop (session);
  fuse_session_unmount (session);
  return 0;
}
