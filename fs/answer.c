/* What handlers answer, and how each of that is replied. */
#include "answer.h"

#include "attr.h"

#include <linux/fuse.h>
#include <string.h>

gboolean
request_answer_nothing (Request *request)
{
  answer_of (request)->kind = ANSWER_NOTHING;
  return TRUE;
}

gboolean
request_answer_entry (Request *request, const Place *place, GError **error)
{
  Answer *answer = answer_of (request);

  if (!attr_entry (place, &answer->entry, error))
    return FALSE;
  answer->kind = ANSWER_ENTRY;
  return TRUE;
}

gboolean
request_answer_attr (Request *request, const Place *place, GError **error)
{
  Answer *answer = answer_of (request);

  if (!attr_fill (place, &answer->attr.stat, error))
    return FALSE;
  answer->attr.stat.st_ino = request->node->number;
  answer->attr.timeout = attr_timeout (place);
  answer->kind = ANSWER_ATTR;
  return TRUE;
}

gboolean
request_answer_stat (Request *request, const struct stat *stat)
{
  Answer *answer = answer_of (request);

  answer->attr.stat = *stat;
  answer->attr.stat.st_ino = request->node->number;
  answer->attr.timeout = 0;
  answer->kind = ANSWER_ATTR;
  return TRUE;
}

gboolean
request_answer_open (Request *request, const struct fuse_file_info *file)
{
  Answer *answer = answer_of (request);

  answer->open = *file;
  answer->kind = ANSWER_OPEN;
  return TRUE;
}

gboolean
request_answer_bytes (Request *request, const char *bytes, gsize size)
{
  Answer *answer = answer_of (request);

  answer->bytes.bytes = bytes;
  answer->bytes.size = size;
  answer->kind = ANSWER_BYTES;
  return TRUE;
}

gboolean
request_answer_listing (Request *request, char *bytes, gsize size, gboolean entered)
{
  Answer *answer = answer_of (request);

  answer->owned = bytes;
  answer->bytes.bytes = bytes;
  answer->bytes.size = size;
  answer->bytes.entered = entered;
  answer->kind = ANSWER_LISTING;
  return TRUE;
}

gboolean
request_answer_link (Request *request, char *target)
{
  answer_of (request)->owned = target;
  answer_of (request)->kind = ANSWER_LINK;
  return TRUE;
}

gboolean
request_answer_offset (Request *request, off_t offset)
{
  answer_of (request)->offset = offset;
  answer_of (request)->kind = ANSWER_OFFSET;
  return TRUE;
}

gboolean
request_answer_written (Request *request, gsize size)
{
  answer_of (request)->written = size;
  answer_of (request)->kind = ANSWER_WRITTEN;
  return TRUE;
}

gboolean
request_answer_space (Request *request, const struct statvfs *space)
{
  answer_of (request)->space = *space;
  answer_of (request)->kind = ANSWER_SPACE;
  return TRUE;
}

/* Gives back the lookups of a readdirplus that the kernel never got. */
static void
forget_listing (Nodes *nodes, const char *bytes, gsize size)
{
  for (gsize at = 0; at + FUSE_NAME_OFFSET_DIRENTPLUS <= size;) {
    struct fuse_direntplus entry;

    memcpy (&entry, bytes + at, FUSE_NAME_OFFSET_DIRENTPLUS);
    if (entry.entry_out.nodeid != 0)
      nodes_forget (nodes, entry.entry_out.nodeid, 1);
    at += FUSE_DIRENTPLUS_SIZE (&entry);
  }
}

/* A reply fails when the kernel gave the request up; then it never got what the answer counted. */
void
answer_reply (const Mount *mount, fuse_req_t req, const Answer *answer)
{
  switch (answer->kind) {
  case ANSWER_NOTHING:
    fuse_reply_err (req, 0);
    break;
  case ANSWER_ENTRY:
    if (fuse_reply_entry (req, &answer->entry) != 0)
      nodes_forget (mount->nodes, answer->entry.ino, 1);
    break;
  case ANSWER_ATTR:
    fuse_reply_attr (req, &answer->attr.stat, answer->attr.timeout);
    break;
  case ANSWER_OPEN:
    if (fuse_reply_open (req, &answer->open) != 0)
      opened_release (answer->open.fh);
    break;
  case ANSWER_BYTES:
    fuse_reply_buf (req, answer->bytes.bytes, answer->bytes.size);
    break;
  case ANSWER_LISTING:
    if (fuse_reply_buf (req, answer->bytes.bytes, answer->bytes.size) != 0 && answer->bytes.entered)
      forget_listing (mount->nodes, answer->bytes.bytes, answer->bytes.size);
    break;
  case ANSWER_LINK:
    fuse_reply_readlink (req, answer->owned);
    break;
  case ANSWER_OFFSET:
    fuse_reply_lseek (req, answer->offset);
    break;
  case ANSWER_WRITTEN:
    fuse_reply_write (req, answer->written);
    break;
  case ANSWER_SPACE:
    fuse_reply_statfs (req, &answer->space);
    break;
  }
}
