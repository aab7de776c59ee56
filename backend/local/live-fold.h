#pragma once
#include "../job.h"
#include "records.h"
#include "scan.h"

/* Folding an image without a name in a running machine (store.md, section 8): what the image holds
 * is copied into the disk on top of it, which the machine goes on writing to, by a block-stream job
 * of its QEMU.  The disk stays where it is.
 *
 *   note      in the records: QEMU works for us
 *   job       copies what is seen through the disk; until it is made effective nobody depends on it
 *   flush     QEMU writes out what it remembers of the disk, which then hides the image: that is
 *             read from the files themselves, and made durable
 *   finish    QEMU stops reading the image and says so in the disk's header
 *   node      QEMU lets go of the image; the note goes, and the image has no reader any more
 *
 * It may be killed anywhere, and so may QEMU: what was copied is in the disk, the image is behind
 * it until the header says otherwise, and the next one begins with what the last has left. */
typedef struct {
  const Places *places;
  const LocalDomain *found;
  const char *path; /* of the directory that both are in, absolute */
  int directory;    /* the same, opened */
  int records;      /* the domain's records directory */
  const char *unnamed;
  const char *dependent; /* the disk, by its active path */
  gboolean asked;        /* also where that copies more than it is worth by itself */
} LiveFold;

/* Whether the disk @dependent is one of @found that a machine writes to. */
gboolean live_fold_is_for (const LocalDomain *found, const char *path, int directory,
                           const char *dependent);

/* Whether an attempt is worth it now: some disk of @found that a machine writes to has grown to as
 * much as the unnamed image directly behind it. */
gboolean live_fold_is_due (const Places *places, const LocalDomain *found, const Records *records);

/* BUSY: it cannot be done, or is not worth it, before something has changed (the machine is
 * off, for one); NO_SPACE; CANCELLED, the job having come to its real end; UNREACHABLE; FAILED with
 * QEMU's reason.  Until it returns TRUE the image is needed as before. */
gboolean live_fold (const LiveFold *fold, Job *job, GError **error);
