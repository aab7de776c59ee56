#pragma once
#include "../backend/backend.h"
#include "words.h"

/* What the words of control/create ask for, as they stand there.  Strings are NULL, and arrays,
 * where nothing is said. */
typedef struct {
  char *name;
  char *description;
  char *parent;      /* a name */
  char *from;        /* a name */
  char *disk;        /* a target */
  char *compression; /* "zlib" for "gzip" */
  char *method;
  char *memory;     /* the value of --memspec */
  GPtrArray *disks; /* of char *: the values of --diskspec */
  gboolean disk_only;
  gboolean quiesce;
  gboolean quiesce_required; /* instead of quiesce */
  gboolean atomic;
  gboolean live;
  gboolean halt;
  gboolean no_metadata;
  gboolean reuse_external;
  gboolean redefine;
  gboolean current;
  gboolean validate;
} CreateWords;

/* INVALID also for words that exclude each other, or that miss the document that follows or not
 * (@document).  @asked: all zero; cleared by the caller, whatever the result. */
gboolean create_words_read (CreateWords *asked, BackendCan can, char **words, gboolean document,
                            GError **error);
void create_words_clear (CreateWords *asked);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CreateWords, create_words_clear)

CreateFlags create_words_flags (const CreateWords *asked);

Text *create_words_usage (BackendCan can);
