#pragma once
#include "operations.h"
#include "request.h"

/* Open disk files. */
typedef struct RawFile RawFile;

#define RAW_READ_LIMIT (1 << 20) /* bytes that one read of the kernel's asks for at most */

/* A Handler's part of open; @place: the disk's, @file: to be answered with. */
gboolean raw_open (Request *request, const Place *place, struct fuse_file_info *file,
                   GError **error);

/* The disk file that was opened with this handle; NULL: it is another file. */
RawFile *raw_file (const struct fuse_file_info *file);

/* What stat said of the disk file @number when somebody opened it who still has it open; FALSE:
 * nobody has. */
gboolean raw_stat (const Mount *mount, guint64 number, struct stat *stat);

/* Reply, now or later; on the loop's thread. */
void raw_read (fuse_req_t req, RawFile *raw, gsize size, off_t offset);
void raw_seek (fuse_req_t req, RawFile *raw, off_t offset, int whence);
