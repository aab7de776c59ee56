#pragma once
#include "places.h"
#include <sys/stat.h>

typedef struct {
  char *name;
  struct stat status;
} WalkFile;

/* A directory and the regular files in it. */
typedef struct {
  const char *path;  /* absolute */
  int fd;            /* borrowed */
  GPtrArray *files;  /* of WalkFile */
  GHashTable *known; /* name -> WalkFile */
} WalkDirectory;

/* FALSE with an error ends the walk. */
typedef gboolean (*WalkVisit) (const WalkDirectory *directory, gpointer data, GError **error);

/* Calls @visit for every directory below every place and below those of @more (of char *: absolute
 * paths that may be on other mounts below a place), each once, but for .vmsnapfs and what is in it.
 * What is gone is left out; whatever else cannot be looked into is an error. */
gboolean walk_places (const Places *places, const GPtrArray *more, WalkVisit visit, gpointer data,
                      GError **error);
