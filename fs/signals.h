#pragma once
#include <fuse_lowlevel.h>

/* SIGTERM, SIGINT and SIGHUP end the loop; SIGPIPE means nothing. */
typedef struct Signals Signals;

/* From here on they wait for signals_start, so that none leaves a dead mount behind. */
void signals_hold (void);
/* Called by the thread that is going to run the loop.  @settle is called (on another) at a signal,
 * while the loop still serves. */
Signals *signals_start (struct fuse_session *session, void (*settle) (void *data), void *data);
/* After the loop; the signals are ignored from then on. */
void signals_stop (Signals *signals);
