/* The table that libfuse calls, and everything that is refused or means nothing. */
#include "operations.h"
#include "raw.h"
#include "request.h"

/* A refusal needs the place only to tell its domain's control/error. */
static gboolean
refuse (Request *request, const char *sentence, GError **error)
{
  g_auto (Place) place = { 0 };

  if (!request_place (request, &place, error))
    return FALSE;
  request_concerns (request, place.owner, request->arguments.name);
  return fail (error, BACKEND_ERROR_NOT_PERMITTED, "%s", sentence);
}

static gboolean
refuse_unlink (Request *request, GError **error)
{
  return refuse (request,
                 "no file here can be removed; rmdir of a snapshot's directory discards it", error);
}

static gboolean
refuse_file (Request *request, GError **error)
{
  return refuse (request, "no file can be made here; mkdir takes a snapshot", error);
}

static gboolean
refuse_attribute (Request *request, GError **error)
{
  return refuse (request, "no extended attribute can be set here", error);
}

static void
op_unlink (fuse_req_t req, fuse_ino_t parent, const char *name)
{
  request_run (req, "unlink", refuse_unlink, parent, &(Arguments){ .name = name });
}

static void
op_create (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
           struct fuse_file_info *file)
{
  request_run (req, "open", refuse_file, parent, &(Arguments){ .name = name });
}

static void
op_mknod (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
  request_run (req, "mknod", refuse_file, parent, &(Arguments){ .name = name });
}

static void
op_symlink (fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
  request_run (req, "symlink", refuse_file, parent, &(Arguments){ .name = name });
}

static void
op_link (fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *name)
{
  request_run (req, "link", refuse_file, new_parent, &(Arguments){ .name = name });
}

static void
op_setxattr (fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
             int flags)
{
  request_run (req, "setxattr", refuse_attribute, ino, &(Arguments){ .name = name });
}

static void
op_removexattr (fuse_req_t req, fuse_ino_t ino, const char *name)
{
  request_run (req, "removexattr", refuse_attribute, ino, &(Arguments){ .name = name });
}

/* Everything was done in the write. */
static gboolean
do_nothing (Request *request, GError **error)
{
  return request_answer_nothing (request);
}

static void
op_fsync (fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *file)
{
  request_run (req, "fsync", do_nothing, 0, &(Arguments){ 0 });
}

/* The kernel splits what is longer; session_new tells it the same. */
static void
op_init (void *data, struct fuse_conn_info *connection)
{
  connection->max_read = RAW_READ_LIMIT;
}

/* getxattr and listxattr are missing on purpose: after one ENOSYS the kernel stops asking. */
const struct fuse_lowlevel_ops operations = {
  .init = op_init,
  .lookup = op_lookup,
  .forget = op_forget,
  .forget_multi = op_forget_multi,
  .getattr = op_getattr,
  .setattr = op_setattr,
  .readlink = op_readlink,
  .statfs = op_statfs,
  .opendir = op_opendir,
  .readdir = op_readdir,
  .readdirplus = op_readdirplus,
  .releasedir = op_releasedir,
  .fsyncdir = op_fsync,
  .open = op_open,
  .read = op_read,
  .lseek = op_lseek,
  .write = op_write,
  .flush = op_flush,
  .fsync = op_fsync,
  .release = op_release,
  .mkdir = op_mkdir,
  .rmdir = op_rmdir,
  .rename = op_rename,
  .unlink = op_unlink,
  .create = op_create,
  .mknod = op_mknod,
  .symlink = op_symlink,
  .link = op_link,
  .setxattr = op_setxattr,
  .removexattr = op_removexattr,
};
