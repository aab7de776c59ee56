#pragma once
#include "request.h"
#include <sys/statvfs.h>

/* What a handler answered, until the reply: between request.c and answer.c only. */
typedef enum {
  ANSWER_NOTHING,
  ANSWER_ENTRY,
  ANSWER_ATTR,
  ANSWER_OPEN,
  ANSWER_BYTES,
  ANSWER_LISTING,
  ANSWER_LINK,
  ANSWER_OFFSET,
  ANSWER_WRITTEN,
  ANSWER_SPACE,
} AnswerKind;

typedef struct {
  AnswerKind kind;
  union {
    struct fuse_entry_param entry;
    struct {
      struct stat stat;
      double timeout;
    } attr;
    struct fuse_file_info open;
    struct {
      const char *bytes;
      gsize size;
      gboolean entered;
    } bytes;
    off_t offset;
    gsize written;
    struct statvfs space;
  };
  char *owned; /* freed after the reply */
} Answer;

/* That of a request; request.c has it. */
Answer *answer_of (Request *request);
/* The reply to a request that succeeded. */
void answer_reply (const Mount *mount, fuse_req_t req, const Answer *answer);
