#pragma once
#include "../error.h"
#include <libvirt/libvirt.h>

/* The one connection to libvirt, which may come and go.
 *
 * It is opened when it is first used, because it would not survive a fork.  When it is lost
 * everybody is refused at once; it is opened again by connection_keep, on a thread that can wait,
 * or where nobody keeps it by whoever comes next.  Any thread, but for what is said. */
typedef struct Connection Connection;

typedef struct {
  /* A new one, before anybody uses it; on the thread that opened it, with no lock held. */
  void (*opened) (virConnectPtr link, gpointer data);
  /* One that was opened is about to be closed; on a thread that may wait, with no lock held. */
  void (*closing) (virConnectPtr link, gpointer data);
  /* What is known may be out of date from now on; any thread, with no lock held. */
  void (*lost) (gpointer data);
  gpointer data;
} ConnectionHooks;

Connection *connection_new (const char *uri, gboolean read_only, const ConnectionHooks *hooks);
/* Nobody uses it any more. */
void connection_free (Connection *connection);

/* Opens it once and closes it again, to see whether that works.  The only one that may ask people
 * for passwords. */
gboolean connection_try (Connection *connection, GError **error);

/* A reference to what is open, given back with connection_done; NULL: UNREACHABLE. */
virConnectPtr connection_use (Connection *connection, GError **error);
void connection_done (virConnectPtr link);

/* From now on only connection_keep opens it again, and a host that does not answer is lost. */
void connection_is_kept (Connection *connection);
/* Opens it if it was lost; FALSE: it is not open. */
gboolean connection_keep (Connection *connection);

/* The end: every call that waits for libvirt fails now, and nobody opens it again. */
void connection_end (Connection *connection);

/* NULL while it is open or was never needed, else since when it is not, in words. */
char *connection_lost_since (Connection *connection);
gboolean connection_is_lost (Connection *connection);
/* Somebody knows that @link is dead. */
void connection_lose (Connection *connection, virConnectPtr link);

const char *connection_uri (const Connection *connection);

/* fail() for a call on @link that failed just now, on this thread: UNREACHABLE with a sentence that
 * says so where the connection is what failed, else what libvirt says. */
gboolean connection_fail (Connection *connection, virConnectPtr link, GError **error,
                          const char *format, ...) G_GNUC_PRINTF (4, 5);
