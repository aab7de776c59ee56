/* Taking a snapshot.
 *
 * The new one becomes current and the former current its parent: that is libvirt's own rule, and
 * there is no other.  A name is always given, so that the snapshot can be found whatever libvirt
 * would have called it.
 *
 * One of a single disk is one that leaves out all others, and stands where libvirt puts it. */
#include "attend.h"
#include "document.h"
#include "order.h"

#include "../create.h"
#include "../xml-tree.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  CreateFlags flag;
  guint libvirt;
  const char *option;
} flags[] = {
  { CREATE_DISK_ONLY, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY, "--disk-only" },
  { CREATE_QUIESCE, VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE, "--quiesce" },
  { CREATE_ATOMIC, VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC, "--atomic" },
  { CREATE_LIVE, VIR_DOMAIN_SNAPSHOT_CREATE_LIVE, "--live" },
  { CREATE_HALT, VIR_DOMAIN_SNAPSHOT_CREATE_HALT, "--halt" },
  { CREATE_NO_METADATA, VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA, "--no-metadata" },
  { CREATE_REUSE_EXTERNAL, VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT, "--reuse-external" },
};

/* A driver whose snapshots have no metadata ignores this one, and would keep the snapshot. */
static gboolean
can_forget (const Order *order)
{
  const GPtrArray *all = domain_snapshots (order->picture);

  for (guint i = 0; i < all->len; i++)
    if (!((const Snapshot *)g_ptr_array_index (all, i))->metadata)
      return FALSE;
  return (order->picture->can & CAN_FORGET) != 0;
}

static gboolean
translate (const Order *order, CreateFlags asked, guint *translated, GError **error)
{
  *translated = 0;
  if ((asked & CREATE_NO_METADATA) != 0 && !can_forget (order))
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "here no snapshot can be taken without a record of it");
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++) {
    if ((asked & flags[i].flag) == 0)
      continue;
    if (!abilities_knows_create (&order->libvirt->abilities, flags[i].libvirt))
      return fail (error, BACKEND_ERROR_UNSUPPORTED, "the driver of %s does not know %s",
                   order->picture->name, flags[i].option);
    *translated |= flags[i].libvirt;
  }
  return TRUE;
}

static gboolean
check (const Order *order, const CreateOptions *options, GError **error)
{
  const Domain *picture = order->picture;
  g_autofree char *quiesced = NULL; /* libvirt keeps no note of it */
  const char *parent;

  if (!create_parent (picture, options, &parent, error))
    return FALSE;
  if (options->from != NULL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "libvirt cannot copy a snapshot");
  if (g_strcmp0 (parent, picture->current) != 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "with libvirt a new snapshot's parent is always the current one");
  if (options->compression != NULL)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "libvirt compresses no snapshots (but see snapshot_image_format in qemu.conf)");
  /* It would take one without a word. */
  if (virDomainIsActive (order->handle.domain) != 1 &&
      !create_quiesced_off (options, &quiesced, error))
    return FALSE;
  return create_check_disks (options, picture, error);
}

/* -------------------------------------------------------------------- of one disk */

static void
add_request (GPtrArray *requests, char *target, const char *snapshot)
{
  DiskRequest *request = g_new0 (DiskRequest, 1);

  request->name = target;
  request->snapshot = g_strdup (snapshot);
  g_ptr_array_add (requests, request);
}

static void
free_request (gpointer request)
{
  disk_request_free (request);
}

/* Of the disk @target alone: libvirt snapshots what it is not told of, floppies as well. */
static GPtrArray *
requests_for (const Domain *picture, const char *target)
{
  GPtrArray *requests = g_ptr_array_new_with_free_func (free_request);
  g_autoptr (xmlDoc) document = xml_parse (picture->xml->data, picture->xml->length, NULL);
  const xmlNode *root = document == NULL ? NULL : xmlDocGetRootElement (document);
  const xmlNode *devices = root == NULL ? NULL : xml_child (root, "devices");

  for (xmlNode *node = devices == NULL ? NULL : devices->children; node != NULL;
       node = node->next) {
    gboolean is_disk =
        node->type == XML_ELEMENT_NODE && strcmp ((const char *)node->name, "disk") == 0;
    const xmlNode *named = is_disk ? xml_child (node, "target") : NULL;
    char *name = named == NULL ? NULL : xml_attribute (named, "dev");

    if (name != NULL)
      add_request (requests, name, strcmp (name, target) == 0 ? "external" : "no");
  }
  return requests;
}

/* What was plugged in since the picture was made was not left out. */
static gboolean
check_is_of_one (const Domain *after, const Snapshot *snapshot, const char *target, GError **error)
{
  return g_strcmp0 (snapshot_single_disk (snapshot), target) == 0 ||
         fail (error, BACKEND_ERROR_BUSY,
               "the disks of %s changed meanwhile: %s was taken, and is of more than %s",
               after->name, snapshot->name, target);
}

/* -------------------------------------------------------------------- taking */

/* Snapshots have fewer states than machines. */
static const char *
state_for_document (const Order *order)
{
  const char *state = handle_state (&order->handle);

  return g_strcmp0 (state, "running") == 0 || g_strcmp0 (state, "paused") == 0 ? state : "shutoff";
}

/* What libvirt calls it; NULL.  A machine that is shut off offers nothing to abort. */
static char *
take (const Order *order, const char *document, guint libvirt_flags, const char *name,
      GError **error)
{
  gboolean runs = virDomainIsActive (order->handle.domain) == 1;
  virDomainSnapshotPtr made;
  char *called;

  if (!runs && !order_commit (order, error))
    return NULL;
  {
    g_autoptr (Attendant) attendant = runs ? attend (order->job, order->handle.domain) : NULL;

    made = virDomainSnapshotCreateXML (order->handle.domain, document, libvirt_flags);
    if (made == NULL)
      order_fail (order, error, "cannot take the snapshot %s of %s", name, order->picture->name);
  }
  if (made == NULL)
    return NULL;
  called = g_strdup (virDomainSnapshotGetName (made));
  virDomainSnapshotFree (made);
  return called;
}

static char *
find_id (const Order *order, const char *name, const char *disk, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (Domain) after = order_look (order, &problem);
  const Snapshot *snapshot = after == NULL ? NULL : domain_named (after, name, 0);

  if (snapshot == NULL)
    fail (error, BACKEND_ERROR_UNREACHABLE, "the snapshot %s was taken and cannot be found: %s",
          name, problem != NULL ? problem->message : "somebody has removed it already");
  if (snapshot == NULL || (disk != NULL && !check_is_of_one (after, snapshot, disk, error)))
    return NULL;
  return g_strdup (snapshot->id);
}

/* What was checked, in libvirt's words. */
static char *
take_as (const Order *order, const CreateOptions *options, GError **error)
{
  guint libvirt_flags;
  g_autofree char *name = NULL;
  g_autofree char *document = NULL;
  g_autofree char *called = NULL;

  if (!translate (order, options->flags, &libvirt_flags, error))
    return NULL;
  name = create_name (order->picture, options->name, error);
  if (name == NULL)
    return NULL;
  document = document_create (options, name, state_for_document (order), error);
  if (document == NULL)
    return NULL;
  called = take (order, document, libvirt_flags, name, error);
  if (called == NULL)
    return NULL;
  if ((options->flags & CREATE_NO_METADATA) != 0)
    return g_strdup ("");
  return find_id (order, called, options->disk, error);
}

char *
order_take (const Order *order, const CreateOptions *options, GError **error)
{
  CreateOptions of_disk = *options;
  g_autoptr (GPtrArray) requests = NULL;

  if (!check (order, options, error))
    return NULL;
  if (options->disk == NULL)
    return take_as (order, options, error);
  of_disk.disks = requests = requests_for (order->picture, options->disk);
  of_disk.flags |= CREATE_DISK_ONLY;
  return take_as (order, &of_disk, error);
}

char *
order_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
              GError **error)
{
  g_auto (Order) order = { 0 };

  return order_begin (&order, backend, domain, job, error) ? order_take (&order, options, error)
                                                           : NULL;
}
