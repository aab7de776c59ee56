#pragma once
#include "../job.h"
#include "listing.h"
#include "places.h"
#include <sys/stat.h>

typedef struct {
  const char *name;
  gboolean recalled; /* it is as it was when it was asked before */
  struct stat status;
} WalkFile;

/* A directory and the regular files in it. */
typedef struct {
  const char *path;  /* absolute */
  int fd;            /* borrowed */
  GPtrArray *files;  /* of WalkFile */
  GHashTable *known; /* name -> WalkFile */
} WalkDirectory;

/* What to walk. */
typedef struct {
  const Places *places;
  const GPtrArray *more;  /* of char *: absolute paths that may be on other mounts below a place */
  const Listing *listing; /* of the store's own directory, just read; NULL: it is to be */
  gboolean trusting;      /* frozen images are not asked again (walked.h) */
  Job *job;               /* when it is cancelled, the walk ends; NULL: it does not */
} WalkOrder;

/* FALSE with an error ends the walk. */
typedef gboolean (*WalkVisit) (const WalkDirectory *directory, gpointer data, GError **error);

/* Calls @visit for every directory below every place and below those of `more`, each once, but for
 * .vmsnapfs and what is in it.  What is gone is left out; whatever else cannot be looked into is an
 * error. */
gboolean walk_places (const WalkOrder *order, WalkVisit visit, gpointer data, GError **error);
