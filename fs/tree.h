#pragma once
#include "../backend/backend.h"
#include "place.h"
#include <sys/stat.h>

/* One row of the tree: everything there is to know about one kind of file.
 * A row has the functions of exactly one shape:
 *   fixed directory   .rows
 *   listed directory  .list + .find + .member  (and .rows for what is always there)
 *   link              .target
 *   text              .show                    whole text, made when opened
 *   editable text     .show + .edit            each write gives the text since the open
 *   document          .show + .take            what is written replaces it when it is whole; with
 *                                              .words, they may stand for a document
 *   command           .usage + .store          one write is one command; reads as the usage
 *   command           .usage + .take           the same, and a document may follow the words
 *   log               .show + .store           the same, but reads as what is going on
 *   disk file         .measure                 the bytes of a disk
 * Any of them may answer with no error after place_may_wait refused: the same is then
 * asked again where waiting is allowed. */
struct NodeKind {
  const char *name;    /* NULL: .list of the directory names it */
  const char *role;    /* tells nodes of kinds without a name apart */
  const char *pattern; /* how the manual writes that name: "SNAPSHOT" */
  const char *suffix;  /* of the names of a disk's files of this kind: ".raw" */
  const char *verb;    /* what people call a write to it; NULL: .name */
  mode_t mode;
  BackendCan needs;       /* absent unless the domain and the snapshot can do all these */
  BackendCan write_needs; /* the same for writing to it */
  gboolean unlisted;      /* resolvable, but not in readdir */
  gboolean changes;       /* by itself, so nobody may keep what it said */
  gboolean flat;          /* its directories are nodes of their own beside the nested ones */
  gboolean quick;         /* .store never waits, and has to work while everything else does */
  gboolean secret;        /* nobody but the owner, whatever the umask says */
  gboolean of_disk; /* in the directory of one disk's snapshot, and so of other words and a node
                       of its own */
  gboolean orphan;  /* about a domain that is gone, by whose uuid its owner is called */

  /* Further conditions for its being there; NULL: none.  That of a disk's file may have to wait. */
  gboolean (*present) (const Place *place);

  const NodeKind *rows;
  const NodeKind *member;
  const NodeKind *beside[4]; /* further kinds of members, told by their suffixes; NULL at the end */
  /* Everything listed, in order. */
  gboolean (*list) (const Place *dir, Listing *listing, GError **error);
  /* Fills in @child, of kind .member or .beside, or NOT_FOUND. */
  gboolean (*find) (const Place *dir, const char *file_name, Place *child, GError **error);
  /* In a directory: takes a snapshot called @name; its id. */
  char *(*make) (const Place *dir, const char *name, Job *job, GError **error);
  /* Of a member. */
  gboolean (*drop) (const Place *place, Job *job, GError **error);
  gboolean (*rename) (const Place *place, const char *name, Job *job, GError **error);

  /* Size, storage and time. */
  gboolean (*measure) (const Place *place, DiskMeasure *measure, GError **error);

  char *(*target) (const Place *place, GError **error);
  Text *(*show) (const Place *place, GError **error);
  gboolean (*edit) (const Place *place, const char *text, Job *job, GError **error);
  const char *words;                   /* that may be written, as the manual has them */
  Text *(*usage) (const Place *place); /* names only the words that work here */
  gboolean (*store) (const Place *place, char **words, Job *job, GError **error);
  /* @document NULL: only words were written. */
  gboolean (*take) (const Place *place, char **words, const Text *document, Job *job,
                    GError **error);
};

extern const NodeKind root_kind;
extern const NodeKind disk_directory_kind; /* of one disk's own snapshots */

/* What the domain and the snapshot can do there and the options leave. */
BackendCan row_can (const Place *place);

/* Whether this row is in the directory that @place stands in. */
gboolean row_present (const Place *place);
/* Whether this file can be written; a mount that is read-only does not count. */
gboolean row_writable (const Place *place);

/* One line for each row: path pattern, mode, words.  For --rows, against which the manual is
 * checked. */
void tree_print_rows (void);
