/* The steps of a snapshot of a running machine that change files, and going back. */
#include "live-steps.h"
#include "../qcow2/header.h"
#include "fd.h"
#include "frozen.h"
#include "live-clean.h"
#include "moving.h"
#include "records.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* ---- the disks of a journal ---- */

static void
live_disk_clear (gpointer data)
{
  LiveDisk *disk = data;
  fd_close_pointer (&disk->directory);
  g_free (disk->spelled);
  g_free (disk->frozen);
  g_free (disk->overlay);
  g_free (disk->node);
  g_free (disk->below);
}

/* QEMU allows 31 bytes; 16 of a uuid's 32 digits are enough to tell images apart. */
static char *
node_name (const char *uuid)
{
  return g_strdup_printf (LIVE_NODE_PREFIX "%.8s%.4s%.4s", uuid, uuid + 9, uuid + 14);
}

static void
fill_disk (LiveDisk *disk, const JournalDisk *journal)
{
  const char *prepared = journal->prepared + strlen (IMAGE_PREFIX);
  g_autofree char *uuid = g_strndup (prepared, strlen (prepared) - strlen (PREPARED_SUFFIX));
  disk->journal = journal;
  disk->spelled = g_strdup (journal->directory);
  disk->frozen = g_strconcat (IMAGE_PREFIX, journal->freeze, IMAGE_SUFFIX, NULL);
  disk->overlay = g_strconcat (IMAGE_PREFIX, uuid, IMAGE_SUFFIX, NULL);
  disk->node = node_name (uuid);
  g_autofree char *was = node_name (journal->freeze); /* that it has had as an overlay */
  disk->below = g_strconcat (was, LIVE_BELOW_SUFFIX, NULL);
}

gboolean
live_take_open (LiveTake *take, const Places *places, int records, const Journal *journal,
                GError **error)
{
  *take =
      (LiveTake){ places, journal, NULL, records, g_array_new (FALSE, TRUE, sizeof (LiveDisk)) };
  g_array_set_clear_func (take->disks, live_disk_clear);
  for (guint i = 0; i < journal->disks->len; i++) {
    const JournalDisk *entry = g_ptr_array_index (journal->disks, i);
    if (!entry->prepared || !entry->freeze || entry->copy)
      return fail (error, BACKEND_ERROR_DAMAGED, "the journal contradicts itself");
    g_array_set_size (take->disks, i + 1);
    LiveDisk *disk = &g_array_index (take->disks, LiveDisk, i);
    fill_disk (disk, entry);
    disk->directory = places_open_path (places, entry->directory, O_RDONLY | O_DIRECTORY, error);
    if (disk->directory < 0)
      return FALSE;
  }
  return TRUE;
}

void
live_take_close (LiveTake *take)
{
  if (take->disks)
    g_array_unref (take->disks);
}

static gboolean
for_each (const LiveTake *take,
          gboolean (*step) (const LiveTake *take, const LiveDisk *disk, GError **error),
          GError **error)
{
  for (guint i = 0; i < take->disks->len; i++)
    if (!step (take, &g_array_index (take->disks, LiveDisk, i), error))
      return FALSE;
  return TRUE;
}

gboolean
live_look (const LiveDisk *disk, const char *name, LiveWhat *what, GError **error)
{
  struct stat status;
  *what = LIVE_ABSENT;
  if (fstatat (disk->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
    *what = status.st_ino == disk->journal->inode     ? LIVE_OLD
            : status.st_ino == disk->journal->overlay ? LIVE_OVERLAY
                                                      : LIVE_FOREIGN;
  else if (errno != ENOENT)
    return fail_errno (error, "%s", name);
  return TRUE;
}

static gboolean
cannot_complete (const char *name, const char *why, GError **error)
{
  return fail (error, BACKEND_ERROR_DAMAGED,
               "an interrupted snapshot of a running machine cannot be completed: %s %s", name,
               why);
}

/* ---- names ---- */

/* What was given a name may have been replaced just before. */
static gboolean
check_names (const LiveDisk *disk, GError **error)
{
  LiveWhat frozen, overlay;
  if (!live_look (disk, disk->frozen, &frozen, error) ||
      !live_look (disk, disk->overlay, &overlay, error))
    return FALSE;
  return (frozen == LIVE_OLD && overlay == LIVE_OVERLAY) ||
         fail (error, BACKEND_ERROR_BUSY, "%s was replaced meanwhile", disk->journal->file);
}

static gboolean
give_names (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  const JournalDisk *journal = disk->journal;
  LiveWhat frozen, overlay;
  if (!live_look (disk, disk->frozen, &frozen, error) ||
      !live_look (disk, disk->overlay, &overlay, error))
    return FALSE;
  if ((frozen != LIVE_ABSENT && frozen != LIVE_OLD) ||
      (overlay != LIVE_ABSENT && overlay != LIVE_OVERLAY))
    return cannot_complete (disk->frozen, "is another file", error);
  if (frozen == LIVE_ABSENT &&
      linkat (disk->directory, journal->file, disk->directory, disk->frozen, 0) < 0)
    return fail_errno (error, "%s", disk->frozen);
  if (overlay == LIVE_ABSENT &&
      renameat (disk->directory, journal->prepared, disk->directory, disk->overlay) < 0)
    return fail_errno (error, "%s", disk->overlay);
  return check_names (disk, error) && journal_sync (disk->directory, journal->directory, error);
}

gboolean
live_names (const LiveTake *take, GError **error)
{
  autolock held = moving_hold ();
  return for_each (take, give_names, error);
}

/* ---- paths ---- */

/* QEMU has flushed it; what QEMU was told not to flush is made durable here. */
static gboolean
sync_frozen (const LiveDisk *disk, GError **error)
{
  autofd fd = openat (disk->directory, disk->frozen, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  LiveWhat what;
  if (!live_look (disk, disk->frozen, &what, error))
    return FALSE;
  if (fd < 0 || what != LIVE_OLD)
    return cannot_complete (disk->frozen, "is missing", error);
  return journal_sync (fd, disk->frozen, error);
}

/* A link beside it and a rename, so that the path is never missing. */
static gboolean
move_path (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  const JournalDisk *journal = disk->journal;
  LiveWhat path, overlay;
  if (!live_look (disk, journal->file, &path, error) ||
      !live_look (disk, disk->overlay, &overlay, error) || !sync_frozen (disk, error))
    return FALSE;
  if (path == LIVE_OVERLAY)
    return TRUE;
  if (path != LIVE_OLD)
    return cannot_complete (journal->file, "was replaced by another file", error);
  if (overlay != LIVE_OVERLAY)
    return cannot_complete (disk->overlay, "is missing", error);
  if (linkat (disk->directory, disk->overlay, disk->directory, journal->prepared, 0) < 0 &&
      errno != EEXIST)
    return fail_errno (error, "putting %s in place", journal->file);
  if (renameat (disk->directory, journal->prepared, disk->directory, journal->file) < 0)
    return fail_errno (error, "putting %s in place", journal->file);
  return journal_sync (disk->directory, journal->file, error);
}

gboolean
live_paths (const LiveTake *take, GError **error)
{
  autolock held = moving_hold ();
  return for_each (take, move_path, error);
}

/* ---- records ---- */

static gboolean
protect (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  return frozen_protect (disk->directory, disk->frozen, error);
}

gboolean
live_records (const LiveTake *take, GError **error)
{
  return for_each (take, protect, error) &&
         journal_apply_records (take->records, take->journal, error) &&
         journal_remove (take->records, error);
}

/* ---- back ---- */

/* A guest that has written something has made a second-level table.  What cannot be read counts. */
static gboolean
is_empty (const LiveDisk *disk, const char *name)
{
  autofd fd = openat (disk->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (Qcow2Header) header = fd < 0 ? NULL : qcow2_header_read (fd, NULL);
  gsize length = header ? header->l1.entries * sizeof (guint64) : 0;
  g_autofree guint8 *table = g_malloc0 (length + 1);
  if (!header || pread (fd, table, length, (off_t)header->l1.offset) != (gssize)length)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (table[i] != 0)
      return FALSE;
  return TRUE;
}

gboolean
live_is_written (const LiveDisk *disk)
{
  LiveWhat what;
  return live_look (disk, disk->overlay, &what, NULL) && what == LIVE_OVERLAY &&
         !is_empty (disk, disk->overlay);
}

static gboolean
drop_overlay (const LiveDisk *disk, const char *name, GError **error)
{
  LiveWhat what;
  if (!live_look (disk, name, &what, error))
    return FALSE;
  if (what != LIVE_OVERLAY)
    return TRUE;
  if (!is_empty (disk, name)) {
    g_warning ("%s was written to by a machine that does not use it any more: it is kept as %s",
               disk->journal->file, name);
    return TRUE;
  }
  return unlinkat (disk->directory, name, 0) == 0 || fail_errno (error, "removing %s", name);
}

static gboolean
take_back (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  const JournalDisk *journal = disk->journal;
  LiveWhat path, frozen;
  if (!live_look (disk, journal->file, &path, error) ||
      !live_look (disk, disk->frozen, &frozen, error))
    return FALSE;
  if (path != LIVE_OLD)
    return cannot_complete (journal->file, "was replaced by another file", error);
  if (!drop_overlay (disk, disk->overlay, error) || !drop_overlay (disk, journal->prepared, error))
    return FALSE;
  if (frozen == LIVE_OLD && !journal->named && unlinkat (disk->directory, disk->frozen, 0) < 0)
    return fail_errno (error, "removing %s", disk->frozen);
  return journal_sync (disk->directory, journal->file, error);
}

static gboolean
remove_node (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  if (!take->machine || !g_hash_table_contains (take->machine->nodes, disk->node))
    return TRUE;
  JsonObject *arguments = json_object_new ();
  json_object_set_string_member (arguments, "node-name", disk->node);
  return qmp_do (take->machine->qmp, "blockdev-del", arguments, QEMU_WORK, error);
}

gboolean
live_back (const LiveTake *take, GError **error)
{
  if (!live_resume (take, error) || !for_each (take, remove_node, error))
    return FALSE;
  autolock held = moving_hold ();
  return for_each (take, take_back, error) && journal_remove (take->records, error);
}

/* First those whose path was not moved: when the others' frozen files lost theirs, which tells how
 * far apart they are, is not to be seen any more once those are protected. */
static gboolean
leave_old (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  LiveWhat path;
  return live_look (disk, disk->journal->file, &path, error) &&
         (path == LIVE_OVERLAY || take_back (take, disk, error));
}

static gboolean
leave_new (const LiveTake *take, const LiveDisk *disk, GError **error)
{
  const GPtrArray *put = take->journal->put;
  LiveWhat path;
  if (!live_look (disk, disk->journal->file, &path, error))
    return FALSE;
  return path != LIVE_OVERLAY ||
         (protect (take, disk, error) &&
          records_unname_prepared (take->records, put->len > 0 ? g_ptr_array_index (put, 0) : NULL,
                                   disk->journal->freeze, error));
}

gboolean
live_give_up (const LiveTake *take, GError **error)
{
  if (!for_each (take, remove_node, error))
    return FALSE;
  autolock held = moving_hold ();
  return for_each (take, leave_old, error) && for_each (take, leave_new, error) &&
         journal_remove (take->records, error);
}
