#pragma once
#include "mount.h"

/* Tells the kernel what is no longer as it was told, on a thread of its own:
 * the kernel may make that thread wait for requests, so no request and no
 * other thread waits for it without a limit.
 *
 * It does not even begin where it would wait for long.  During a mkdir, rmdir
 * or rename the kernel holds the directory until the reply, and taking an
 * entry back needs the same lock: a daemon that is killed then leaves a thread
 * that the kernel cannot end, so /dev/fuse stays open and whoever waits for the
 * reply waits for ever (seen on Linux 6.18).  So notices about a domain are put
 * off until no such request of it is unanswered. */
typedef struct Notifier Notifier;

/* @mount: with its session; for as long as the notifier lives. */
Notifier *notifier_new (const Mount *mount);
/* A BackendChanged: any thread. */
void notifier_changed (const char *domain, gpointer notifier);
/* Waits until the kernel was told of all notices so far, so that who made the change does not see
 * what was before; for a short time at most, because what the kernel may have to wait for could
 * be waiting for this request's thread.  Not for a request that holds a directory. */
void notifier_settle (Notifier *notifier);
/* Ends the thread; further notices mean nothing.  While the loop still serves (or the kernel has
 * given the mount up), because until then the thread may have to wait for requests. */
void notifier_stop (Notifier *notifier);
/* After it was stopped and the backend, which may call notifier_changed to its end, was closed. */
void notifier_free (Notifier *notifier);
