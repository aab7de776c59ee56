#pragma once
#include "../job.h"

/* A qemu-img that runs while its maker does something else.  The thread that starts it finishes it;
 * freeing one that is not finished kills it. */
typedef struct Process Child;
Child *child_start (int directory, const char *const *arguments, GError **error);
gboolean child_finish (Child *child, Job *job, guint deadline, char **output, GError **error);
void child_free (Child *child);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Child, child_free)

/* Both in one: runs qemu-img with these arguments (without argv[0]; NULL-terminated) and waits for
 * its end.
 *
 * @directory: a descriptor of the directory to run in, so that file names can be bare; borrowed.
 * @job: when it is cancelled, the child is killed and the error is CANCELLED; NULL: cannot be.
 * @deadline: seconds after which it is killed.
 * @output: what it wrote to standard output, bounded; NULL: thrown away.
 *
 * The child gets an empty environment but LC_ALL=C and PATH, closed descriptors, resource limits,
 * and dies with the calling process (PR_SET_PDEATHSIG).  Its standard error, first line, "qemu-img:
 * " removed, becomes the message. A missing qemu-img is UNSUPPORTED with a sentence that says which
 * package to install; "No space left" is NO_SPACE; a lock that someone holds is BUSY; death by a
 * signal or any other is FAILED. May be called from any thread. */
gboolean child_qemu_img (int directory, const char *const *arguments, Job *job, guint deadline,
                         char **output, GError **error);

/* The same for a command whose exit status is its answer: *@status is that, and FALSE says that it
 * gave none (it is missing, was killed, took too long). */
gboolean child_qemu_img_status (int directory, const char *const *arguments, Job *job,
                                guint deadline, int *status, GError **error);
