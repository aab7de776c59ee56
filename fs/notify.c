/* Cache invalidation from the backend's change notices.
 *
 * The node table keeps the pictures from which the kernel was told something.
 * Each is compared with the present one: snapshots that are the same pointer
 * are the same, and of the others only what the kernel knows (has a node) is
 * taken back.  Our own changes come back as notices like everybody else's, so
 * nothing else in fs/ has to think of the kernel's caches.  A backend without
 * notices has short cache times instead, and this is never started. */
#include "notify.h"

#include "../backend/threads.h"
#include "names.h"
#include "place.h"
#include "tree.h"

#include <string.h>

#define SETTLE 1000   /* milliseconds */
#define EVERYTHING "" /* queued for a notice that domains came or went; no domain is called so */

struct Notifier {
  const Mount *mount;
  Queue *queue; /* of char * */
  Lock lock;
  GHashTable *queued; /* set of char *: what is in the queue; protected by lock */
  guint64 noticed;    /* how many there were; protected by lock */
  guint64 handled;    /* how many of these are done with; protected by lock */
  Condition settled;  /* that changed */
  gboolean stopped;   /* protected by lock */
  pthread_t thread;
};

static guint64
known (const Notifier *notifier, const Place *place)
{
  Identity about = place_identity (place);

  return nodes_known (notifier->mount->nodes, &about);
}

/* The kernel may not know the entry any more; that is no failure. */
static void
take_back_entry (const Notifier *notifier, guint64 parent, const char *name)
{
  fuse_lowlevel_notify_inval_entry (notifier->mount->session, parent, name, strlen (name));
}

/* The bytes of a disk as it was only change when another snapshot is merged into it, whose image it
 * has then. */
static gboolean
keeps_bytes (const Place *old, const Place *now)
{
  const Text *before = old->disk != NULL ? old->disk->xml : NULL;
  const Text *after = now->disk != NULL ? now->disk->xml : NULL;

  return old->kind->measure != NULL && before != NULL && after != NULL &&
         strcmp (before->data, after->data) == 0;
}

/* Attributes and content. */
static void
take_back_content (const Notifier *notifier, guint64 number, const Place *old, const Place *now)
{
  fuse_lowlevel_notify_inval_inode (notifier->mount->session, number,
                                    keeps_bytes (old, now) ? -1 : 0, 0);
}

static void compare (const Notifier *notifier, const Place *old, const Place *now);

/* What changes by itself nobody keeps, and whether it is there may have to be waited for. */
static void
leave_out_changing (NodeKind *compared)
{
  guint left = 0;

  for (guint i = 0; compared->beside[i] != NULL; i++)
    if (!compared->beside[i]->changes)
      compared->beside[left++] = compared->beside[i];
  compared->beside[left] = NULL;
}

/* Compares what @dir lists: its rows, and the disks. */
static void
compare_listing (const Notifier *notifier, const Place *dir, guint64 number, const Place *now)
{
  g_auto (Listing) listing = { 0 };
  Place fixed = *dir;
  NodeKind compared = *dir->kind;

  /* Snapshots are compared by their ids, not by the directory that they are in. */
  if (dir->kind->member != NULL && S_ISDIR (dir->kind->member->mode))
    compared.list = NULL;
  leave_out_changing (&compared);
  fixed.kind = &compared;
  if (!place_list (&fixed, &listing, NULL))
    return;
  for (guint i = 0; i < listing.entries->len; i++) {
    const Entry *entry = &g_array_index (listing.entries, Entry, i);
    const char *name = listing_name (&listing, entry);
    g_auto (Place) before = place_inside (dir, entry->kind);
    g_auto (Place) after = { 0 };

    before.disk = entry->disk;
    if (place_find (now, name, &after, NULL))
      compare (notifier, &before, &after);
    else
      take_back_entry (notifier, number, name);
  }
}

/* Takes back what @old said and everything below it that the kernel knows. */
static void
compare (const Notifier *notifier, const Place *old, const Place *now)
{
  guint64 number = known (notifier, old);

  if (number == 0)
    return;
  if (!old->kind->changes)
    take_back_content (notifier, number, old, now);
  if (S_ISDIR (old->kind->mode))
    compare_listing (notifier, old, number, now);
}

/* The directory entry under which the kernel knew the snapshot's directory. */
static void
take_back_directory (const Notifier *notifier, const Place *old)
{
  g_auto (Place) above = place_above (old);
  guint64 parent = known (notifier, &above);
  g_autofree char *name = name_of_snapshot (old->domain, old->snapshot);

  if (parent != 0)
    take_back_entry (notifier, parent, name);
}

static gboolean
has_moved (const Place *old, const Place *now)
{
  g_autofree char *before = name_of_snapshot (old->domain, old->snapshot);
  g_autofree char *after = name_of_snapshot (now->domain, now->snapshot);

  return strcmp (before, after) != 0 ||
         g_strcmp0 (snapshot_single_disk (old->snapshot), snapshot_single_disk (now->snapshot)) !=
             0 ||
         (!old->flat && g_strcmp0 (old->snapshot->parent, now->snapshot->parent) != 0);
}

/* One snapshot's directory, nested or flat; @now has no snapshot when that is gone. */
static void
compare_directory (const Notifier *notifier, const Place *old, const Place *now)
{
  if (now->snapshot == NULL || has_moved (old, now))
    take_back_directory (notifier, old);
  /* What is gone keeps its attributes: the kernel needs them to let a shell that stands in it find
   * out with ENOENT. */
  if (now->snapshot != NULL)
    compare (notifier, old, now);
}

/* The domain's present `can` decides about rows of every snapshot. */
static gboolean
is_same (const Domain *old, const Snapshot *snapshot, const Domain *now, const Snapshot *present)
{
  return snapshot == present && old->can == now->can &&
         domain_namesakes_before (old, snapshot) == domain_namesakes_before (now, present);
}

/* Each of @all, which are the old picture's; the others are the same. */
static void
compare_snapshots (const Notifier *notifier, const Place *old, const Place *now,
                   const GPtrArray *all, const NodeKind *kind, gboolean flat)
{
  for (guint i = 0; i < all->len; i++) {
    Place before = *old;
    Place after = *now;

    before.kind = after.kind = kind;
    before.flat = after.flat = flat;
    before.snapshot = g_ptr_array_index (all, i);
    after.snapshot = domain_snapshot (now->domain, before.snapshot->id);
    if (!is_same (old->domain, before.snapshot, now->domain, after.snapshot) &&
        known (notifier, &before) != 0)
      compare_directory (notifier, &before, &after);
  }
}

static void
compare_pictures (const Notifier *notifier, Owner *owner, Domain *before, Domain *after)
{
  Wait never = { .allowed = FALSE };
  const NodeKind *kind = root_kind.member;
  Place old = {
    .mount = notifier->mount, .wait = &never, .kind = kind, .owner = owner, .domain = before
  };
  g_autoptr (GPtrArray) snapshots = domain_changed (before, after);
  Place now = old;

  now.domain = after;
  compare (notifier, &old, &now);
  compare_snapshots (notifier, &old, &now, snapshots, kind->member, FALSE);
  compare_snapshots (notifier, &old, &now, domain_disk_snapshots (before, NULL),
                     disk_directory_kind.member, FALSE);
  for (const NodeKind *row = kind->rows; row->name != NULL; row++)
    if (row->flat)
      compare_snapshots (notifier, &old, &now, snapshots, row->member, TRUE);
}

static void
update (const Notifier *notifier, Owner *owner)
{
  const Mount *mount = notifier->mount;
  g_autoptr (GError) error = NULL;
  g_autoptr (Domain) now = backend_get_domain (mount->backend, owner->name, &error);
  g_autoptr (GPtrArray) shown = NULL;
  g_autofree char *file_name = name_encode (owner->name);

  /* Not answering is no news: what was shown stays noted for the next notice. */
  if (now == NULL && !g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    return;
  if (now != NULL && strcmp (now->uuid, owner->uuid) != 0)
    g_clear_pointer (&now, domain_unref);
  shown = nodes_take_shown (mount->nodes, owner, now);
  if (now == NULL && shown->len > 0)
    take_back_entry (notifier, FUSE_ROOT_ID, file_name);
  for (guint i = 0; now != NULL && i < shown->len; i++)
    if (g_ptr_array_index (shown, i) != now)
      compare_pictures (notifier, owner, g_ptr_array_index (shown, i), now);
}

/* Then this comes back when the last of those requests has its reply. */
static gboolean
is_changing (const Owner *owner)
{
  return g_atomic_int_get (&owner->changing) > 0;
}

/* Takes the next notice out of the queue; NULL at the end. */
static char *
next_notice (Notifier *notifier)
{
  char *domain = queue_pop (notifier->queue);
  autolock held = lock_hold (&notifier->lock);

  if (domain != NULL)
    g_hash_table_steal (notifier->queued, domain);
  return domain;
}

static void
note_handled (Notifier *notifier)
{
  autolock held = lock_hold (&notifier->lock);

  notifier->handled++;
  condition_signal_all (&notifier->settled);
}

static void *
run (void *data)
{
  Notifier *notifier = data;

  for (;;) {
    g_autofree char *domain = next_notice (notifier);
    g_autoptr (GPtrArray) owners = NULL;

    if (domain == NULL)
      return NULL;
    owners =
        nodes_owners (notifier->mount->nodes, strcmp (domain, EVERYTHING) == 0 ? NULL : domain);
    for (guint i = 0; i < owners->len; i++)
      if (!is_changing (g_ptr_array_index (owners, i)))
        update (notifier, g_ptr_array_index (owners, i));
    note_handled (notifier);
  }
}

void
notifier_changed (const char *domain, gpointer data)
{
  Notifier *notifier = data;
  const char *notice = domain != NULL ? domain : EVERYTHING;
  autolock held = lock_hold (&notifier->lock);
  char *copy;

  /* A thousand changes while one is looked at are one notice. */
  if (notifier->stopped || g_hash_table_contains (notifier->queued, notice))
    return;
  copy = g_strdup (notice);
  g_hash_table_add (notifier->queued, copy);
  queue_push (notifier->queue, copy);
  notifier->noticed++;
}

void
notifier_settle (Notifier *notifier)
{
  gint64 end = g_get_monotonic_time () + SETTLE * 1000;
  autolock held = lock_hold (&notifier->lock);
  guint64 until = notifier->noticed;
  gint64 left;

  while (notifier->handled < until && !notifier->stopped &&
         (left = end - g_get_monotonic_time ()) > 0)
    condition_wait_for (&notifier->settled, &held, (guint)(left / 1000) + 1);
}

Notifier *
notifier_new (const Mount *mount)
{
  Notifier *notifier = g_new0 (Notifier, 1);

  notifier->mount = mount;
  notifier->queue = queue_new ();
  lock_init (&notifier->lock);
  notifier->settled = (Condition)CONDITION_INIT;
  notifier->queued = g_hash_table_new (g_str_hash, g_str_equal);
  notifier->thread = thread_start ("notify", run, notifier);
  return notifier;
}

void
notifier_stop (Notifier *notifier)
{
  {
    autolock held = lock_hold (&notifier->lock);

    notifier->stopped = TRUE;
  }
  queue_close (notifier->queue);
  thread_join (notifier->thread);
}

void
notifier_free (Notifier *notifier)
{
  queue_free (notifier->queue);
  g_hash_table_unref (notifier->queued);
  lock_clear (&notifier->lock);
  g_free (notifier);
}
