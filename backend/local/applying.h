#pragma once
#include "journal.h"
#include <sys/stat.h>

/* The disks of a journal while it is carried out or given up. */

typedef struct {
  const JournalDisk *journal;
  int directory;
  int active;     /* with what keeps machines from it; -1: it is not at the active path any more, or
                     it stays, and may be in use */
  int prepared;   /* the same for its path */
  gboolean begun; /* to be brought back, or done: then it is not what it was, and that is right */
} Applying;

/* Opens the file at its active path, for reading; as places_open_path. */
int applying_open_active (const JournalDisk *journal, const Places *places, GError **error);

/* Of Applying, one for each disk of the @journal in @records; BUSY when a machine has one open. */
GArray *applying_begin (int records, const Places *places, const Journal *journal, GError **error);

typedef enum { ABSENT, OLD, OVERLAY, COPY, FOREIGN } What;

/* What is at @name.  Absent is only what the file system says is: any other answer is an error,
 * because "not there" means "already done". */
gboolean applying_look (const Applying *disk, const char *name, What *what, struct stat *status,
                        GError **error);

/* What its images are called at the end. */
const char *applying_suffix (const Applying *disk);

/* Name of the image that the active file becomes.  Free with g_free. */
char *applying_frozen_name (const Applying *disk);

/* The active file, of which @status is, would be dropped and has changed since it was checked. */
gboolean applying_was_written (const Applying *disk, const struct stat *status);
