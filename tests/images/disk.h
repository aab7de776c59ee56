#pragma once
#include "../../backend/disk-reader.h"
#include "../../backend/threads.h"

/* A disk that is being compared with a raw file, the reference. */

#define DISK_WHOLE (G_GUINT64_CONSTANT (64) << 20) /* disks up to here are read whole */
#define DISK_SAMPLES 64
#define DISK_LONGEST (1024 * 1024) /* a piece */

typedef struct {
  guint64 start;
  guint64 length;
  gboolean data;
} Range;

typedef struct {
  DiskReader *reader;
  int reference;
  GRand *random;
  GArray *extents; /* of Range, merged */
  GArray *pieces;  /* of Range; never changes while threads read */
  gint next;       /* atomic: the piece that the next thread takes */
  Lock lock;
  char *problem; /* the first; protected by lock */
} Disk;

/* Any thread may call these two.  Keeps the sentence, if it is the first; FALSE. */
gboolean disk_complain (Disk *disk, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* What a call that answered FALSE meant: TRUE when it is to be made again, with waiting. */
gboolean disk_try_again (Disk *disk, const char *what, guint64 offset, gboolean wait,
                         const GError *error);

guint64 disk_random (Disk *disk, guint64 limit); /* below @limit */

/* Fills the disk's extents. */
gboolean extents_walk (Disk *disk);
/* Asked anywhere, extents and searches answer as the walk did. */
gboolean extents_probe (Disk *disk);

/* Fills the disk's pieces: all of a disk up to DISK_WHOLE; of a larger one, whose extents were
 * walked, whatever is data on one of the two sides, and samples of the rest. */
void pieces_cut (Disk *disk);
void pieces_shuffle (Disk *disk);
