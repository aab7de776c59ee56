/* From one picture to the next.
 *
 * A picture is all there is to a domain in memory, so a change is a list of the same snapshots with
 * a few replaced.  A place that a removed one leaves stays empty until the picture is made:
 * siblings keep their order, and whoever moves up comes where the removed one was. */
#include "draft.h"
#include "../xml.h"
#include "disk.h"

#define CAN_ALL                                                                                    \
  (CAN_CREATE | CAN_DISCARD | CAN_REVERT | CAN_DESCRIBE | CAN_RENAME | CAN_MERGE_PARENT |          \
   CAN_MERGE_CHILDREN | CAN_REDEFINE | CAN_CURRENT | CAN_NO_CURRENT | CAN_HOLD | CAN_PARENT |      \
   CAN_COPY | CAN_SAVE | CAN_COMPRESS | CAN_FORGET | CAN_DISK)
/* Of a snapshot of one disk, through which nothing is read: it is a copy. */
#define CAN_ONE_DISK (CAN_DISCARD | CAN_RENAME | CAN_HOLD)
#define MARK_LENGTH 8

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static void
keep_all (Draft *draft, const GPtrArray *snapshots)
{
  for (guint i = 0; i < snapshots->len; i++)
    draft_put (draft, snapshot_ref (g_ptr_array_index (snapshots, i)));
}

void
draft_begin (Draft *draft, Domain *before)
{
  const GPtrArray *all = domain_snapshots (before);

  *draft = (Draft){ .before = domain_ref (before),
                    .snapshots = g_ptr_array_new_full (all->len + 1, unref_snapshot),
                    .places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
                    .disks = memory_disks_copy (before->disks),
                    .current = g_strdup (before->current),
                    .xml = text_ref (before->xml),
                    .changed = before->changed };
  keep_all (draft, all);
  keep_all (draft, domain_disk_snapshots (before, NULL));
}

void
draft_clear (Draft *draft)
{
  domain_unref (draft->before);
  g_ptr_array_unref (draft->snapshots);
  g_hash_table_unref (draft->places);
  g_ptr_array_unref (draft->disks);
  g_free (draft->current);
  text_unref (draft->xml);
}

Snapshot *
draft_make_snapshot (const Draft *draft, const char *id, const char *name, gint64 created)
{
  Snapshot *snapshot = snapshot_new (id, name);

  snapshot->mark = g_strndup (id, MARK_LENGTH);
  snapshot->created = created;
  snapshot->changed = created;
  snapshot->state = g_strdup ("shutoff");
  snapshot->metadata = TRUE;
  snapshot->can = CAN_ALL;
  snapshot->domain_xml = text_ref (draft->xml);
  g_ptr_array_unref (snapshot->disks);
  snapshot->disks = memory_disks_copy (draft->disks);
  return snapshot;
}

Snapshot *
draft_make_disk_snapshot (const Draft *draft, const char *id, const char *name, const char *target,
                          gint64 created)
{
  Snapshot *snapshot = draft_make_snapshot (draft, id, name, created);

  for (guint i = snapshot->disks->len; i-- > 0;)
    if (!g_str_equal (((const Disk *)g_ptr_array_index (snapshot->disks, i))->target, target))
      g_ptr_array_remove_index (snapshot->disks, i);
  snapshot->disk = g_strdup (target);
  snapshot->after = g_strdup (draft->current);
  snapshot->can = CAN_ONE_DISK;
  g_clear_pointer (&snapshot->domain_xml, text_unref);
  return snapshot;
}

/* Where @id is among the snapshots; NULL: it is not. */
static gpointer *
find (const Draft *draft, const char *id)
{
  gpointer place;

  if (!g_hash_table_lookup_extended (draft->places, id, NULL, &place))
    return NULL;
  return &draft->snapshots->pdata[GPOINTER_TO_UINT (place)];
}

void
draft_put (Draft *draft, Snapshot *snapshot)
{
  gpointer *place = find (draft, snapshot->id);

  if (place != NULL) {
    snapshot_unref (*place);
    *place = snapshot;
    return;
  }
  g_hash_table_insert (draft->places, g_strdup (snapshot->id),
                       GUINT_TO_POINTER (draft->snapshots->len));
  g_ptr_array_add (draft->snapshots, snapshot);
}

Snapshot *
draft_change (Draft *draft, const char *id)
{
  gpointer *place = find (draft, id);
  Snapshot *copy;

  g_assert (place != NULL);
  copy = snapshot_copy (*place);
  snapshot_unref (*place);
  *place = copy;
  return copy;
}

void
draft_remove (Draft *draft, const char *id)
{
  gpointer *place = find (draft, id);

  g_assert (place != NULL);
  snapshot_unref (*place);
  *place = NULL;
  g_hash_table_remove (draft->places, id);
}

void
draft_set_current (Draft *draft, const char *id)
{
  char *current = g_strdup (id);

  g_free (draft->current);
  draft->current = current;
}

/* -------------------------------------------------------------------- a plan */

static void
move (Draft *draft, const PlanMove *planned)
{
  Snapshot *snapshot = draft_change (draft, planned->snapshot->id);

  g_free (snapshot->parent);
  snapshot->parent = g_strdup (planned->parent);
  snapshot->changed = seconds_now ();
}

static gboolean
has_disk (const GPtrArray *disks, const char *target)
{
  for (guint i = 0; i < disks->len; i++)
    if (g_str_equal (((const Disk *)g_ptr_array_index (disks, i))->target, target))
      return TRUE;
  return FALSE;
}

/* @disks, and those of @own that are not among them; frees @own. */
static GPtrArray *
join_disks (GPtrArray *disks, GPtrArray *own)
{
  for (guint i = 0; i < own->len; i++) {
    const Disk *disk = g_ptr_array_index (own, i);

    if (!has_disk (disks, disk->target))
      g_ptr_array_add (disks, disk_copy (disk));
  }
  g_ptr_array_unref (own);
  return disks;
}

/* What can be done with a snapshot depends on whether it has data. */
static void
hand_over (Draft *draft, const Snapshot *takes, const Snapshot *from)
{
  Snapshot *snapshot = draft_change (draft, takes->id);

  snapshot->disks = join_disks (memory_disks_copy (from->disks), snapshot->disks);
  text_unref (snapshot->kept_xml);
  snapshot->kept_xml = text_ref (from->kept_xml);
  snapshot->external = from->external;
  g_free (snapshot->compression);
  snapshot->compression = g_strdup (from->compression);
  g_free (snapshot->quiesced);
  /* Of two moments nothing is said. */
  snapshot->quiesced = snapshot->disks->len > from->disks->len ? NULL : g_strdup (from->quiesced);
  snapshot->taken = snapshot_taken_now (snapshot->created, snapshot->taken);
  snapshot->no_data = from->no_data;
  snapshot->can = from->can;
  snapshot->changed = seconds_now ();
}

void
draft_carry_out (Draft *draft, const Plan *plan)
{
  if (plan->takes != NULL)
    hand_over (draft, plan->takes, plan->from);
  for (guint i = 0; i < plan->moves->len; i++)
    move (draft, &g_array_index (plan->moves, PlanMove, i));
  for (guint i = 0; i < plan->removed->len; i++)
    draft_remove (draft, ((const Snapshot *)g_ptr_array_index (plan->removed, i))->id);
  draft_set_current (draft, plan->current);
}

/* -------------------------------------------------------------------- the machine */

static void
use_disk (Draft *draft, const Disk *disk)
{
  for (guint i = 0; i < draft->disks->len; i++) {
    Disk *old = g_ptr_array_index (draft->disks, i);

    if (g_str_equal (old->target, disk->target)) {
      draft->disks->pdata[i] = disk_copy (disk);
      disk_free (old);
      return;
    }
  }
  g_assert_not_reached ();
}

void
draft_use_disks (Draft *draft, const GPtrArray *disks)
{
  for (guint i = 0; i < disks->len; i++)
    use_disk (draft, g_ptr_array_index (disks, i));
  text_unref (draft->xml);
  draft->xml = memory_disks_domain (draft->before->name, draft->before->uuid, draft->disks);
  draft->changed = seconds_now ();
}

/* -------------------------------------------------------------------- the picture */

static void
write_xml (const Draft *draft, Snapshot *snapshot)
{
  const gpointer *parent = snapshot->parent == NULL ? NULL : find (draft, snapshot->parent);
  char *xml = xml_domainsnapshot (snapshot, parent == NULL ? NULL : ((Snapshot *)*parent)->name,
                                  draft->before->uuid, NULL);

  /* Control characters are allowed in names and not in XML: such a snapshot has none. */
  text_unref (snapshot->xml);
  snapshot->xml = xml == NULL ? NULL : text_take_string (xml);
}

static GPtrArray *
finish_snapshots (const Draft *draft)
{
  GPtrArray *snapshots = g_ptr_array_new_full (draft->snapshots->len, unref_snapshot);

  for (guint i = 0; i < draft->snapshots->len; i++) {
    Snapshot *snapshot = g_ptr_array_index (draft->snapshots, i);
    const Snapshot *before;

    if (snapshot == NULL)
      continue;
    before = domain_snapshot (draft->before, snapshot->id);
    if (snapshot != before) {
      if (snapshot->disk == NULL)
        write_xml (draft, snapshot);
      snapshot_note_change (snapshot, before);
    }
    g_ptr_array_add (snapshots, snapshot_ref (snapshot));
  }
  return snapshots;
}

Domain *
draft_picture (const Draft *draft)
{
  Domain *after = domain_new (draft->before->name, draft->before->uuid);

  after->current = g_strdup (draft->current);
  after->changed = draft->changed;
  after->can = CAN_ALL;
  after->xml = text_ref (draft->xml);
  g_ptr_array_unref (after->disks);
  after->disks = memory_disks_copy (draft->disks);
  domain_seal (after, finish_snapshots (draft));
  return after;
}
