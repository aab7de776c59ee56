#pragma once
#include "../job.h"

/* The names in the directory @fd (borrowed) in order, but for "." and ".."; of char *, which the
 * array frees.  @what is for the sentence. */
GPtrArray *listing_of (int fd, const char *what, GError **error);

/* An entry as readdir gives it. */
typedef struct {
  const char *name;
  guint64 number;     /* of the inode */
  unsigned char type; /* DT_UNKNOWN: the file system does not say */
} ListingEntry;

/* All that is in a directory at one time, in no order. */
typedef struct {
  GArray *entries; /* of ListingEntry */
  GStringChunk *names;
} Listing;

/* Lists @fd (borrowed); @what is for the sentence.  NOT_FOUND: the directory is gone; CANCELLED:
 * @job is (NULL: it cannot be). */
Listing *listing_read (int fd, const char *what, Job *job, GError **error);
void listing_free (Listing *listing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Listing, listing_free)
