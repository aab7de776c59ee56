#pragma once
#include "mount.h"

/* What libfuse calls, all on the loop's thread; each hands over to request_run. */
extern const struct fuse_lowlevel_ops operations;

/* attr.c's and lookup's: look.c */
void op_lookup (fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget (fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void op_forget_multi (fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_getattr (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void op_readlink (fuse_req_t req, fuse_ino_t ino);
void op_statfs (fuse_req_t req, fuse_ino_t ino);

/* dir.c */
void op_opendir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void op_readdir (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info *file);
void op_readdirplus (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                     struct fuse_file_info *file);
void op_releasedir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);

/* file.c */
void op_open (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void op_read (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
              struct fuse_file_info *file);
void op_lseek (fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
               struct fuse_file_info *file);
void op_write (fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
               struct fuse_file_info *file);
void op_flush (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void op_release (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void op_setattr (fuse_req_t req, fuse_ino_t ino, struct stat *stat, int to_set,
                 struct fuse_file_info *file);

/* alter.c */
void op_mkdir (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir (fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename (fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                const char *new_name, unsigned flags);
