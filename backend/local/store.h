#pragma once
#include "../backend.h"
#include "../threads.h"
#include "backlog.h"
#include "records.h"
#include "scan.h"
#include "watch.h"

/* The opened store and what is known of each of its domains.  Lock order: a domain's `busy`, its
 * `applying`, its `thawing`, the store's `lock`, a domain's `lock`. */
typedef struct Store Store;

typedef struct {
  char *name;         /* never changes */
  gboolean present;   /* the last scan found it; guarded by the store's lock */
  Lock busy;          /* held by whoever changes the domain's files, for as long as that takes */
  Backlog stuck;      /* what the last tidying had to leave; guarded by busy */
  gint stream_failed; /* atomic: something cannot be folded in the machine that runs, and is not
                         tried again there by itself */
  Lock applying; /* held while the disks are no longer, or not yet, what the picture says: from a
                    commit until it is published, and by whoever looks at the disks as they are */
  Lock thawing;  /* held by who has the guest's file systems frozen, and by who thaws them */
  Lock lock;     /* guards what follows; held for no longer than it takes to read files */
  LocalDomain *found;
  Records *records; /* NULL until first asked for */
  Domain *picture;  /* NULL until first asked for */
  Table *shown;     /* the records that it was made of */
  Job *tidying;     /* the tidying that holds `busy`; NULL: none */
  char *frozen;     /* why the guest's file systems may be frozen, when they should not; NULL */
  guint opening;    /* how many are opening its images: no tidying begins meanwhile */
} DomainState;

struct Store {
  Backend base;
  Places *places;
  gboolean read_only;
  Lock lock; /* guards what follows */
  gboolean scanned;
  GHashTable *domains; /* name -> DomainState, of every domain ever seen */
  gboolean closing;
  BackendChanged changed;
  gpointer changed_data;
  Watch *watch;
  struct Tidier *tidier; /* NULL until there is something to tidy */
  struct Thawer *thawer; /* NULL until there is something to thaw */
};

/* The state of a domain; NOT_FOUND.  Belongs to the store and stays until it is closed. */
DomainState *store_find (Store *store, const char *name, GError **error);

/* What the last scan found; of LocalDomain; the array unrefs them. */
GPtrArray *store_found (Store *store, GError **error);

/* Scans again and publishes what has changed; the watch's callback. */
void store_rescan (Store *store);

/* The domain's picture, made if need be. */
Domain *state_picture (Store *store, DomainState *state, GError **error);

/* A copy of the domain's records, to be changed and given to state_publish. */
Records *state_records (Store *store, DomainState *state, GError **error);

/* Makes @records (taken) the domain's, and the picture anew, and tells who watches. */
void state_publish (Store *store, DomainState *state, Records *records);

/* Forgets what is in memory: the next question reads the disk. */
void state_reread (Store *store, DomainState *state);

/* What the picture says of a guest whose file systems may be frozen; NULL: they are not.  TRUE:
 * that is new. */
gboolean state_note_frozen (Store *store, DomainState *state, const char *why);

/* The description as last found; unref it. */
LocalDomain *state_found (DomainState *state);

/* The directory of the domain's records; *@fd -1 when there is none and @create is FALSE. */
gboolean store_open_records (Store *store, const char *uuid, gboolean create, int *fd,
                             GError **error);

void state_free (DomainState *state);
