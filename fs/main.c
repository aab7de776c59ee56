/* vmsnapfs: from the command line to a mounted tree, and down again.
 *
 * The order is what matters here.  The backend is opened before the fork, so
 * that it fails on the terminal, and starts its threads after it.  At the end
 * operations that run are let finish, then the tree is unmounted, then those
 * who could still call are stopped, callers before the called. */
#include "mount.h"
#include "mountpoint.h"
#include "notify.h"
#include "operations.h"
#include "raw.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORKERS 8
#define MANY_FILES 2000
#define PATIENCE 10000       /* milliseconds that running operations get at the end */
#define WATCHED_TIMEOUT 3600 /* seconds; the notifier takes back what changes */
#define TIMEOUT 1

static int
complain (const GError *error)
{
  fprintf (stderr, "vmsnapfs: %s\n", error->message);
  return EXIT_FAILURE;
}

/* A disk may be in a thousand images, and many disks may be open.  The kernel makes its table of
 * descriptors larger when it has to, and as soon as there are threads that takes it 20 ms: so it
 * has to now, after the fork and before there are. */
static void
allow_many_files (void)
{
  struct rlimit files;
  int high;

  if (getrlimit (RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit (RLIMIT_NOFILE, &files);
  }
  high = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, MANY_FILES);
  if (high >= 0)
    close (high);
}

/* A path has to stay right after chdir; a URI (a scheme before the first ':') is nobody's path. */
static gboolean
settle_source (Options *options, GError **error)
{
  const char *source = options->source;
  gsize scheme;
  char *real;

  if (g_str_has_prefix (source, "local:"))
    source += strlen ("local:");
  scheme = strspn (source, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "+-.");
  if (scheme > 0 && source[scheme] == ':')
    return TRUE;
  real = realpath (source, NULL);
  if (real == NULL)
    return fail_errno (error, "cannot open \"%s\"", source);
  g_free (options->source);
  options->source = g_strdup (real);
  free (real);
  return TRUE;
}

/* @text with what separates mount options escaped. */
static char *
escape_option (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (; *text != '\0'; text++) {
    if (*text == ',' || *text == '\\')
      g_string_append_c (out, '\\');
    g_string_append_c (out, *text);
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static struct fuse_session *
session_new (const Options *options, Mount *mount, GError **error)
{
  g_autofree char *name = escape_option (options->source);
  g_autofree char *list = g_strdup_printf (
      "default_permissions,max_read=%d,fsname=%s,subtype=vmsnapfs%s%s", RAW_READ_LIMIT, name,
      options->kernel->len > 0 ? "," : "", options->kernel->str);
  struct fuse_args args = FUSE_ARGS_INIT (0, NULL);
  struct fuse_session *session;

  fuse_opt_add_arg (&args, "vmsnapfs");
  fuse_opt_add_arg (&args, "-o");
  fuse_opt_add_arg (&args, list);
  if (options->debug)
    fuse_opt_add_arg (&args, "-d");
  session = fuse_session_new (&args, &operations, sizeof operations, mount);
  fuse_opt_free_args (&args);
  if (session == NULL)
    fail (error, BACKEND_ERROR_FAILED, "libfuse refuses the mount options \"%s\"", list);
  return session;
}

/* Gives up the terminal and whoever waits for our output. */
static void
go_silent (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  for (int fd = 0; null >= 0 && fd <= 2; fd++)
    dup2 (null, fd);
  if (null > 2)
    close (null);
}

/* Tells the parent (@ready) that the mount is there. */
static void
announce (int ready)
{
  if (chdir ("/") != 0)
    g_debug ("cannot leave the working directory");
  go_silent ();
  if (write (ready, "", 1) != 1)
    g_debug ("nobody waits for the mount");
  close (ready);
}

/* What has to come to rest before the tree goes. */
typedef struct {
  Mount *mount;
  gboolean settled;
  gboolean finished; /* FALSE: an operation does not end, so nothing that it uses may be freed */
} Life;

static gboolean
let_finish (const Mount *mount)
{
  return mount->options->single || (pool_drain (mount->pools[WAIT_TO_CHANGE], PATIENCE) &&
                                    pool_drain (mount->pools[WAIT_TO_READ], PATIENCE));
}

/* At a signal while the loop still serves, else after it; whichever comes first. */
static void
settle (void *data)
{
  Life *life = data;

  if (life->settled)
    return;
  life->settled = TRUE;
  life->finished = let_finish (life->mount);
  if (life->finished && life->mount->notifier != NULL)
    notifier_stop (life->mount->notifier);
}

/* Serves until somebody unmounts or a signal comes. */
static int
serve (Life *life, int ready)
{
  struct fuse_session *session = life->mount->session;
  Signals *signals = signals_start (session, settle, life);
  int result;

  if (ready >= 0)
    announce (ready);
  result = fuse_session_loop (session);
  signals_stop (signals);
  /* The poke that ended it is no failure. */
  return result == 0 || result == -EINTR ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
start_workers (Mount *mount)
{
  static const char *const names[WAIT_KINDS] = {
    [WAIT_TO_READ] = "read",
    [WAIT_TO_MEASURE] = "measure",
    [WAIT_FOR_STORAGE] = "storage",
    [WAIT_TO_CHANGE] = "change",
  };

  for (WaitFor what = WAIT_TO_READ; what < WAIT_KINDS && !mount->options->single; what++)
    mount->pools[what] = pool_new (names[what], WORKERS);
}

static void
stop_workers (Mount *mount)
{
  for (WaitFor what = WAIT_TO_READ; what < WAIT_KINDS && !mount->options->single; what++)
    pool_free (mount->pools[what]);
}

/* When nothing new comes in any more. */
static gboolean
all_is_answered (const Mount *mount)
{
  gboolean all = TRUE;

  for (WaitFor what = WAIT_TO_READ; what < WAIT_KINDS && !mount->options->single; what++)
    all = all && pool_drain (mount->pools[what], PATIENCE);
  return all;
}

/* The mounted life: threads, loop, and the way down.  Closes the backend. */
static int
run_mounted (Mount *mount, int ready, GError **error)
{
  Life life = { .mount = mount };
  gboolean can_serve = TRUE, finished;
  int result = EXIT_FAILURE;

  if (backend_can_watch (mount->backend)) {
    mount->notifier = notifier_new (mount);
    can_serve = backend_watch (mount->backend, notifier_changed, mount->notifier, error);
  }
  start_workers (mount);
  if (can_serve)
    result = serve (&life, ready);
  settle (&life);
  /* Reads of disks may have gone on until now.  Who still replies needs the session. */
  finished = life.finished && all_is_answered (mount);
  fuse_session_unmount (mount->session);
  if (!finished)
    _exit (result);
  stop_workers (mount);
  /* Readers of disks are the backend's. */
  opened_free (mount->opened);
  backend_close (mount->backend);
  if (mount->notifier != NULL)
    notifier_free (mount->notifier);
  return result;
}

static int
mount_and_run (Options *options, Backend *backend, int ready)
{
  g_autoptr (GError) error = NULL;
  gboolean watched = backend_can_watch (backend);
  Mount mount = { .options = options,
                  .backend = backend,
                  .timeout = watched ? WATCHED_TIMEOUT : TIMEOUT,
                  .started = g_get_real_time () / G_USEC_PER_SEC };
  int result = EXIT_FAILURE;

  allow_many_files ();
  signals_hold ();
  mount.session = session_new (options, &mount, &error);
  if (mount.session != NULL && fuse_session_mount (mount.session, options->mountpoint) != 0)
    fail (&error, BACKEND_ERROR_FAILED, "cannot mount on \"%s\"", options->mountpoint);
  if (error == NULL) {
    mount.nodes = nodes_new (&root_kind);
    mount.opened = opened_new ();
    mount.buffers = buffers_new (RAW_READ_LIMIT);
    result = run_mounted (&mount, ready, &error);
    buffers_free (mount.buffers);
  } else {
    backend_close (backend);
  }
  if (mount.session != NULL)
    fuse_session_destroy (mount.session);
  if (mount.nodes != NULL)
    nodes_free (mount.nodes);
  return error != NULL ? complain (error) : result;
}

static int
run (Options *options, GError **error)
{
  BackendOptions backend_options = { .read_only = options->read_only,
                                     .allow = (const char *const *)options->allow->pdata,
                                     .hook = options->hook,
                                     .hook_seconds = options->hook_seconds,
                                     .poll_seconds = options->poll };
  g_autoptr (Backend) backend = NULL;
  int ready = -1;

  if (!settle_source (options, error))
    return EXIT_FAILURE;
  backend = backend_open (options->source, &backend_options, error);
  if (backend == NULL || !mountpoint_prepare (options, backend_directory (backend), error))
    return EXIT_FAILURE;
  if (!options->foreground)
    ready = mountpoint_fork (options->mountpoint);
  return mount_and_run (options, g_steal_pointer (&backend), ready);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Options) options = options_parse (argc, argv, &error);
  int result = EXIT_SUCCESS;

  if (options == NULL)
    return complain (error);
  if (options->help)
    g_print ("%s", options_help);
  else if (options->version)
    g_print ("vmsnapfs %s\n", VMSNAPFS_VERSION);
  else if (options->rows)
    tree_print_rows ();
  else
    result = run (options, &error);
  return error != NULL ? complain (error) : result;
}
