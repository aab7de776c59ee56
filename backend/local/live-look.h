#pragma once
#include "live-fold.h"
#include "qemu.h"

/* A fold in a running machine, as the machine and the files have it. */
typedef struct {
  char *socket;  /* the machine's, absolute */
  pid_t process; /* its QEMU; 0: not known */
  char *job;     /* names in QEMU: of the job, */
  char *top;     /* the disk, */
  char *below;   /* the image, */
  char *base;    /* and what is behind that; NULL: nothing */
  char *backing; /* the same, as the image spells it */
  int disk;      /* the files, opened for reading */
  int image;
  struct stat disk_status;
  guint64 seen; /* bytes that are to be copied */
} Stream;

void stream_clear (Stream *stream);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Stream, stream_clear)

/* Fills @stream, and refuses what is not to be folded now.  @machine: cleaned and just looked at.
 */
gboolean live_look_at (const LiveFold *fold, Qemu *machine, Stream *stream, GError **error);

/* Bytes of the image that are still seen through the disk, as their files are now. */
gboolean live_look_count (const LiveFold *fold, const Stream *stream, guint64 *seen,
                          GError **error);

/* A disk that holds as much as the image takes that in without being rewritten again and again for
 * the sake of the little that it gained: whatever is copied has at least doubled since. */
gboolean live_look_is_worth (const struct stat *image, const struct stat *disk);
