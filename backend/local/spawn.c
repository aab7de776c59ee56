/* Making a child as posix_spawn does, by a clone that shares our memory until it executes: a fork
 * would copy the page tables of a large daemon for every operation.  posix_spawn itself cannot do,
 * because it knows neither resource limits nor PR_SET_PDEATHSIG.  So child_main runs in our memory
 * while the calling thread is stopped: it allocates nothing, takes no lock and makes system calls
 * only, by syscall(), which no sanitizer intercepts. */
#include "spawn.h"
#include "../threads.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE (64 * 1024)
#define MAX_FILES 65536 /* a chain needs a descriptor for each layer */

/* ThreadSanitizer's clone turns itself off in the child, and with the memory shared, in us. */
#ifdef __SANITIZE_THREAD__
int __clone (int (*run) (void *), void *stack, int flags, void *data, ...);
#define clone __clone
#endif

/* All that the child needs, made before it is. */
typedef struct {
  const Spawn *wanted;
  pid_t parent;
  struct rlimit files;
  struct rlimit space;
  const char *failed_at; /* written by the child: what went wrong before it became another … */
  int failure;           /* … and its errno */
} Start;

/* ---- in the child ---- */

static int
child_failed (Start *start, const char *at)
{
  start->failed_at = at;
  start->failure = errno;
  syscall (SYS_exit_group, 127);
  return 127;
}

/* Our handlers must never run in the child: they would work on the parent's memory. */
static void
child_default_signals (void)
{
  static const unsigned long nothing[32];
  for (int number = 1; number < _NSIG; number++)
    syscall (SYS_rt_sigaction, number, nothing, NULL, _NSIG / 8);
  syscall (SYS_rt_sigprocmask, SIG_SETMASK, nothing, NULL, _NSIG / 8);
}

/* By way of high numbers, for a stream of ours may have one of the numbers 0 to 2. */
static gboolean
child_streams (const Start *start)
{
  const Spawn *wanted = start->wanted;
  const int from[] = { wanted->streams[0], wanted->streams[1], wanted->streams[2], wanted->keep[0],
                       wanted->keep[1] };
  const int count = wanted->keep[0] < 0 ? 3 : wanted->keep[1] < 0 ? 4 : 5;
  long high[5];
  for (int i = 0; i < count; i++) {
    high[i] = syscall (SYS_fcntl, from[i], F_DUPFD, 10);
    if (high[i] < 0)
      return FALSE;
  }
  for (int i = 0; i < count; i++)
    if (syscall (SYS_dup3, high[i], i, 0) < 0)
      return FALSE;
  return syscall (SYS_close_range, count, ~0U, 0) == 0;
}

static gboolean
child_limits (const Start *start)
{
  const struct rlimit core = { 0, 0 };
  return syscall (SYS_prlimit64, 0, RLIMIT_CORE, &core, NULL) == 0 &&
         syscall (SYS_prlimit64, 0, RLIMIT_AS, &start->space, NULL) == 0 &&
         syscall (SYS_prlimit64, 0, RLIMIT_NOFILE, &start->files, NULL) == 0;
}

static gboolean
child_dies_with (Start *start)
{
  if (syscall (SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
    return child_failed (start, "prctl") == 0;
  /* The parent may have died before it could be said what is to happen then. */
  return syscall (SYS_getppid) == start->parent || child_failed (start, "getppid") == 0;
}

static int
child_main (void *data)
{
  static char *const environment[] = { (char *)"LC_ALL=C",
                                       (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
  Start *start = data;
  child_default_signals ();
  if (!start->wanted->survives && !child_dies_with (start))
    return 127;
  syscall (SYS_setsid); /* Ctrl-C is for us to act on */
  if (syscall (SYS_fchdir, start->wanted->directory) < 0)
    return child_failed (start, "entering its directory");
  if (!child_streams (start))
    return child_failed (start, "opening its streams");
  if (!child_limits (start))
    return child_failed (start, "setting its limits");
  syscall (SYS_execve, start->wanted->program, start->wanted->arguments, environment);
  return child_failed (start, "executing it");
}

/* ---- in the parent ---- */

/* As much as we may give of @resource, but no more than @most. */
static struct rlimit
limit_of (__rlimit_resource_t resource, rlim_t most)
{
  struct rlimit limit = { most, most };
  getrlimit (resource, &limit);
  limit.rlim_max = MIN (limit.rlim_max, most);
  limit.rlim_cur = limit.rlim_max;
  return limit;
}

/* -1 on error.  No signal handler of ours may run while the memory is shared. */
static pid_t
clone_child (Start *start, GError **error)
{
  g_autofree char *stack = g_malloc (STACK_SIZE);
  gsize top = ((gsize)stack + STACK_SIZE) & ~(gsize)15;
  sigset_t all, before;
  pid_t child;
  int failure;
  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, &before);
  child = clone (child_main, (void *)top, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
  failure = errno;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = failure;
  if (child < 0)
    fail_errno (error, "starting %s", start->wanted->program);
  return child;
}

pid_t
spawn (const Spawn *wanted, GError **error)
{
  Start start = {
    .wanted = wanted,
    .parent = getpid (),
    .files = limit_of (RLIMIT_NOFILE, MAX_FILES),
    .space = limit_of (RLIMIT_AS, wanted->space),
  };
  pid_t child = clone_child (&start, error);
  if (child < 0 || start.failed_at == NULL)
    return child;
  while (waitpid (child, NULL, 0) < 0 && errno == EINTR)
    ;
  errno = start.failure;
  fail_errno (error, "starting %s: %s", wanted->program, start.failed_at);
  return -1;
}
