#pragma once
#include "../backend/disk-reader.h"
#include "../backend/qcow2/reader.h"

/* Which disk the argument FILE[@SNAPSHOT] of a command line means. */
typedef struct {
  gboolean format_given;
  ImageFormat format;
  const char *const *allow; /* further directories in which backing files may be; NULL-terminated */
} ArgumentOptions;

/* A file of that whole name comes first; else what is behind the last '@' is the ID of a snapshot
 * inside the image, or the tag of exactly one.  Without a format given only a qcow2 image is
 * opened.  An image that another program writes to is BUSY, and none can start to until the reader
 * is closed. */
DiskReader *argument_open (const char *argument, const ArgumentOptions *options, GError **error);
