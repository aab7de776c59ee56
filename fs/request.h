#pragma once
#include "place.h"
#include "tree.h"

/* A request of the kernel's, from its arrival to its one reply.
 *
 * A handler is straight code: it resolves the place, does the work, calls one
 * request_answer_* and returns TRUE, or returns FALSE with an error.  It never
 * replies.  It may run twice: first on the loop's thread, which must not wait;
 * when it returns FALSE without an error (something called wait_for in vain)
 * it is run again from the start on a worker.  So it must not change anything
 * before the last wait_for. */
typedef struct Request Request;
typedef gboolean (*Handler) (Request *request, GError **error);

/* What the kernel passed; borrowed, and copied when the request moves to a worker. */
typedef struct {
  const char *name;
  const char *new_name;
  guint64 new_parent;
  const char *data;
  gsize size;
  off_t offset;
  int whence;     /* of lseek */
  unsigned flags; /* rename's, or the FUSE_SET_ATTR_* of setattr */
  off_t new_size; /* of setattr */
  struct fuse_file_info file;
} Arguments;

struct Request {
  const Mount *mount;
  Arguments arguments;
  Node *node; /* NULL when the handler works on an open file only */
  Wait wait;
  struct Private *private; /* request.c's own */
};

/* Runs @handler for the node @number (0: none) and replies, now or later.  @verb: what people call
 * it. */
void request_run (fuse_req_t req, const char *verb, Handler handler, guint64 number,
                  const Arguments *arguments);

/* Where the request's node is; see place_of_node. */
gboolean request_place (Request *request, Place *place, GError **error);

/* In a request that changes something: where to, so that control/error gets its failure.
 * @target: "base/updates", in the domain; NULL: not known yet, and may be told later. */
void request_concerns (Request *request, const Owner *owner, const char *target);
/* A request that makes, removes or renames a directory entry: until its reply the kernel holds the
 * directory's lock, and nothing may be taken back there. */
void request_holds_directory (Request *request);
/* As request_concerns, and begins the job, which an interrupt cancels; what the backend is called
 * with. */
Job *request_begin (Request *request, const Owner *owner, const char *target);

/* Exactly one of these before a handler returns TRUE, or none: then the reply is plain success. */
gboolean request_answer_nothing (Request *request);
gboolean request_answer_entry (Request *request, const Place *place, GError **error);
gboolean request_answer_stat (Request *request, const struct stat *stat); /* not to be kept */
gboolean request_answer_attr (Request *request, const Place *place, GError **error);
/* The handle, an OpenThing, is released when the kernel does not want the reply any more. */
gboolean request_answer_open (Request *request, const struct fuse_file_info *file);
/* Bytes that stay where they are until after the reply. */
gboolean request_answer_bytes (Request *request, const char *bytes, gsize size);
/* What readdir or readdirplus (@entered: it counted lookups) made; takes @bytes. */
gboolean request_answer_listing (Request *request, char *bytes, gsize size, gboolean entered);
gboolean request_answer_link (Request *request, char *target); /* takes @target */
gboolean request_answer_offset (Request *request, off_t offset);
gboolean request_answer_written (Request *request, gsize size);
gboolean request_answer_space (Request *request, const struct statvfs *space);

/* For fuse_add_direntry_plus, which only wants it for its type. */
fuse_req_t request_raw (Request *request);
