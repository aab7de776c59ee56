/* The only callers of a reader's table, and the search that is made of its extents.
 *
 * As in backend.c, the caller's part of the contract is checked on the way in and the callee's on
 * the way out.  Nothing is logged: this is called for every few kilobytes that somebody reads. */
#include "disk-reader.h"

#include "error.h"

/* Extents that one search looks at: as many as take a moment where they are at hand; otherwise
 * enough for the holes of 8 TiB (a hole in clusters of 64 KiB is one extent for every 32 MiB). */
#define STEPS_AT_HAND 1024
#define STEPS (1u << 18)

static gboolean
check_range (const DiskReader *reader, gsize count, guint64 offset, GError **error)
{
  if (offset > reader->size || count > reader->size - offset)
    return fail (error, BACKEND_ERROR_INVALID,
                 "%zu bytes at %" G_GUINT64_FORMAT " are not within a disk of %" G_GUINT64_FORMAT
                 " bytes",
                 count, offset, reader->size);
  return TRUE;
}

gboolean
disk_reader_read (DiskReader *reader, void *buffer, gsize count, guint64 offset, gboolean wait,
                  GError **error)
{
  gboolean done;

  if (!check_range (reader, count, offset, error))
    return FALSE;
  if (count == 0)
    return TRUE;
  done = reader->ops->read (reader, buffer, count, offset, wait, error);
  g_assert (done || !wait || error == NULL || *error != NULL);
  return done;
}

gboolean
disk_reader_extent (DiskReader *reader, guint64 offset, gboolean wait, Extent *extent,
                    GError **error)
{
  if (!check_range (reader, 1, offset, error))
    return FALSE;
  if (reader->ops->extent == NULL) {
    *extent = (Extent){ .kind = EXTENT_DATA, .length = reader->size - offset };
    return TRUE;
  }
  if (!reader->ops->extent (reader, offset, wait, extent, error)) {
    g_assert (!wait || error == NULL || *error != NULL);
    return FALSE;
  }
  g_assert (extent->length > 0 && extent->length <= reader->size - offset);
  return TRUE;
}

gboolean
disk_reader_seek (DiskReader *reader, guint64 offset, ExtentKind kind, gboolean wait,
                  guint64 *found, GError **error)
{
  guint steps = wait ? STEPS : STEPS_AT_HAND;

  for (; offset < reader->size && steps > 0; steps--) {
    Extent extent;

    if (!disk_reader_extent (reader, offset, wait, &extent, error))
      return FALSE;
    if (extent.kind == kind)
      break;
    offset += extent.length;
  }
  if (steps == 0 && !wait)
    return FALSE;
  /* Giving up: all that was not looked at is data. */
  *found = steps == 0 && kind == EXTENT_ZERO ? reader->size : offset;
  return TRUE;
}

void
disk_reader_close (DiskReader *reader)
{
  if (reader != NULL)
    reader->ops->close (reader);
}
