/* Compressed snapshots: a copy of the active image takes its place as the frozen one.
 *
 * The original is given up at the commit, so the copy is compared with it before, byte for byte,
 * by our own reader and not by the program that made it. */
#include "compress.h"
#include "../qcow2/header.h"
#include "chain.h"
#include "opener.h"
#include "prepare.h"
#include <string.h>

#define CHUNK (1024 * 1024) /* bytes that are compared at a time */

gboolean
change_compress (Change *change, ChangeDisk *disk, const char *method, GError **error)
{
  const char *file = disk->disk->file;
  if (disk->has_snapshots)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s holds snapshots inside, which a compressed copy would lose", file);
  g_autoptr (Qcow2Header) header = qcow2_header_read (disk->active, error);
  if (!header || !chain_check (change->store->places, disk->disk->directory, file, error))
    return FALSE;
  g_autofree char *option = g_strconcat ("compression_type=", method, NULL);
  g_autofree char *source = g_strconcat ("./", file, NULL);
  disk->copy = journal_prepared_name ();
  if (!prepare_file (disk, disk->copy, &disk->copied, error))
    return FALSE;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_strv_builder_add_many (builder, "convert", "-q", "-c", "-f", "qcow2", "-O", "qcow2", "-t",
                           "writeback", "-o", option, NULL);
  if (header->backing)
    g_strv_builder_add_many (builder, "-B", header->backing, "-F", header->backing_format, NULL);
  g_strv_builder_add_many (builder, source, disk->copy, NULL);
  g_auto (GStrv) arguments = g_strv_builder_end (builder);
  disk->copying = child_start (disk->directory, (const char *const *)arguments, error);
  return disk->copying != NULL;
}

/* -------------------------------------------------------------------- comparing */

static DiskReader *
open_reader (const Change *change, const ChangeDisk *disk, const char *file, GError **error)
{
  ImageOpener opener = opener_for_checking (change->store->places);
  g_autofree char *path = g_build_filename (disk->disk->directory, file, NULL);
  return image_reader_open (&opener, path, IMAGE_QCOW2, NULL, error);
}

/* Both have only zeros for *@length bytes. */
static gboolean
are_zero (DiskReader *one, DiskReader *other, guint64 offset, guint64 *length, gboolean *zero,
          GError **error)
{
  Extent first, second;
  if (!disk_reader_extent (one, offset, TRUE, &first, error) ||
      !disk_reader_extent (other, offset, TRUE, &second, error))
    return FALSE;
  *zero = first.kind == EXTENT_ZERO && second.kind == EXTENT_ZERO;
  *length = MIN (first.length, second.length);
  if (!*zero)
    *length = MIN (*length, CHUNK);
  return TRUE;
}

static gboolean
compare_chunk (DiskReader *one, DiskReader *other, char *buffers, guint64 offset, gsize length,
               GError **error)
{
  if (!disk_reader_read (one, buffers, length, offset, TRUE, error) ||
      !disk_reader_read (other, buffers + CHUNK, length, offset, TRUE, error))
    return FALSE;
  return memcmp (buffers, buffers + CHUNK, length) == 0 ||
         fail (error, BACKEND_ERROR_FAILED,
               "the compressed copy differs from its original at %" G_GUINT64_FORMAT, offset);
}

static gboolean
compare (DiskReader *one, DiskReader *other, Job *job, GError **error)
{
  g_autofree char *buffers = g_malloc (2 * CHUNK);
  guint64 length;
  if (one->size != other->size)
    return fail (error, BACKEND_ERROR_FAILED, "the compressed copy has another size");
  for (guint64 offset = 0; offset < one->size; offset += length) {
    gboolean zero;
    if (job_cancelled (job, error) || !are_zero (one, other, offset, &length, &zero, error) ||
        (!zero && !compare_chunk (one, other, buffers, offset, length, error)))
      return FALSE;
    job_progress (job, offset, one->size);
  }
  return TRUE;
}

gboolean
compress_finish (const Change *change, ChangeDisk *disk, GError **error)
{
  if (!child_finish (disk->copying, change->job, COPY_DEADLINE, NULL, error) ||
      !prepare_check (disk, disk->copy, disk->copied, error) ||
      !prepare_rights (disk, disk->copied, error))
    return FALSE;
  g_autoptr (DiskReader) original = open_reader (change, disk, disk->disk->file, error);
  g_autoptr (DiskReader) copy = original ? open_reader (change, disk, disk->copy, error) : NULL;
  return copy && compare (original, copy, change->job, error);
}
