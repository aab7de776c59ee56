#pragma once
#include "../error.h"

/* QEMU's guest agent: freezing and thawing the file systems of a guest.
 *
 * The agent runs in the guest, which may be hostile: nothing that it says is believed beyond what
 * it says, and whatever it does or does not do, no call takes longer than its deadline
 * (microseconds of g_get_monotonic_time).  After any failure but FAILED and UNSUPPORTED the agent
 * is to be connected to anew: its answer may still come.  One thread at a time.  The errors:
 *
 *   NOT_FOUND     there is no socket, or nobody listens on it: no QEMU is behind it
 *   UNREACHABLE   no answer that makes sense, in time
 *   UNSUPPORTED   it says that it cannot
 *   FAILED        it says that something went wrong */
typedef struct Agent Agent;

/* Connects to the socket at @path, and gets in step: what an earlier client asked for is answered
 * and thrown away when this returns. */
Agent *agent_connect (const char *path, gint64 deadline, GError **error);
void agent_close (Agent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Agent, agent_close)

gboolean agent_is_frozen (Agent *agent, gboolean *frozen, gint64 deadline, GError **error);

/* *@count: the file systems that are frozen now.  Whatever fails, they may be frozen. */
gboolean agent_freeze (Agent *agent, guint *count, gint64 deadline, GError **error);

/* Thaws, and asks whether that is so. */
gboolean agent_thaw (Agent *agent, gint64 deadline, GError **error);
