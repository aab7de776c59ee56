/* Snapshots by overlays of QEMU's: the image itself is frozen, and an empty qcow2 on top of it
 * takes the disk's place.  Needs nothing of the file system, and qcow2. */
#include "internal.h"
#include "making.h"
#include "method.h"

static gboolean
check (const Places *places, const LocalDisk *disk, GError **error)
{
  if (disk->device)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s (%s) is a block device, which no overlay can take the place of", disk->target,
                 disk->file);
  return g_str_equal (disk->format, "qcow2") ||
         fail (error, BACKEND_ERROR_UNSUPPORTED,
               "%s (%s) is a %s disk, which cannot have overlays: "
               "it would have to be qcow2 (qemu-img convert -O qcow2)",
               disk->target, disk->file, disk->format);
}

static gboolean
freeze (Change *change, ChangeDisk *disk, Record *record, GError **error)
{
  making_freeze (change, disk, record, &method_qemu);
  return !record->compression || change_compress (change, disk, record->compression, error);
}

static gboolean
go_on (Change *change, ChangeDisk *disk, const RecordImage *image, GError **error)
{
  g_autofree char *backing = record_image_file (image);
  return change_overlay (change, disk, backing, disk->size, error);
}

static gboolean
bring_back (Change *change, ChangeDisk *disk, const RecordImage *image, GError **error)
{
  guint64 size;
  g_autofree char *backing = record_image_file (image);
  return internal_image_size (disk->directory, backing, &size, error) &&
         change_overlay (change, disk, backing, size, error);
}

const Method method_qemu = {
  .name = "qemu",
  .goes_on = "qcow2",
  .compresses = TRUE,
  .check = check,
  .freeze = freeze,
  .go_on = go_on,
  .bring_back = bring_back,
};
