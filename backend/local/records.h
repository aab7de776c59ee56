#pragma once
#include "../error.h"
#include "../model.h"
#include "../table.h"

struct Method;

/* Where one disk's bytes of a snapshot are: the image ".vmsnapfs-IMAGE.qcow2", or ".raw", in
 * @directory; or in storage that is not ours, which knows them as IMAGE (elsewhere.h). */
typedef struct {
  char *target;    /* vda */
  char *image;     /* uuid */
  char *directory; /* as places_spell writes it */
  guint64 size;    /* bytes that the guest sees */
  char *disk;      /* elsewhere: the disk, and where its bytes were when they were … */
  char *located;   /* … put there, as places_spell writes it; else NULL */
  gboolean raw;    /* the bytes as they are; else qcow2 */
  const struct Method *method; /* how it was frozen, and is brought back */
  gint plain; /* atomic; TRUE: no snapshot is inside, and being frozen, it never will be one */
} RecordImage;

/* One snapshot.  Shared and never changed: a change is another record with the same uuid. */
typedef struct {
  gint refs; /* atomic */
  char *uuid;
  char *name;
  char *parent;      /* uuid; NULL: a root */
  char *disk;        /* target of the one disk that it is of, which has its only image: it has no
                        place in the tree; NULL: it is of the domain */
  char *after;       /* of such a one: id of what was current then; NULL: nothing */
  char *description; /* NULL: none */
  char *state;       /* shutoff */
  char *domain_xml;  /* the domain as it was; NULL: not kept */
  gint64 created;    /* seconds since the epoch */
  gint64 taken;      /* nanoseconds: when a merge gave it its images; 0: as created */
  gint64 changed;
  GPtrArray *images;   /* of RecordImage; empty: there are no data, only what is said here */
  GPtrArray *left_out; /* of char *: targets of disks that were not to be part of it */
  char *compression;   /* how its images were compressed; NULL: not */
  char *quiesced;      /* as a Snapshot's */
  char *kept_xml;      /* what a redefinition said that has no place above; NULL: nothing */
  gboolean internal;   /* a redefinition says that it is inside images */
  gboolean held;
  Snapshot *shown; /* what the last picture made of it; NULL: nothing.  These two are the picture's
                      own, guarded by the domain's lock */
  char *shown_under; /* the name that its parent had then */
  char *problem;     /* the file is damaged: why; only uuid and name (the uuid again) are set */
} Record;

/* The records of one domain. */
typedef struct {
  char *uuid;          /* the domain's, and the name of its directory in .vmsnapfs */
  char *name;          /* the domain's, as it was when last written */
  char *current;       /* id of the current snapshot; NULL: none */
  GPtrArray *unnamed;  /* of RecordImage: images of this domain that no record names (any more) */
  GPtrArray *kept;     /* of RecordImage: images whose names were forgotten on purpose */
  GHashTable *methods; /* target -> the word for how that disk is snapshotted, where one was said */
  gboolean has_head;   /* all this is on disk */
  Table *records;      /* uuid -> Record; records_put and records_remove change it */
  Table *unread;       /* those in it whose images may hold snapshots that nobody has looked for */
  Table *images;       /* those that it names, for records_name to ask */
  guint damaged;       /* how many in it have a problem */
  char *problem;       /* why changes are refused; NULL: they are not */
  char *untidy; /* why the unnamed images could not be tidied; NULL: they could; not on disk */
} Records;

/* ".vmsnapfs-UUID.qcow2", or ".raw"; free with g_free. */
char *record_image_file (const RecordImage *image);
gboolean record_image_is_elsewhere (const RecordImage *image);
RecordImage *record_image_copy (const RecordImage *image);
void record_image_free (RecordImage *image);
GPtrArray *record_images_new (void); /* of RecordImage; it frees them */
GPtrArray *record_images_copy (const GPtrArray *images);
/* Whether a snapshot may be inside one of the images: FALSE once they were looked into. */
gboolean record_is_unread (const Record *record);

/* As they stand in records and journals.  NULL: it contradicts itself. */
struct _JsonObject *record_image_to_object (const RecordImage *image);
RecordImage *record_image_from_object (struct _JsonObject *object);

Record *record_new (void);                                   /* all empty */
Record *record_copy (const Record *record);                  /* another revision, to be changed */
void record_set_images (Record *record, const Record *from); /* its bytes are those of @from */
/* The same, but it keeps its own of disks that @from is not of. */
void record_take_images (Record *record, const Record *from);
const RecordImage *record_find_image (const Record *record, const char *target); /* NULL: none */
Record *record_ref (Record *record);
void record_unref (Record *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Record, record_unref)

Records *records_new (const char *uuid, const char *name);
Records *
records_copy (const Records *records); /* shares the records: costs the same for any number */
void records_free (Records *records);
void records_put (Records *records, Record *record); /* in memory; takes a reference */
void records_remove (Records *records, const char *uuid);
Record *records_find (const Records *records, const char *uuid);         /* NULL: not there */
const char *records_method (const Records *records, const char *target); /* NULL: none was said */
void records_set_method (Records *records, const char *target, const char *word); /* NULL: none */
/* Makes `unnamed` what it says: without what has got a name again, is kept, or is there twice. */
void records_check_unnamed (Records *records);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Records, records_free)

/* Reads the directory @fd (borrowed).  A damaged record is there with its problem; a damaged head
 * is the whole domain's problem; what cannot be opened now is an error.  An empty or new directory
 * is no error. */
Records *records_read (int fd, const char *uuid, const char *name, GError **error);

/* Whether @images (of RecordImage) has the one of this file name. */
gboolean record_images_have (const GPtrArray *images, const char *file);
/* Whether a record names it; and whether they know it in any way. */
gboolean records_name_image (const Records *records, const char *file);
gboolean records_know_image (const Records *records, const char *file);
/* Whether a record names @image, wherever that is. */
gboolean records_name (const Records *records, const RecordImage *image);

/* A record that is damaged; NULL: none is. */
const Record *records_find_damaged (const Records *records);

/* Writes one file under a name that commits nothing, and makes its bytes durable.  "" and
 * PREPARED_SUFFIX are the suffixes in use. */
gboolean records_write_snapshot (int fd, const Record *record, const char *suffix, GError **error);
gboolean records_write_head (int fd, const Records *records, const char *suffix, GError **error);

/* Of what was prepared and is given up: the image @image (a uuid), which the record @uuid was to
 * have (NULL: the head was to keep it), is unnamed from now on.  In one step and durably. */
gboolean records_unname_prepared (int fd, const char *uuid, const char *image, GError **error);

/* Whether a file of this name in a records' directory was prepared and commits nothing. */
gboolean records_is_left_over (const char *file);

/* "s-UUID"; free with g_free. */
char *records_file (const char *uuid);
#define RECORDS_HEAD "head"
