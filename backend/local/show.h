#pragma once
#include "../model.h"
#include "records.h"
#include "scan.h"

/* What a picture shows of one record, and of one snapshot inside the images. */
typedef struct {
  const Places *places;
  const LocalDomain *found;
  const Records *records; /* NULL: none */
  const Domain *before;   /* NULL: none */
  const Domain *domain;   /* being made */
  GHashTable *internals;  /* id -> Snapshot, of those that were shown already */
} Showing;

/* The one that was shown before where nothing about it has changed.  The record remembers it, which
 * the domain's lock guards.  Unref the answer. */
Snapshot *show_record (const Showing *showing, Record *record);

/* The same for @snapshot, which internal_list found. */
Snapshot *show_internal (const Showing *showing, Snapshot *snapshot);

/* What a backend of this kind can do with a domain. */
extern const BackendCan shown_can;
