/* Frozen images: what they are called, where they are, how large, and which came first.
 *
 * Records know how a directory is spelled and not what that means, and places know nothing of
 * records; this is the one home of what needs both.  Whether an image is really there is not asked
 * here.  Of a raw one no byte is looked at. */
#include "frozen.h"
#include "../qcow2/header.h"
#include "../qcow2/reader.h"
#include "fd.h"
#include "file-names.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
frozen_is_name (const char *name, gboolean *raw)
{
  *raw = g_str_has_suffix (name, RAW_IMAGE_SUFFIX);
  return g_str_has_prefix (name, IMAGE_PREFIX) && (*raw || g_str_has_suffix (name, IMAGE_SUFFIX));
}

gboolean
frozen_size (int fd, gboolean raw, guint64 *size, GError **error)
{
  struct stat status;
  *size = 0;
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "reading its size");
  if (!S_ISREG (status.st_mode))
    return fail (error, BACKEND_ERROR_DAMAGED, "it is no regular file");
  *size = image_raw_size ((guint64)status.st_size);
  if (raw)
    return TRUE;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (header)
    *size = header->size;
  return header != NULL;
}

/* ext4 and xfs keep the order of what is changed, so that making anything durable later would be
 * enough; btrfs makes durable what it is asked for. */
gboolean
frozen_protect (int directory, const char *name, GError **error)
{
  struct stat status;
  autofd fd = openat (directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat (fd, &status) < 0 ||
      fchmod (fd, status.st_mode & 07777 & ~(mode_t)WRITE_BITS) < 0 || fsync (fd) < 0)
    return fail_errno (error, "making %s read-only", name);
  return TRUE;
}

char *
frozen_path (const Places *places, const RecordImage *image)
{
  g_autofree char *directory = places_resolve (places, image->directory);
  g_autofree char *file = record_image_file (image);
  return g_build_filename (directory, file, NULL);
}

/* With its key beside it: thousands are sorted at every change. */
typedef struct {
  gint64 created;
  Record *record;
} Aged;

int
frozen_compare_age (gint64 created, const char *uuid, gint64 other_created, const char *other)
{
  if (created != other_created)
    return created < other_created ? -1 : 1;
  return strcmp (uuid, other);
}

static int
compare_age (const void *a, const void *b)
{
  const Aged *one = a, *other = b;
  return frozen_compare_age (one->created, one->record->uuid, other->created, other->record->uuid);
}

void
frozen_sort_by_age (GPtrArray *records)
{
  if (records->len == 0)
    return;
  g_autofree Aged *aged = g_new (Aged, records->len);
  for (guint i = 0; i < records->len; i++) {
    Record *record = g_ptr_array_index (records, i);
    aged[i] = (Aged){ record->created, record };
  }
  qsort (aged, records->len, sizeof *aged, compare_age);
  for (guint i = 0; i < records->len; i++)
    records->pdata[i] = aged[i].record;
}

GPtrArray *
frozen_by_age (const Records *records)
{
  GPtrArray *sorted = g_ptr_array_sized_new (table_size (records->records));
  TableIter iter = { records->records };
  gpointer record;
  while (table_next (&iter, &record))
    g_ptr_array_add (sorted, record);
  frozen_sort_by_age (sorted);
  return sorted;
}
