/* Pictures of domains and snapshots: making, counting and freeing them.
 *
 * Nothing here locks: a picture is built by one thread and never changes once it is published.
 * What is asked of a sealed picture is answered in forest.c. */
#include "model.h"
#include "forest.h"

static const struct {
  BackendCan can;
  const char *word;
} can_words[] = {
  { CAN_CREATE, "create" },
  { CAN_DISCARD, "discard" },
  { CAN_REVERT, "revert" },
  { CAN_DESCRIBE, "describe" },
  { CAN_RENAME, "rename" },
  { CAN_MERGE_PARENT, "merge-parent" },
  { CAN_MERGE_CHILDREN, "merge-children" },
  { CAN_REDEFINE, "redefine" },
  { CAN_CURRENT, "current" },
  { CAN_NO_CURRENT, "no-current" },
  { CAN_HOLD, "hold" },
  { CAN_PARENT, "parent" },
  { CAN_COPY, "copy" },
  { CAN_SAVE, "save" },
  { CAN_COMPRESS, "compress" },
  { CAN_FORGET, "forget" },
  { CAN_LIVE, "live" },
  { CAN_REUSE, "reuse" },
  { CAN_RUN, "run" },
  { CAN_RESET_NVRAM, "reset-nvram" },
  { CAN_SECURE, "secure" },
  { CAN_METHOD, "method" },
  { CAN_DISK, "disk" },
  { CAN_DISK_IN_TREE, "disk-in-tree" },
};

char *
backend_can_words (BackendCan can)
{
  GString *words = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (can_words); i++)
    if (can & can_words[i].can)
      g_string_append_printf (words, "%s%s", words->len > 0 ? " " : "", can_words[i].word);
  return g_string_free (words, FALSE);
}

Disk *
disk_new (const char *target, guint64 size, const char *xml)
{
  Disk *disk = g_new0 (Disk, 1);

  disk->target = g_strdup (target);
  disk->size = size;
  disk->xml = xml == NULL ? NULL : text_from_string (xml);
  return disk;
}

Disk *
disk_copy (const Disk *from)
{
  Disk *to = disk_new (from->target, from->size, NULL);

  to->allocated = from->allocated;
  to->readable = from->readable;
  to->xml = text_ref (from->xml);
  to->method = g_strdup (from->method);
  return to;
}

void
disk_free (Disk *disk)
{
  if (disk == NULL)
    return;
  g_free (disk->target);
  text_unref (disk->xml);
  g_free (disk->method);
  g_free (disk);
}

static void
free_disk (gpointer disk)
{
  disk_free (disk);
}

const char *
snapshot_single_disk (const Snapshot *snapshot)
{
  return snapshot->one_disk ? ((const Disk *)g_ptr_array_index (snapshot->disks, 0))->target
                            : snapshot->disk;
}

Snapshot *
snapshot_new (const char *id, const char *name)
{
  Snapshot *snapshot = g_new0 (Snapshot, 1);

  snapshot->refs = 1;
  snapshot->id = g_strdup (id);
  snapshot->name = g_strdup (name);
  snapshot->disks = g_ptr_array_new_with_free_func (free_disk);
  return snapshot;
}

gint64
seconds_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

gint64
snapshot_taken_now (gint64 created, gint64 taken)
{
  const gint64 second = G_GINT64_CONSTANT (1000000000);
  gint64 before = taken > 0 ? taken : created * second;

  return MAX (g_get_real_time () * 1000, before + second);
}

void
snapshot_note_change (Snapshot *snapshot, const Snapshot *before)
{
  if (before != NULL)
    snapshot->changed = MAX (snapshot->changed, before->changed + 1);
}

Snapshot *
snapshot_ref (Snapshot *snapshot)
{
  g_atomic_int_inc (&snapshot->refs);
  return snapshot;
}

void
snapshot_unref (Snapshot *snapshot)
{
  if (snapshot == NULL || !g_atomic_int_dec_and_test (&snapshot->refs))
    return;
  g_free (snapshot->id);
  g_free (snapshot->mark);
  g_free (snapshot->name);
  g_free (snapshot->parent);
  g_free (snapshot->disk);
  g_free (snapshot->after);
  g_free (snapshot->state);
  g_free (snapshot->description);
  g_free (snapshot->problem);
  g_free (snapshot->compression);
  g_free (snapshot->quiesced);
  text_unref (snapshot->xml);
  text_unref (snapshot->domain_xml);
  text_unref (snapshot->kept_xml);
  g_ptr_array_unref (snapshot->disks);
  g_free (snapshot);
}

Snapshot *
snapshot_copy (const Snapshot *snapshot)
{
  Snapshot *copy = snapshot_new (snapshot->id, snapshot->name);

  copy->mark = g_strdup (snapshot->mark);
  copy->parent = g_strdup (snapshot->parent);
  copy->disk = g_strdup (snapshot->disk);
  copy->one_disk = snapshot->one_disk;
  copy->after = g_strdup (snapshot->after);
  copy->replaced = snapshot->replaced;
  copy->created = snapshot->created;
  copy->created_nanoseconds = snapshot->created_nanoseconds;
  copy->taken = snapshot->taken;
  copy->changed = snapshot->changed;
  copy->state = g_strdup (snapshot->state);
  copy->description = g_strdup (snapshot->description);
  copy->problem = g_strdup (snapshot->problem);
  copy->external = snapshot->external;
  copy->metadata = snapshot->metadata;
  copy->no_data = snapshot->no_data;
  copy->held = snapshot->held;
  copy->compression = g_strdup (snapshot->compression);
  copy->quiesced = g_strdup (snapshot->quiesced);
  copy->can = snapshot->can;
  copy->xml = text_ref (snapshot->xml);
  copy->domain_xml = text_ref (snapshot->domain_xml);
  copy->kept_xml = text_ref (snapshot->kept_xml);
  for (guint i = 0; i < snapshot->disks->len; i++)
    g_ptr_array_add (copy->disks, disk_copy (g_ptr_array_index (snapshot->disks, i)));
  return copy;
}

Domain *
domain_new (const char *name, const char *uuid)
{
  Domain *domain = g_new0 (Domain, 1);

  domain->refs = 1;
  domain->name = g_strdup (name);
  domain->uuid = g_strdup (uuid);
  domain->disks = g_ptr_array_new_with_free_func (free_disk);
  domain->notes = g_ptr_array_new_with_free_func (g_free);
  return domain;
}

Domain *
domain_ref (Domain *domain)
{
  g_atomic_int_inc (&domain->refs);
  return domain;
}

void
domain_unref (Domain *domain)
{
  if (domain == NULL || !g_atomic_int_dec_and_test (&domain->refs))
    return;
  forest_free (domain->forest);
  g_free (domain->name);
  g_free (domain->uuid);
  g_free (domain->current);
  g_free (domain->problem);
  text_unref (domain->xml);
  g_ptr_array_unref (domain->disks);
  g_ptr_array_unref (domain->notes);
  g_free (domain);
}
