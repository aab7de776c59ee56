#pragma once
#include "listing.h"

/* A picture while it is being loaded, by one thread. */
typedef struct {
  Libvirt *libvirt;
  Machine *machine;
  const Load *load;
  virDomainPtr domain;
  SnapshotList *list;
  char uuid[VIR_UUID_STRING_BUFLEN];
  GHashTable *there;      /* set of const char *: the names in the list */
  const Snapshot **known; /* by number; NULL: it was not */
  gboolean *wanted;       /* by number: its XML is asked for */
} Loading;

/* After `list` was filled in: what is known of each, and which ones are to be read. */
void loading_plan (Loading *loading);
/* Back to before the list. */
void loading_clear (Loading *loading);

/* Nothing of the last picture is about this domain. */
gboolean loading_is_of_another (const Loading *loading);
/* How many in the list before @number have its name. */
guint loading_namesakes_before (const Loading *loading, guint number);
