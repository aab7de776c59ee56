#pragma once
/* What must hold of every disk reader, whatever it reads.  A range that is read at once and in
 * pieces gives the same bytes, or fails where one of its pieces does; what is called a hole reads
 * as zeros; and who does not wait is told nothing else than who does.  Looks at the begin, at the
 * end, where extents meet and at places that a hash chooses: never at more than a few MiB. */
#include "../../backend/disk-reader.h"
#include "../../backend/qcow2/reader.h"
#include "fuzz.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READING_RANGE (64 * 1024)
#define READING_RANGES 8
#define READING_EXTENTS 32
#define READING_PIECES 4

/* xorshift: the same input always looks at the same places. */
static inline guint64
reading_next (guint64 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* First as the thread does that must not wait. */
static inline gboolean
reading_read (DiskReader *reader, guint8 *to, gsize count, guint64 offset)
{
  g_autoptr (GError) error = NULL;
  gboolean done = disk_reader_read (reader, to, count, offset, FALSE, &error);
  MUST (!done || !error);
  if (!done && !error) {
    done = disk_reader_read (reader, to, count, offset, TRUE, &error);
    must_agree (done, error);
  }
  MUST (done || g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  return done;
}

static inline gboolean
reading_extent (DiskReader *reader, guint64 offset, Extent *extent)
{
  g_autoptr (GError) error = NULL;
  gboolean done = disk_reader_extent (reader, offset, FALSE, extent, &error);
  MUST (!done || !error);
  if (!done && !error) {
    done = disk_reader_extent (reader, offset, TRUE, extent, &error);
    must_agree (done, error);
  }
  MUST (done || g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  if (!done)
    return FALSE;
  MUST (extent->kind == EXTENT_DATA || extent->kind == EXTENT_ZERO);
  MUST (extent->length >= 1 && extent->length <= reader->size - offset);
  return TRUE;
}

static inline gboolean
reading_all_zero (const guint8 *bytes, gsize count)
{
  return count == 0 || (bytes[0] == 0 && memcmp (bytes, bytes + 1, count - 1) == 0);
}

static inline void
reading_check_hole (DiskReader *reader, guint64 offset, guint64 length)
{
  guint8 bytes[2048];
  gsize count = MIN (length, sizeof bytes);
  MUST (reading_read (reader, bytes, count, offset));
  MUST (reading_all_zero (bytes, count));
  MUST (reading_read (reader, bytes, count, offset + length - count));
  MUST (reading_all_zero (bytes, count));
}

/* The range at once, then in pieces. */
static inline void
reading_check_range (DiskReader *reader, guint64 offset, gsize count, guint64 *state)
{
  g_autofree guint8 *whole = g_malloc (count + 1);
  g_autofree guint8 *piece = g_malloc (count + 1);
  whole[count] = 0xa5; /* nobody writes past the end */
  gboolean all = reading_read (reader, whole, count, offset), every = TRUE;
  MUST (whole[count] == 0xa5);
  gsize at = 0;
  for (guint i = 1; at < count; i++) {
    gsize length = i == READING_PIECES ? count - at : 1 + reading_next (state) % (count - at);
    gboolean done = reading_read (reader, piece, length, offset + at);
    MUST (done || !all);
    MUST (!all || memcmp (piece, whole + at, length) == 0);
    every = every && done;
    at += length;
  }
  MUST (every == all);
}

/* Where the next of a kind is; between here and there is none. */
static inline void
reading_check_seek (DiskReader *reader, guint64 offset)
{
  g_autoptr (GError) error = NULL;
  guint64 found;
  gboolean done = disk_reader_seek (reader, offset, EXTENT_DATA, TRUE, &found, &error);
  must_agree (done, error);
  if (!done)
    return;
  MUST (found >= offset && found <= reader->size);
  if (found > offset)
    reading_check_hole (reader, offset, found - offset);
}

static inline void
reading_check_extents (DiskReader *reader, guint64 *state)
{
  guint64 offset = 0;
  for (guint i = 0; i < READING_EXTENTS && offset < reader->size; i++) {
    Extent extent;
    if (!reading_extent (reader, offset, &extent)) {
      offset += 1 + reading_next (state) % READING_RANGE;
      continue;
    }
    if (extent.kind == EXTENT_ZERO)
      reading_check_hole (reader, offset, extent.length);
    guint64 end = offset + extent.length, begin = end - MIN (extent.length, 700);
    reading_check_range (reader, begin, MIN (reader->size - begin, 1400), state);
    offset = end;
  }
}

static inline void
reading_check_bounds (DiskReader *reader)
{
  guint8 bytes[2];
  Extent extent;
  g_autoptr (GError) error = NULL, other = NULL;
  MUST (!disk_reader_read (reader, bytes, 2, reader->size - MIN (reader->size, 1), TRUE, &error));
  MUST (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_INVALID));
  MUST (!disk_reader_extent (reader, reader->size, TRUE, &extent, &other));
  MUST (g_error_matches (other, BACKEND_ERROR, BACKEND_ERROR_INVALID));
}

/* All of the above, on the reader's whole disk. */
static inline void
reading_check (DiskReader *reader, guint64 seed)
{
  guint64 state = seed | 1;
  MUST (reader->size <= G_MAXINT64);
  reading_check_bounds (reader);
  reading_check_extents (reader, &state);
  if (reader->size == 0)
    return;
  for (guint i = 0; i < READING_RANGES; i++) {
    guint64 offset = i == 0 ? 0 : reading_next (&state) % reader->size;
    gsize most = (gsize)MIN (reader->size - offset, READING_RANGE);
    gsize count = i == 0 ? most : 1 + (gsize)(reading_next (&state) % most);
    reading_check_range (reader, i == 1 ? reader->size - count : offset, count, &state);
    if (i % 4 == 0)
      reading_check_seek (reader, offset);
  }
}

/* Bytes that are being added at one moment, by every thread that decompresses ahead. */
#define READING_ADDING (32 * 1024 * 1024)

/* The caches keep what they promised. */
static inline void
reading_check_memory (void)
{
  guint64 used, budget;
  image_reader_memory (&used, &budget);
  MUST (used <= budget + READING_ADDING);
}

/* ---- files for the reader that are in no directory */

typedef struct {
  const char *path;
  int fd;
} ReadingFile;

typedef struct {
  ReadingFile files[4]; /* unused: path is NULL */
} ReadingFiles;

static inline int
reading_open_file (gpointer data, const char *path, GError **error)
{
  const ReadingFiles *files = data;
  g_autofree char *canonical = g_canonicalize_filename (path, "/");
  MUST (strcmp (canonical, path) == 0);
  for (guint i = 0; i < G_N_ELEMENTS (files->files); i++)
    if (g_strcmp0 (files->files[i].path, path) == 0)
      return fcntl (files->files[i].fd, F_DUPFD_CLOEXEC, 0);
  fail (error, BACKEND_ERROR_NOT_FOUND, "%s: no such file", path);
  return -1;
}
