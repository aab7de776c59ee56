#pragma once
#include "mount.h"

/* Where a request is: a kind of file together with the domain's picture and
 * what in that picture it is about.  Made from a node for one request, or from
 * a directory's place for something in it; everything the rows' functions get. */

/* Whether a handler may wait for the backend, and what it would wait for. */
typedef struct {
  gboolean allowed;
  WaitFor needed; /* set when it was not allowed */
} Wait;
gboolean wait_for (Wait *wait, WaitFor what);

typedef struct {
  const Mount *mount;
  Wait *wait;
  const NodeKind *kind;
  Owner *owner;             /* NULL above the domains */
  Domain *domain;           /* a reference of its own; NULL above the domains */
  const Snapshot *snapshot; /* in that picture; NULL above the snapshots */
  const Disk *disk;         /* the same; NULL: about none */
  gboolean flat;            /* at or below .snapshots */
} Place;

/* FALSE with STALE when what the node is about is gone, FALSE without an error when it has to wait.
 */
gboolean place_of_node (Place *place, const Mount *mount, const Node *node, Wait *wait,
                        GError **error);
void place_clear (Place *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

gboolean place_may_wait (const Place *place);

/* What the node there would be about. */
Identity place_identity (const Place *place);

/* Something in @dir of @kind, still without what .find fills in. */
Place place_inside (const Place *dir, const NodeKind *kind);
/* What is called @file_name in @dir. */
gboolean place_find (const Place *dir, const char *file_name, Place *child, GError **error);
/* The directory that a snapshot's directory is in: its parent's, the domain's, .snapshots or its
 * disk's. */
Place place_above (const Place *place);

/* The picture of a domain that the options let through; NULL as place_of_node. */
Domain *place_picture (const Mount *mount, const char *domain, Wait *wait, GError **error);
/* The same for a domain that is gone. */
Domain *orphan_picture (const Mount *mount, const char *uuid, Wait *wait, GError **error);
gboolean place_shows_domain (const Mount *mount, const char *domain);

/* The machine's disk @target as it is now; NULL: it has none. */
const Disk *place_live_disk (const Domain *domain, const char *target);

/* "base/updates", from the domain's directory; ".snapshots/updates" when that is very deep;
 * "disks/vda/nightly". */
char *place_path_of (const Domain *domain, const Snapshot *snapshot);
/* How people would name it: "web01/base/updates". */
char *place_path (const Place *place);

/* What a directory had when it was opened. */
typedef struct {
  gsize name; /* offset in the listing's names */
  const NodeKind *kind;
  Owner *owner;             /* of a domain; NULL: not known yet */
  const Snapshot *snapshot; /* in the listing's picture */
  const Disk *disk;
} Entry;
typedef struct {
  GArray *entries; /* of Entry */
  GString *names;  /* each ended by NUL */
} Listing;

gboolean place_list (const Place *dir, Listing *listing, GError **error);
void listing_add (Listing *listing, const char *file_name, const Place *place);
const char *listing_name (const Listing *listing, const Entry *entry);
void listing_clear (Listing *listing);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Listing, listing_clear)
