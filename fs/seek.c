/* Holes: only disks have any.  Every other file is data to its end.
 *
 * The kernel asks for SEEK_DATA and SEEK_HOLE alone, and computes all else itself. */
#include "attr.h"
#include "operations.h"
#include "raw.h"
#include "request.h"

#include <unistd.h>

static gboolean
seek_text (Request *request, GError **error)
{
  off_t offset = request->arguments.offset;
  g_auto (Place) place = { 0 };
  struct stat stat;

  if (!request_place (request, &place, error) || !attr_fill (&place, &stat, error))
    return FALSE;
  if (offset < 0 || offset >= stat.st_size) {
    g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NXIO, "there is nothing at the offset");
    return FALSE;
  }
  return request_answer_offset (request,
                                request->arguments.whence == SEEK_DATA ? offset : stat.st_size);
}

void
op_lseek (fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *file)
{
  RawFile *raw = raw_file (file);

  if (raw != NULL)
    raw_seek (req, raw, offset, whence);
  else
    request_run (req, "lseek", seek_text, ino,
                 &(Arguments){ .offset = offset, .whence = whence, .file = *file });
}
