#pragma once
#include "../model.h"
#include "records.h"
#include "scan.h"

/* Snapshots that are inside disk images (qemu-img snapshot -l): in the active images, in those
 * that the records name and in those that are kept without a name.  Their ids are
 * "i:TARGET:NUMBER:TAG", and the rare second of a disk with both equal gets ":2" behind it. */

gboolean internal_is_id (const char *id);

/* All of a domain; of Snapshot, each complete but for its xml.  On several disks a tag that is
 * unique in each is one snapshot.  Images that cannot be read have none. */
GPtrArray *internal_list (const Places *places, const LocalDomain *domain, const Records *records);

/* Where @disk's bytes of the snapshot @id are: inside the image @file of the disk's own directory,
 * under QEMU's id @number.  NOT_FOUND; UNSUPPORTED when this disk has no part in it or it is
 * elsewhere.  Free both with g_free. */
gboolean internal_locate (const Places *places, const LocalDisk *disk, const Records *records,
                          const char *id, char **file, char **number, GError **error);

/* The bytes that a guest sees of the image @file in the directory @directory (a descriptor). */
gboolean internal_image_size (int directory, const char *file, guint64 *size, GError **error);
