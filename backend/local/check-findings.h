#pragma once
#include "check.h"
#include "records.h"
#include "scan.h"
#include "walk.h"

/* What the parts of a check share. */

typedef struct {
  const Places *places;
  const CheckOptions *options;
  GPtrArray *found;   /* of LocalDomain */
  GPtrArray *domains; /* of CheckDomain: whoever has records */
  guint faults;
} Check;

void check_say (Check *check, CheckKind kind, const char *path, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* One directory of records.  Belongs to the check. */
typedef struct {
  char *path;
  char *uuid;
  int fd;
  const LocalDomain *found; /* NULL: the domain is gone */
  GPtrArray *files;         /* of char *: what is in it */
  Records *records;
  GHashTable *internals; /* ids of the snapshots inside its images */
} CheckDomain;

/* Reads all records anew.  FALSE: not even that can be done. */
gboolean check_read_domains (Check *check, GError **error);

char *check_record_path (const CheckDomain *domain, const Record *record); /* free with g_free */

/* Whether a snapshot of the domain with this id is there; @id NULL is none, and in order. */
gboolean check_has_snapshot (const CheckDomain *domain, const char *id);
gboolean check_descends_from_itself (const CheckDomain *domain, const Record *record);

/* What the records and the descriptions say, but for their images. */
void check_records (Check *check);

/* Those that disks are in, also on other mounts below a place; of char *, borrowed. */
GPtrArray *check_disk_directories (const Check *check);

/* -------------------------------------------------------------------- images */

typedef struct CheckImage {
  char *path;
  char *directory;
  const char *file; /* its last part */
  struct stat status;
  gboolean frozen;   /* by its name */
  gboolean raw;      /* the same; then it has a size and nothing else */
  gboolean readable; /* and so the rest of this paragraph is known */
  gboolean plain;
  guint64 size;
  char *backing; /* as it says; NULL: none */
  char *backing_format;
  struct CheckImage *below;        /* the image that it reads; NULL: none that is one */
  const struct CheckImage *reader; /* one that reads it; NULL: none does */
  gboolean broken;                 /* a fault of it, or of one below, is told */
  gboolean named;                  /* a record says that it is a snapshot's */
  gboolean listed;                 /* a head says that it is unnamed, or kept */
  gboolean marked;                 /* a folding that wrote into it was interrupted */
  gboolean disk;                   /* a description says that it is a disk */
  guint walk;
} CheckImage;

typedef struct {
  GPtrArray *images;    /* of CheckImage */
  GHashTable *by_inode; /* "DEVICE:INODE" -> CheckImage */
  GPtrArray *prepared;  /* of char *: paths of disks that were prepared and not committed */
} CheckImages;

/* All images below the places; what each of them says. */
CheckImages *check_images_find (Check *check, GError **error);
void check_images_free (CheckImages *images);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CheckImages, check_images_free)

/* The image at @path; NULL: it is none.  An error: there is no file that could be one. */
CheckImage *check_images_at (const Check *check, const CheckImages *images, const char *path,
                             GError **error);

/* What is wrong with the images by themselves and with who reads whom. */
gboolean check_images (Check *check, CheckImages *images, GError **error);

/* The same with what records and descriptions say of them.  Comes before check_images. */
void check_use (Check *check, CheckImages *images);

/* -------------------------------------------------------------------- repairing */

/* Repairs what can be; what cannot is found by the checks afterwards. */
gboolean check_repair (Check *check, GError **error);

/* Puts every image beside the domain's disks that no records name into its list of kept ones. */
void check_keep_unlisted (Check *check, CheckDomain *domain);
