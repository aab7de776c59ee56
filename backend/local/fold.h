#pragma once
#include "../job.h"
#include "places.h"

/* An image without a name, and the only image that reads it. */
typedef struct {
  const Places *places;
  const char *path; /* of the directory that both are in, absolute */
  int directory;    /* the same, opened */
  int records;      /* the domain's records directory, for the mark of a fold under way */
  const char *unnamed;
  const char *dependent;
} Fold;

/* Makes one image of the two, under the dependent's name; every byte that is read under any name
 * stays as it was at every instant, so it may be killed anywhere and done again.  The caller holds
 * the domain's `busy`. BUSY when a machine has one of them open, NO_SPACE, UNSUPPORTED when the
 * dependent holds snapshots. */
gboolean fold (const Fold *fold, Job *job, GError **error);
