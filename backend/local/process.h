#pragma once
#include "../job.h"

/* One other program, from its start to its end: qemu-img (child.h), and what an administrator names
 * (hook.h).  What its end means is for its users to say. */
typedef struct Process Process;

typedef struct {
  const char *program;    /* absolute; its file name is what sentences call it */
  char *const *arguments; /* argv, ended by NULL */
  int directory;          /* to run in; borrowed */
  int keep[2];            /* descriptors that it gets as numbers 3 and 4; borrowed; -1: none from
                             there on */
  const char *input;      /* what it can read; NULL: nothing */
  guint64 space;          /* bytes of address space that it may have */
  gsize most;             /* bytes that it may write to standard output */
  gboolean survives;      /* nobody kills it, neither by us nor with us: it would leave behind what
                             others wait for.  Its standard input is keep[0], for it may close what
                             it does not know, and only its errors are kept */
} ProcessWanted;

typedef enum {
  PROCESS_ENDED,
  PROCESS_TIMED_OUT,
  PROCESS_CANCELLED,
  PROCESS_TOO_MUCH_OUTPUT,
  PROCESS_LOST,
} ProcessEnd;

#define PROCESS_MAX_ERRORS 4096 /* bytes that are kept of what it writes to standard error */

/* The thread that starts it awaits it; freeing one that was not awaited kills it, unless it
 * survives. */
Process *process_start (const ProcessWanted *wanted, GError **error);
void process_free (Process *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Process, process_free)

/* Waits for its end; it is killed, and all that is left of its process group, when @deadline
 * seconds have passed, when @job (NULL: none) is cancelled, and when it writes too much; one that
 * survives is left alone then.  *@status as of waitpid. */
ProcessEnd process_await (Process *process, Job *job, guint deadline, int *status);

/* What it wrote to standard output, of @length bytes, and to standard error, up to a NUL; once it
 * was awaited.  Free with g_free. */
char *process_output (const Process *process, gsize *length);
char *process_errors (const Process *process);

/* The first line that it wrote to standard error, without "@name: " before it; NULL: none.  Free
 * with g_free. */
char *process_sentence (const Process *process, const char *name);
