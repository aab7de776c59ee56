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
  gboolean
      after_repair; /* a fold was interrupted: what it left may only show when this one is done */
} Fold;

/* Makes one image of the two, under the dependent's name; every byte that is read under any name
 * stays as it was at every instant, so it may be killed anywhere and done again.  The caller holds
 * the domain's `busy`. BUSY when a machine has one of them open, NO_SPACE, UNSUPPORTED when the
 * dependent holds snapshots. */
gboolean fold (const Fold *fold, Job *job, GError **error);

/* What a fold that was interrupted left in these records' domain. */
gboolean fold_is_interrupted (int records);
/* *@path: the image that was being written then, absolute; NULL: none was.  Free with g_free. */
gboolean fold_read_mark (const Places *places, int records, char **path, GError **error);
/* Forgets it when its image is gone: then it was as good as done. */
gboolean fold_drop_stale_mark (const Places *places, int records, GError **error);
/* Repairs its image, before any other fold in this domain; *@repaired: there was one. */
gboolean fold_repair (const Places *places, int records, Job *job, gboolean *repaired,
                      GError **error);
