#pragma once
#include "handle.h"
#include "own.h"

/* An order to libvirt to change a domain: what all have in common, and each of them. */

/* One change from its beginning to its end.  Others of the same domain are BUSY until then. */
typedef struct {
  Libvirt *libvirt;
  Machine *machine; /* NULL: it did not begin */
  Job *job;
  Domain *picture; /* as it is now */
  Handle handle;
  char *touched; /* id of the snapshot whose metadata change; NULL: none */
} Order;

/* NOT_FOUND, BUSY, UNREACHABLE, CANCELLED. */
gboolean order_begin (Order *order, Backend *backend, const char *domain, Job *job, GError **error);
/* Whatever came of it: what was known is no longer good, and who watches is told. */
void order_end (Order *order);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Order, order_end)

/* The snapshot @id of the picture: NOT_FOUND, or UNSUPPORTED for one that libvirt does not find. */
const Snapshot *order_find (const Order *order, const char *id, GError **error);
/* The same for libvirt, after a look that it still is who it was: STALE. */
virDomainSnapshotPtr order_handle (const Order *order, const Snapshot *snapshot, GError **error);

/* Whether what libvirt has under its name is @snapshot: its XML is the picture's, or at least its
 * time. */
gboolean order_is_still (virDomainSnapshotPtr found, const Snapshot *snapshot);

/* From here on its outcome is libvirt's.  FALSE: CANCELLED. */
gboolean order_commit (const Order *order, GError **error);
/* fail() for a call that was to change something and failed just now on this thread: also where
 * nobody knows whether it did. */
gboolean order_fail (const Order *order, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* A picture of what came of it; NULL: UNREACHABLE. */
Domain *order_look (const Order *order, GError **error);

/* take.c, define.c, drop.c, go-back.c: functions of BackendOps. */
char *order_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
                    GError **error);
/* The same within another change. */
char *order_take (const Order *order, const CreateOptions *options, GError **error);
char *order_redefine (Backend *backend, const char *domain, const SnapshotDescription *description,
                      const RedefineOptions *options, Job *job, GError **error);
gboolean order_describe (Backend *backend, const char *domain, const char *snapshot,
                         const char *text, Job *job, GError **error);
gboolean order_current (Backend *backend, const char *domain, const char *snapshot,
                        const char *instead_of, Job *job, GError **error);
gboolean order_discard (Backend *backend, const char *domain, const char *snapshot,
                        DiscardMode mode, Job *job, GError **error);
gboolean order_revert (Backend *backend, const char *domain, const char *snapshot,
                       const RevertOptions *options, Job *job, GError **error);
