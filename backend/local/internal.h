#pragma once
#include "../model.h"
#include "../qcow2/snapshots.h"
#include "records.h"
#include "scan.h"

/* Snapshots that are inside disk images (qemu-img snapshot -l): in the active images, in those
 * that the records name and in those that are kept without a name.  Their ids are
 * "i:TARGET:NUMBER:TAG", with the moment behind it where a disk has more than one such. */

gboolean internal_is_id (const char *id);

/* All of a domain; of Snapshot, each complete but for its xml.  On several disks a tag that is
 * unique in each is one snapshot.  What internal_locate would refuse cannot be reverted to.  Images
 * that cannot be read have none. */
GPtrArray *internal_list (const Places *places, const LocalDomain *domain, const Records *records);

/* Where the bytes of @disk, one of @domain's, in the snapshot @id are: inside the image @file of
 * the disk's own directory, under QEMU's id @number, which is only digits and unique in there; the
 * guest saw @size bytes.  qemu-img convert makes a copy that is as large as the image is now, which
 * is
 * @size or more: what is behind @size is to be cut off.  NOT_FOUND; UNSUPPORTED when the domain
 * cannot be reverted to it, on whichever disk.  Free both with g_free. */
gboolean internal_locate (const Places *places, const LocalDomain *domain, const LocalDisk *disk,
                          const Records *records, const char *id, char **file, char **number,
                          guint64 *size, GError **error);

/* The image that holds the bytes of the disk @target in the snapshot @id, and QEMU's id of it in
 * there.  NOT_FOUND.  Free both with g_free. */
gboolean internal_find_bytes (const Places *places, const LocalDomain *domain,
                              const Records *records, const char *id, const char *target,
                              char **path, char **number, GError **error);

/* What one disk's image holds of a snapshot. */
typedef struct {
  char *target;
  char *path;           /* of the image */
  gboolean active;      /* it is the disk as it is now */
  Qcow2Snapshot inside; /* but for its l1 */
} InternalPart;

/* Of InternalPart, which the array frees, for whoever takes the snapshot out of its images.
 * NOT_FOUND; UNSUPPORTED where QEMU, which goes by the tag alone, would take another one. */
GPtrArray *internal_parts (const Places *places, const LocalDomain *domain, const Records *records,
                           const char *id, GError **error);

/* The bytes that a guest sees of the image @file in the directory @directory (a descriptor). */
gboolean internal_image_size (int directory, const char *file, guint64 *size, GError **error);
