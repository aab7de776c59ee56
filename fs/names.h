#pragma once
#include "../backend/model.h"

/* How names that people and hypervisors give become file names, and back: design.md, "Names". */

/* The file name of @name as such, without regard to namesakes.  Free with g_free. */
char *name_encode (const char *name);

/* The true name behind a file name in canonical form that a person typed for something new.
 * INVALID when it is not canonical, reserved or holds %00; NAME_TOO_LONG, BAD_ENCODING.
 * Free with g_free. */
char *name_decode (const char *file_name, GError **error);

/* The true name behind the file name of something that exists; NULL when it is not in canonical
 * form, or cut off, so that the name is not in it.  Free with g_free. */
char *name_true (const char *file_name);

/* The file name of one snapshot in this picture, namesakes told apart.  Free with g_free. */
char *name_of_snapshot (const Domain *domain, const Snapshot *snapshot);

/* The file name of one of a disk's files; @suffix: ".raw".  Free with g_free. */
char *name_of_disk (const Disk *disk, const char *suffix);

/* The snapshot that has this file name in this picture; NULL: none.  Only canonical forms resolve.
 */
const Snapshot *name_find_snapshot (const Domain *domain, const char *file_name);
/* The same among the snapshots of the disk @target alone. */
const Snapshot *name_find_disk_snapshot (const Domain *domain, const char *target,
                                         const char *file_name);
