#pragma once
#include "store.h"

/* One tidying of one domain; its `busy` is held. */
typedef struct {
  Store *store;
  DomainState *state;
  LocalDomain *found;
  Records *records;
  int fd; /* the records' directory */
  Job *job;
  GHashTable *vain;  /* uuid of an image that it tried to fold, once -> GError, or NULL: put off */
  gboolean put_off;  /* somebody has an image open */
  gboolean failed;   /* storage that is not ours did not do what it was asked for */
  gboolean repaired; /* a fold had been interrupted */
  gboolean running;  /* a machine writes to one of its disks */
  gboolean waited_for; /* an operation waits for its end */
  gboolean leaves;     /* what is elsewhere, because of that */
  gboolean asked; /* somebody waits for it, and wants it though it costs more than it is worth */
} Tidying;

/* One round over the images without a name; *@progress: another may find more to do.  Commits to
 * the head what is gone.  The first failure is the error, and does not keep others from it. */
gboolean tidy_round (Tidying *tidying, gboolean *progress, GError **error);
