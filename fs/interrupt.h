#pragma once
#include <glib.h>
#include <sys/types.h>

/* Whether somebody wants the process @pid (a thread's number, as FUSE gives it) to stop what it
 * does. The kernel interrupts a request for every signal that the caller handles, also for a child
 * that ended (SIGCHLD) or a window that was resized; only INT, TERM, QUIT, HUP and KILL are meant,
 * and a process that is gone.  TRUE when it cannot be found out.  Does not block. */
gboolean interrupt_is_meant (pid_t pid);
