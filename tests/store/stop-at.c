/* Runs a program and kills it, with all that it started, just before its N-th call that changes
 * something:
 *
 *   stop-at N REPORT STORE PROGRAM ARGUMENT...
 *
 * REPORT gets a line "NUMBER DIGEST CALL OBJECT" for every such call, in the order in which they
 * were made by all threads and children together; the last is the one that was not made any more.
 * DIGEST is of the names and bytes of all files below STORE just before.  N 0 kills nothing.
 *
 * strace's injection counts for each system call and each thread by itself, so what a second thread
 * or a child does with a number that the first reaches before cannot be hit at all.  Here there is
 * one count, so each moment between two changes is a number.  A filter stops only the calls of the
 * table, which makes it fast. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_TRACED 256
#define OPTIONS                                                                                    \
  (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |        \
   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

/* What a call changes, and with that what decides whether it is counted. */
typedef enum {
  A_PATH,
  AN_OPEN_PATH, /* when it can make or change the file */
  A_FILE,
  DATA,   /* when it is a regular file: pipes and events change nothing that lasts */
  CLONE,  /* when that is what the call asks for */
  SPEECH, /* a command to a machine, or its answer: before one is after the other */
} Kind;

typedef struct {
  long number;
  const char *name;
  Kind kind;
  int argument; /* which names the object */
  int flags;    /* of AN_OPEN_PATH: which has them; of CLONE: which says what is asked for */
} Call;

static const Call calls[] = {
  { SYS_openat, "openat", AN_OPEN_PATH, 1, 2 },
  { SYS_write, "write", DATA, 0, 0 },
  { SYS_writev, "writev", DATA, 0, 0 },
  { SYS_pwrite64, "pwrite64", DATA, 0, 0 },
  { SYS_pwritev, "pwritev", DATA, 0, 0 },
  { SYS_pwritev2, "pwritev2", DATA, 0, 0 },
  { SYS_copy_file_range, "copy_file_range", A_FILE, 2, 0 },
  { SYS_ioctl, "ioctl", CLONE, 0, 1 },
  { SYS_ftruncate, "ftruncate", A_FILE, 0, 0 },
  { SYS_fallocate, "fallocate", A_FILE, 0, 0 },
  { SYS_fsync, "fsync", A_FILE, 0, 0 },
  { SYS_fdatasync, "fdatasync", A_FILE, 0, 0 },
  { SYS_fchmod, "fchmod", A_FILE, 0, 0 },
  { SYS_fchmodat, "fchmodat", A_PATH, 1, 0 },
  { SYS_fchown, "fchown", A_FILE, 0, 0 },
  { SYS_fchownat, "fchownat", A_PATH, 1, 0 },
  { SYS_fsetxattr, "fsetxattr", A_FILE, 0, 0 },
  { SYS_linkat, "linkat", A_PATH, 3, 0 },
  { SYS_renameat2, "renameat2", A_PATH, 3, 0 },
  { SYS_unlinkat, "unlinkat", A_PATH, 1, 0 },
  { SYS_mkdirat, "mkdirat", A_PATH, 1, 0 },
  { SYS_execve, "execve", A_PATH, 0, 0 },
  { SYS_sendto, "sendto", SPEECH, 0, 0 },
  { SYS_recvfrom, "recvfrom", SPEECH, 0, 0 },
#ifdef SYS_renameat
  { SYS_renameat, "renameat", A_PATH, 3, 0 },
#endif
#ifdef SYS_open /* where the old calls without a directory are still there */
  { SYS_open, "open", AN_OPEN_PATH, 0, 1 },
  { SYS_chmod, "chmod", A_PATH, 0, 0 },
  { SYS_chown, "chown", A_PATH, 0, 0 },
  { SYS_link, "link", A_PATH, 1, 0 },
  { SYS_rename, "rename", A_PATH, 1, 0 },
  { SYS_unlink, "unlink", A_PATH, 0, 0 },
  { SYS_mkdir, "mkdir", A_PATH, 0, 0 },
#endif
};
#define CALLS (sizeof calls / sizeof *calls)

static struct {
  pid_t traced[MOST_TRACED];
  int count;
  unsigned long stop_at;
  unsigned long number;
  FILE *report;
  const char *store;
} state;

static void __attribute__ ((noreturn, format (printf, 1, 2))) give_up (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fprintf (stderr, ": %s\n", strerror (errno));
  exit (125);
}

/* ---- in the program, before it is one */

static void
install_filter (void)
{
  struct sock_filter code[2 * CALLS + 2];
  struct sock_fprog program = { 0, code };
  const struct sock_filter load =
      BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr));
  const struct sock_filter allow = BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const struct sock_filter trace = BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_TRACE);

  code[program.len++] = load;
  for (size_t i = 0; i < CALLS; i++) {
    const struct sock_filter skip =
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);

    code[program.len++] = skip;
    code[program.len++] = trace;
  }
  code[program.len++] = allow;
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    give_up ("seccomp");
}

static void __attribute__ ((noreturn)) become (char **argv)
{
  if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) < 0)
    give_up ("ptrace");
  raise (SIGSTOP); /* until the tracer has set its options */
  install_filter ();
  execvp (argv[0], argv);
  give_up ("%s", argv[0]);
}

/* ---- those that are traced */

/* FALSE: it was known already. */
static int
remember (pid_t pid)
{
  for (int i = 0; i < state.count; i++)
    if (state.traced[i] == pid)
      return 0;
  if (state.count == MOST_TRACED) {
    errno = ENOSPC;
    give_up ("too many threads");
  }
  state.traced[state.count++] = pid;
  return 1;
}

static void
forget (pid_t pid)
{
  for (int i = 0; i < state.count; i++)
    if (state.traced[i] == pid)
      state.traced[i] = state.traced[--state.count];
}

/* Ends when none of them can do anything any more.  A child that was just made is not remembered
 * yet: it shows itself by its first stop, and would stay in it for ever. */
static void __attribute__ ((noreturn)) kill_all (void)
{
  int status;
  pid_t pid;

  for (int i = 0; i < state.count; i++)
    kill (state.traced[i], SIGKILL);
  while ((pid = waitpid (-1, &status, __WALL)) > 0 || errno == EINTR)
    if (pid > 0 && WIFSTOPPED (status))
      kill (pid, SIGKILL);
  fclose (state.report);
  exit (128 + SIGKILL);
}

/* ---- what is on disk */

static uint64_t digest; /* what nftw adds up: no order matters */

static uint64_t
mix (uint64_t sum, const void *data, size_t size)
{
  const unsigned char *bytes = data;

  for (size_t i = 0; i < size; i++)
    sum = (sum ^ bytes[i]) * 0x100000001b3; /* FNV-1a */
  return sum;
}

static int
add_file (const char *path, const struct stat *status, int type, struct FTW *where)
{
  static char buffer[1 << 16];
  uint64_t sum = mix (0xcbf29ce484222325, path, strlen (path));
  int fd = type == FTW_F ? open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;

  (void)where;
  sum = mix (sum, &status->st_mode, sizeof status->st_mode);
  for (ssize_t count; fd >= 0 && (count = read (fd, buffer, sizeof buffer)) > 0;)
    sum = mix (sum, buffer, (size_t)count);
  if (fd >= 0)
    close (fd);
  digest += sum;
  return 0;
}

static uint64_t
digest_store (void)
{
  digest = 0;
  nftw (state.store, add_file, 16, FTW_PHYS);
  return digest;
}

/* ---- one call */

static const Call *
find_call (unsigned long long number)
{
  for (size_t i = 0; i < CALLS; i++)
    if ((unsigned long long)calls[i].number == number)
      return &calls[i];
  return NULL;
}

static void
read_path (pid_t pid, unsigned long long address, char *path, size_t size)
{
  struct iovec here = { path, size - 1 };
  struct iovec there = { (void *)(uintptr_t)address, size - 1 };
  ssize_t length = process_vm_readv (pid, &here, 1, &there, 1, 0);

  /* A page behind the string may be missing: then a short one is all there is. */
  for (there.iov_len = size / 2; length < 0 && there.iov_len > 0; there.iov_len /= 2)
    length = process_vm_readv (pid, &here, 1, &there, 1, 0);
  path[length < 0 ? 0 : length] = '\0';
}

static void
read_link (pid_t pid, unsigned long long fd, char *path, size_t size)
{
  char name[64];
  ssize_t length;

  snprintf (name, sizeof name, "/proc/%d/fd/%d", (int)pid, (int)fd);
  length = readlink (name, path, size - 1);
  path[length < 0 ? 0 : length] = '\0';
}

static int
is_regular (pid_t pid, unsigned long long fd)
{
  char name[64];
  struct stat status;

  snprintf (name, sizeof name, "/proc/%d/fd/%d", (int)pid, (int)fd);
  return stat (name, &status) == 0 && S_ISREG (status.st_mode);
}

static int
counts (pid_t pid, const Call *call, const uint64_t *arguments)
{
  if (call->kind == DATA)
    return is_regular (pid, arguments[call->argument]);
  if (call->kind == AN_OPEN_PATH)
    return (arguments[call->flags] & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR)) != 0;
  if (call->kind == CLONE)
    return arguments[call->flags] == FICLONE;
  return 1;
}

static void
consider (pid_t pid)
{
  struct __ptrace_syscall_info info;
  char object[512];
  const Call *call;

  if (ptrace (PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) < 0)
    return; /* killed meanwhile */
  call = find_call (info.seccomp.nr);
  if (call == NULL || !counts (pid, call, info.seccomp.args))
    return;
  if (call->kind == A_PATH || call->kind == AN_OPEN_PATH)
    read_path (pid, info.seccomp.args[call->argument], object, sizeof object);
  else
    read_link (pid, info.seccomp.args[call->argument], object, sizeof object);
  fprintf (state.report, "%lu %016" PRIx64 " %s %s\n", ++state.number, digest_store (), call->name,
           object);
  if (state.number == state.stop_at)
    kill_all ();
}

/* ---- all of them */

static void
handle_stop (pid_t pid, int status)
{
  int signal = WSTOPSIG (status), event = status >> 16;
  int new = remember (pid);

  if (event == PTRACE_EVENT_SECCOMP)
    consider (pid);
  /* A new one begins with a stop of its own. */
  if (event != 0 || signal == SIGTRAP || (new &&signal == SIGSTOP))
    signal = 0;
  ptrace (PTRACE_CONT, pid, NULL, (void *)(long)signal);
}

static int
trace_until_end (pid_t program)
{
  int status, result = 125;
  pid_t pid;

  while ((pid = waitpid (-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (pid < 0)
      continue;
    if (WIFSTOPPED (status)) {
      handle_stop (pid, status);
      continue;
    }
    forget (pid);
    if (pid == program)
      result = WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
  }
  return result;
}

int
main (int argc, char **argv)
{
  int status;
  pid_t program;

  if (argc < 5) {
    fprintf (stderr, "usage: stop-at N REPORT STORE PROGRAM ARGUMENT...\n");
    return 2;
  }
  state.stop_at = strtoul (argv[1], NULL, 10);
  state.store = argv[3];
  state.report = fopen (argv[2], "we");
  if (state.report == NULL)
    give_up ("%s", argv[2]);
  program = fork ();
  if (program == 0)
    become (argv + 4);
  if (program < 0 || waitpid (program, &status, __WALL) < 0 || !WIFSTOPPED (status) ||
      ptrace (PTRACE_SETOPTIONS, program, NULL, (void *)OPTIONS) < 0)
    give_up ("%s", argv[4]);
  remember (program);
  ptrace (PTRACE_CONT, program, NULL, NULL);
  status = trace_until_end (program);
  fclose (state.report);
  return status;
}
