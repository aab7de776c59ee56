#pragma once
#include <fuse_lowlevel.h>

/* What the parts of bare have in common. */

#define TIMEOUT 3600.0       /* seconds, of what does not change by itself */
#define READ_LIMIT (1 << 20) /* bytes that the kernel asks for at once */

/* Each makes ready what its operations, which it returns, serve from then on. */
const struct fuse_lowlevel_ops *bare_tree (const char *directory);
const struct fuse_lowlevel_ops *bare_file (const char *path, int cache);

void bare_init (void *data, struct fuse_conn_info *connection);
/* Also for directories. */
void bare_release (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
