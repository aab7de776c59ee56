#pragma once
#include "../job.h"
#include "scan.h"

/* Who needs a file.  Answered from what is on the disk, never from records; whatever cannot be read
 * is an error, because whoever asks is about to unlink or to write the file. */

typedef struct {
  const Places *places;
  const GPtrArray *domains; /* just scanned, for a description may be new */
  const Listing *listing;   /* from which they were scanned; may be NULL */
  gboolean trusting; /* frozen images are as they were (walked.h): not for who unlinks an image */
  Job *job;          /* who cancels it need not wait for the answer; may be NULL */
} Asking;

/* The images whose backing file is the file at @path (absolute): every regular file below every
 * place that looks like qcow2, whatever its name, unless one of the domains says that it is raw.
 * Compared by device and inode, however the name is spelled; a backing name that is no plain path
 * (json:, nbd:, …) counts when it contains the file's name.  What is prepared and not committed
 * does not count.  Other file systems below a place are only looked into where the domains have
 * disks.  An image that cannot be parsed is DAMAGED.  Of char * (absolute paths). */
GPtrArray *references_to (const Asking *asking, const char *path, GError **error);

/* The same for each of @paths (of char *), in their order, for the price of one; of GPtrArray *. */
GPtrArray *references_to_all (const Asking *asking, const GPtrArray *paths, GError **error);

/* The names of those of @domains that have the file at @path as a disk, also as one that they are
 * not offered; by device and inode.  Of char *. */
GPtrArray *references_as_disk (const GPtrArray *domains, const char *path, GError **error);
