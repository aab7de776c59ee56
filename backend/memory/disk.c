/* Disks without any storage: every byte is computed when it is read.
 *
 * Neither time nor threads nor other changes make a difference, so whoever has read a byte once
 * knows what it has to be. */
#include "disk.h"
#include "../xml.h"

#include <string.h>

#define MIB (G_GUINT64_CONSTANT (1) << 20)
#define GIB (G_GUINT64_CONSTANT (1) << 30)
#define WORD 8 /* bytes that are computed together */

typedef struct {
  DiskReader reader;
  Course *course;
  guint64 seed;
} MemoryDisk;

/* -------------------------------------------------------------------- what they are */

static guint64
allocated (guint64 size)
{
  return size / GIB * MIB + MIN (size % GIB, MIB);
}

Disk *
memory_disk_new (const char *domain, const char *target, guint64 size, const char *content)
{
  g_autofree char *file =
      g_strdup_printf ("/images/%s-%s%s%s.qcow2", domain, target, content != NULL ? "." : "",
                       content != NULL ? content : "");
  g_autofree char *xml = xml_disk (target, "qcow2", file);
  Disk *disk = disk_new (target, size, xml);

  disk->allocated = allocated (size);
  disk->readable = TRUE;
  return disk;
}

static void
free_disk (gpointer disk)
{
  disk_free (disk);
}

GPtrArray *
memory_disks_new (void)
{
  return g_ptr_array_new_with_free_func (free_disk);
}

GPtrArray *
memory_disks_copy (const GPtrArray *disks)
{
  GPtrArray *copies = memory_disks_new ();

  for (guint i = 0; i < disks->len; i++)
    g_ptr_array_add (copies, disk_copy (g_ptr_array_index (disks, i)));
  return copies;
}

Text *
memory_disks_domain (const char *name, const char *uuid, const GPtrArray *disks)
{
  g_autoptr (GString) elements = g_string_new (NULL);

  for (guint i = 0; i < disks->len; i++)
    g_string_append (elements, ((const Disk *)g_ptr_array_index (disks, i))->xml->data);
  return text_take_string (xml_domain (name, uuid, elements->str));
}

/* -------------------------------------------------------------------- what is on them */

/* The finalizer of splitmix64: neighbours have nothing in common. */
static guint64
mix (guint64 value)
{
  value = (value ^ (value >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return value ^ (value >> 31);
}

static guint64
seed_of (const Disk *disk)
{
  guint64 seed = 0;

  for (const char *text = disk->xml->data; *text != '\0'; text++)
    seed = mix (seed ^ (guchar)*text);
  return mix (~seed);
}

static guint64
word_at (const MemoryDisk *disk, guint64 index)
{
  return GUINT64_TO_LE (mix (disk->seed + index * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)));
}

static void
compute (const MemoryDisk *disk, guchar *buffer, gsize count, guint64 offset)
{
  while (count > 0) {
    guint64 word = word_at (disk, offset / WORD);
    gsize skip = offset % WORD;
    gsize length = MIN (WORD - skip, count);

    memcpy (buffer, (const guchar *)&word + skip, length);
    buffer += length;
    offset += length;
    count -= length;
  }
}

static Extent
extent_at (const MemoryDisk *disk, guint64 offset)
{
  guint64 within = offset % GIB;
  guint64 end = offset - within + (within < MIB ? MIB : GIB);

  return (Extent){ .kind = within < MIB ? EXTENT_DATA : EXTENT_ZERO,
                   .length = MIN (end, disk->reader.size) - offset };
}

static gboolean
disk_read (DiskReader *reader, void *buffer, gsize count, guint64 offset, gboolean wait,
           GError **error)
{
  const MemoryDisk *disk = (const MemoryDisk *)reader;
  guchar *at = buffer;

  if (!wait && follow_waits (disk->course, OP_READ))
    return FALSE;
  if (!follow (disk->course, OP_READ, NULL, error))
    return FALSE;
  while (count > 0) {
    Extent extent = extent_at (disk, offset);
    gsize length = MIN (extent.length, count);

    if (extent.kind == EXTENT_DATA)
      compute (disk, at, length, offset);
    else
      memset (at, 0, length);
    at += length;
    offset += length;
    count -= length;
  }
  return TRUE;
}

static gboolean
disk_extent (DiskReader *reader, guint64 offset, gboolean wait, Extent *extent, GError **error)
{
  const MemoryDisk *disk = (const MemoryDisk *)reader;

  if (!wait && follow_waits (disk->course, OP_EXTENT))
    return FALSE;
  *extent = extent_at (disk, offset);
  return follow (disk->course, OP_EXTENT, NULL, error);
}

static void
disk_close (DiskReader *reader)
{
  g_free (reader);
}

static const DiskReaderOps disk_ops = { .read = disk_read,
                                        .extent = disk_extent,
                                        .close = disk_close };

static const Disk *
find_disk (const Domain *picture, const char *snapshot, const char *target, GError **error)
{
  const Snapshot *there = snapshot != NULL ? domain_snapshot (picture, snapshot) : NULL;
  const GPtrArray *disks = there != NULL ? there->disks : picture->disks;

  if (snapshot != NULL && there == NULL) {
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no snapshot with the id %s", picture->name,
          snapshot);
    return NULL;
  }
  for (guint i = 0; i < disks->len; i++) {
    const Disk *disk = g_ptr_array_index (disks, i);

    if (strcmp (disk->target, target) == 0)
      return disk;
  }
  fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no disk \"%s\"", picture->name, target);
  return NULL;
}

DiskReader *
memory_disk_open (const Domain *picture, const char *snapshot, const char *target, Course *course,
                  GError **error)
{
  const Disk *found = find_disk (picture, snapshot, target, error);
  MemoryDisk *disk;

  if (found == NULL || !follow (course, OP_OPEN, NULL, error))
    return NULL;
  disk = g_new0 (MemoryDisk, 1);
  disk->reader.ops = &disk_ops;
  disk->reader.size = found->size;
  disk->course = course;
  disk->seed = seed_of (found);
  return &disk->reader;
}

gboolean
memory_disk_measure (const Domain *picture, const char *target, Course *course,
                     DiskMeasure *measure, GError **error)
{
  const Disk *disk = find_disk (picture, NULL, target, error);

  if (disk == NULL || !follow (course, OP_MEASURE, NULL, error))
    return FALSE;
  *measure = (DiskMeasure){ .size = disk->size,
                            .allocated = disk->allocated,
                            .modified = picture->changed * G_GINT64_CONSTANT (1000000000) };
  return TRUE;
}
