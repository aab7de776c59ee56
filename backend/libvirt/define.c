/* Metadata without data: redefining, describing, and which snapshot is current.
 *
 * libvirt takes a whole document for each.  What is not to change is taken from its own XML with
 * the passwords, which people never see: a document that was read, edited and written back must not
 * lose them.  So where the document says what was shown, libvirt gets what was not shown. */
#include "document.h"
#include "order.h"
#include "secrets.h"

#include "../redefine.h"

#include <string.h>

/* What the driver is to do with @document; the name of the snapshot or NULL. */
static char *
define (const Order *order, const char *document, guint flags, const char *name, GError **error)
{
  virDomainSnapshotPtr defined;
  char *called;

  if (!order_commit (order, error))
    return NULL;
  defined = virDomainSnapshotCreateXML (order->handle.domain, document,
                                        flags | VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE);
  if (defined == NULL) {
    order_fail (order, error, "cannot redefine the snapshot %s of %s", name, order->picture->name);
    return NULL;
  }
  called = g_strdup (virDomainSnapshotGetName (defined));
  virDomainSnapshotFree (defined);
  return called;
}

/* libvirt wants to be told that a snapshot is of disks only, where it knows such. */
static guint
disk_only_flag (const Order *order, const char *state)
{
  guint flag = VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY;

  return g_strcmp0 (state, "disk-snapshot") == 0 &&
                 abilities_knows_create (&order->libvirt->abilities, flag)
             ? flag
             : 0;
}

/* -------------------------------------------------------------------- redefine */

/* @said, or what libvirt has, where @said is nothing or what was shown of that; else with the
 * passwords that people could not see when they changed it.  Free with g_free; NULL: nothing. */
static char *
prefer_secret (const char *said, const char *shown, const char *secret)
{
  char *filled;

  if (secret == NULL || said == NULL)
    return g_strdup (said != NULL ? said : secret);
  if (shown != NULL && strcmp (said, shown) == 0)
    return g_strdup (secret);
  filled = document_with_passwords (said, secret);
  return filled != NULL ? filled : g_strdup (secret);
}

static SnapshotDescription *
parse (const char *xml)
{
  return xml == NULL ? NULL : snapshot_description_parse (xml, strlen (xml), NULL);
}

/* @snapshot: what the rules make of it; @old: what it is now, NULL: it is new. */
static char *
write_document (const Order *order, const Snapshot *snapshot, const Snapshot *old,
                const SnapshotDescription *said, GError **error)
{
  const Snapshot *parent =
      snapshot->parent == NULL ? NULL : domain_snapshot (order->picture, snapshot->parent);
  g_autofree char *secret_xml = old == NULL ? NULL : secrets_snapshot (order, old);
  g_autofree char *present = NULL;
  g_autofree char *kept = NULL;
  g_autofree char *disks = NULL;
  g_autofree char *domain = NULL;
  g_autoptr (SnapshotDescription) secret = parse (secret_xml);
  g_autoptr (SnapshotDescription) shown = old == NULL ? NULL : parse (old->xml->data);
  Redefinition redefinition = { .name = snapshot->name,
                                .description = snapshot->description,
                                .state = snapshot->state,
                                .parent = parent == NULL ? NULL : parent->name,
                                .created = snapshot->created,
                                .kept = said->kept_xml,
                                .disks = said->disks_xml,
                                .domain = said->domain_xml,
                                .uuid = order->picture->uuid };

  if (old != NULL && secret_xml == NULL) {
    order_fail (order, error, "cannot read the snapshot %s of %s", old->name, order->picture->name);
    return NULL;
  }
  if (shown != NULL && secret != NULL) {
    redefinition.kept = kept = prefer_secret (said->kept_xml, shown->kept_xml, secret->kept_xml);
    redefinition.disks = disks =
        prefer_secret (said->disks_xml, shown->disks_xml, secret->disks_xml);
    redefinition.domain = domain =
        prefer_secret (said->domain_xml, shown->domain_xml, secret->domain_xml);
  }
  /* libvirt takes no new one without a description of its machine.  One that is there keeps what it
   * has, even if that is none. */
  if (old == NULL && redefinition.domain == NULL)
    redefinition.domain = present = secrets_domain (order, snapshot->state);
  return document_redefine (&redefinition, error);
}

static char *
find_defined (Order *order, const char *name, GError **error)
{
  g_autoptr (Domain) after = order_look (order, error);
  const Snapshot *snapshot = after == NULL ? NULL : domain_named (after, name, 0);

  if (after != NULL && snapshot == NULL)
    fail (error, BACKEND_ERROR_STALE, "the snapshot %s was redefined and is gone again", name);
  return snapshot == NULL ? NULL : g_strdup (snapshot->id);
}

static char *
redefine (Order *order, const SnapshotDescription *description, const RedefineOptions *options,
          GError **error)
{
  g_autoptr (Snapshot) snapshot = redefine_snapshot (order->picture, description, options, error);
  const Snapshot *old;
  g_autofree char *document = NULL;
  g_autofree char *called = NULL;

  if (snapshot == NULL)
    return NULL;
  old = domain_snapshot (order->picture, snapshot->id);
  order->touched = old == NULL ? NULL : g_strdup (old->id);
  document = write_document (order, snapshot, old, description, error);
  if (document == NULL)
    return NULL;
  called = define (order, document,
                   (options->current ? VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT : 0) |
                       disk_only_flag (order, snapshot->state),
                   snapshot->name, error);
  return called == NULL ? NULL : find_defined (order, called, error);
}

/* What a driver cannot do is no question of the document. */
static gboolean
check_can (const Order *order, BackendCan can, const char *what, GError **error)
{
  return (order->picture->can & can) == can ||
         fail (error, BACKEND_ERROR_UNSUPPORTED, "the driver of %s cannot %s", order->picture->name,
               what);
}

char *
order_redefine (Backend *backend, const char *domain, const SnapshotDescription *description,
                const RedefineOptions *options, Job *job, GError **error)
{
  g_auto (Order) order = { 0 };

  return order_begin (&order, backend, domain, job, error) &&
                 check_can (&order, CAN_REDEFINE, "redefine snapshots", error)
             ? redefine (&order, description, options, error)
             : NULL;
}

/* -------------------------------------------------------------------- its own document again */

/* @describe NULL: the same document. */
static gboolean
define_again (Order *order, const Snapshot *snapshot, const char *describe, guint flags,
              GError **error)
{
  virDomainSnapshotPtr found = order_handle (order, snapshot, error);
  g_autofree char *xml = NULL;
  g_autofree char *document = NULL;
  g_autofree char *called = NULL;

  if (found == NULL)
    return FALSE;
  virDomainSnapshotFree (found);
  xml = secrets_snapshot (order, snapshot);
  if (xml == NULL)
    return order_fail (order, error, "cannot read the snapshot %s of %s", snapshot->name,
                       order->picture->name);
  document = describe == NULL ? g_strdup (xml) : document_describe (xml, describe, error);
  if (document == NULL)
    return FALSE;
  order->touched = g_strdup (snapshot->id);
  called = define (order, document, flags | disk_only_flag (order, snapshot->state), snapshot->name,
                   error);
  return called != NULL;
}

gboolean
order_describe (Backend *backend, const char *domain, const char *id, const char *text, Job *job,
                GError **error)
{
  g_auto (Order) order = { 0 };
  const Snapshot *snapshot;

  if (!order_begin (&order, backend, domain, job, error) ||
      !check_can (&order, CAN_DESCRIBE, "change a description", error))
    return FALSE;
  snapshot = order_find (&order, id, error);
  return snapshot != NULL && define_again (&order, snapshot, text, 0, error);
}

gboolean
order_current (Backend *backend, const char *domain, const char *id, const char *instead_of,
               Job *job, GError **error)
{
  g_auto (Order) order = { 0 };
  const Snapshot *snapshot;

  if (!order_begin (&order, backend, domain, job, error) ||
      !check_can (&order, CAN_CURRENT, "make a snapshot current without reverting to it", error) ||
      !plan_check_current (order.picture, id, instead_of, error))
    return FALSE;
  if (id == NULL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "libvirt cannot leave %s without a current snapshot", domain);
  snapshot = order_find (&order, id, error);
  return snapshot != NULL &&
         define_again (&order, snapshot, NULL, VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT, error);
}
