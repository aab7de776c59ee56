/* The table of the snapshots inside a qcow2 image, walked once from its start: an entry's place
 * follows from the lengths in the ones before it.  So every length is bounded, the table as a
 * whole too, and two reads are made for each entry.
 *
 * An entry is
 *   8 L1 offset   4 L1 entries   2 length of ID   2 length of tag   4 seconds   4 nanoseconds
 *   8 guest's clock   4 size of the memory   4 length of the extra data
 * then extra data (8 size of the memory, 8 size of the disk, …), ID and tag, padded to 8 bytes.
 *
 * The L1 tables are the business of who reads a disk; they are not looked at. */
#include "snapshots.h"
#include "bytes.h"
#include "io.h"
#include <sys/stat.h>

#define ENTRY_LENGTH 40
#define MAX_EXTRA 1024               /* as QEMU */
#define MAX_TABLE (64 * 1024 * 1024) /* as QEMU */
#define MAX_TAIL (MAX_EXTRA + 2 * 65535)

typedef struct {
  int fd;
  guint64 start;
  guint64 offset;
  guint64 file_length;
  guint8 *tail; /* room for what follows the fixed part of the longest entry */
} Walk;

typedef struct {
  guint16 id_length;
  guint16 tag_length;
  guint32 extra_length;
} Lengths;

static gboolean
walk_read (Walk *walk, gsize length, guint8 *to, GError **error)
{
  gssize got;
  if (walk->offset > walk->file_length || length > walk->file_length - walk->offset)
    return fail (error, BACKEND_ERROR_DAMAGED, "its snapshot table is cut off");
  got = io_read (walk->fd, to, length, walk->offset, TRUE);
  if (got < 0)
    return fail_errno (error, "reading the snapshot table");
  if ((gsize)got < length)
    return fail (error, BACKEND_ERROR_DAMAGED, "its snapshot table is cut off");
  walk->offset += length;
  if (walk->offset - walk->start > MAX_TABLE)
    return fail (error, BACKEND_ERROR_DAMAGED, "its snapshot table is too large");
  return TRUE;
}

static void
snapshot_free (gpointer data)
{
  Qcow2Snapshot *snapshot = data;
  g_free (snapshot->id);
  g_free (snapshot->tag);
  g_free (snapshot);
}

/* What is behind the fixed part; short extra data is an old image's. */
static void
decode_tail (const guint8 *tail, const Lengths *lengths, Qcow2Snapshot *snapshot)
{
  const char *names = (const char *)tail + lengths->extra_length;
  if (lengths->extra_length >= 8)
    snapshot->vm_state_size = big64 (tail);
  if (lengths->extra_length >= 16)
    snapshot->disk_size = big64 (tail + 8);
  snapshot->id = g_strndup (names, lengths->id_length);
  snapshot->tag = g_strndup (names + lengths->id_length, lengths->tag_length);
}

static gboolean
read_entry (Walk *walk, const Qcow2Header *header, GPtrArray *found, GError **error)
{
  guint8 fixed[ENTRY_LENGTH];
  Lengths lengths;
  Qcow2Snapshot *snapshot;
  walk->offset = (walk->offset + 7) & ~G_GUINT64_CONSTANT (7);
  if (!walk_read (walk, sizeof fixed, fixed, error))
    return FALSE;
  lengths.id_length = big16 (fixed + 12);
  lengths.tag_length = big16 (fixed + 14);
  lengths.extra_length = big32 (fixed + 36);
  if (lengths.extra_length > MAX_EXTRA)
    return fail (error, BACKEND_ERROR_DAMAGED, "a snapshot in it has too much extra data");
  if (!walk_read (walk, (gsize)lengths.extra_length + lengths.id_length + lengths.tag_length,
                  walk->tail, error))
    return FALSE;
  snapshot = g_new0 (Qcow2Snapshot, 1);
  snapshot->l1 = (Qcow2Table){ big64 (fixed), big32 (fixed + 8) };
  snapshot->created = big32 (fixed + 16);
  snapshot->created_nanoseconds = big32 (fixed + 20) % 1000000000;
  snapshot->vm_state_size = big32 (fixed + 32);
  snapshot->disk_size = header->size;
  decode_tail (walk->tail, &lengths, snapshot);
  g_ptr_array_add (found, snapshot);
  return TRUE;
}

GPtrArray *
qcow2_snapshots_read (int fd, const Qcow2Header *header, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (snapshot_free);
  g_autofree guint8 *tail = NULL;
  struct stat status;
  Walk walk;
  if (header->snapshots == 0)
    return g_steal_pointer (&found);
  if (fstat (fd, &status) < 0) {
    fail_errno (error, "reading the snapshot table");
    return NULL;
  }
  tail = g_malloc (MAX_TAIL);
  walk = (Walk){ fd, header->snapshots_offset, header->snapshots_offset, (guint64)status.st_size,
                 tail };
  for (guint32 i = 0; i < header->snapshots; i++)
    if (!read_entry (&walk, header, found, error))
      return NULL;
  return g_steal_pointer (&found);
}
