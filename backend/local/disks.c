/* Where the bytes of a disk are, and opening them.
 *
 * A reader holds QEMU's locks on every image that it reads, so neither a machine nor qemu-img nor
 * a tidying of ours writes to one of them meanwhile.  While they are being opened no
 * tidying runs: it changes no byte, but the files that bytes are in. */
#include "disks.h"
#include "../qcow2/header.h"
#include "device.h"
#include "elsewhere.h"
#include "fd.h"
#include "frozen.h"
#include "internal.h"
#include "locks.h"
#include "opener.h"
#include "stored.h"
#include "tidy.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  char *path;
  ImageFormat format;
  char *number;     /* QEMU's ID of the snapshot inside the image; NULL: the image as it is */
  guint64 size;     /* bytes that were recorded; 0: nothing was */
  gboolean devices; /* it may be one */
} Source;

static void
source_clear (Source *source)
{
  g_free (source->path);
  g_free (source->number);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Source, source_clear)

/* ---- finding */

static const LocalDisk *
find_live (const LocalDomain *found, const char *target, GError **error)
{
  const LocalDisk *disk = local_domain_disk (found, target);
  if (!disk)
    fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no disk %s", found->name, target);
  return disk;
}

static gboolean
source_of_live (const LocalDomain *found, const char *target, Source *source, GError **error)
{
  const LocalDisk *disk = find_live (found, target, error);
  if (!disk)
    return FALSE;
  source->path = local_disk_path (disk);
  source->format = local_disk_is_raw (disk) ? IMAGE_RAW : IMAGE_QCOW2;
  source->devices = disk->device != 0;
  return TRUE;
}

/* What is elsewhere is looked at, too: it may be anything. */
static gboolean
find_image (const Places *places, const RecordImage *image, char **path, GError **error)
{
  if (!record_image_is_elsewhere (image)) {
    *path = frozen_path (places, image);
    return TRUE;
  }
  autofd fd = elsewhere_open (places, image, path, error);
  return fd >= 0;
}

static gboolean
source_of_record (const Places *places, const Record *record, const char *target, Source *source,
                  GError **error)
{
  for (guint i = 0; i < record->images->len; i++) {
    const RecordImage *image = g_ptr_array_index (record->images, i);
    if (!g_str_equal (image->target, target))
      continue;
    if (!find_image (places, image, &source->path, error))
      return FALSE;
    source->format = image->raw ? IMAGE_RAW : IMAGE_QCOW2;
    source->size = image->size;
    source->devices = record_image_is_elsewhere (image);
    return TRUE;
  }
  return fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no disk %s", record->name, target);
}

static gboolean
source_of_snapshot (Store *store, DomainState *state, const LocalDomain *found,
                    const char *snapshot, const char *target, Source *source, GError **error)
{
  g_autoptr (Records) records = state_records (store, state, error);
  if (!records)
    return FALSE;
  const Record *record = records_find (records, snapshot);
  if (record)
    return source_of_record (store->places, record, target, source, error);
  source->format = IMAGE_QCOW2;
  if (internal_is_id (snapshot))
    return internal_find_bytes (store->places, found, records, snapshot, target, &source->path,
                                &source->number, error);
  return fail (error, BACKEND_ERROR_NOT_FOUND, "%s has no such snapshot", found->name);
}

static gboolean
find_source (Store *store, DomainState *state, const char *snapshot, const char *target,
             Source *source, GError **error)
{
  g_autoptr (LocalDomain) found = state_found (state);
  if (!snapshot)
    return source_of_live (found, target, source, error);
  return source_of_snapshot (store, state, found, snapshot, target, source, error);
}

/* ---- opening */

/* The record says how large the image was when it was frozen. */
static DiskReader *
open_source (const Places *places, const Source *source, GError **error)
{
  ImageOpener opener = source->devices ? opener_for_storage (places) : opener_for_reading (places);
  g_autoptr (DiskReader) reader =
      image_reader_open (&opener, source->path, source->format, source->number, error);
  if (reader && source->size > 0 && reader->size != source->size) {
    fail (error, BACKEND_ERROR_DAMAGED,
          "%s is not the image that was frozen: its disk has "
          "%" G_GUINT64_FORMAT " bytes and had %" G_GUINT64_FORMAT,
          source->path, reader->size, source->size);
    return NULL;
  }
  return g_steal_pointer (&reader);
}

static DiskReader *
open_found (Store *store, DomainState *state, const char *snapshot, const char *target,
            GError **error)
{
  g_auto (Source) source = { 0 };
  g_autoptr (GError) wrong = NULL;
  if (!find_source (store, state, snapshot, target, &source, error))
    return NULL;
  DiskReader *reader = open_source (store->places, &source, &wrong);
  if (reader)
    return reader;
  if (snapshot && g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    wrong->code = BACKEND_ERROR_DAMAGED; /* the snapshot is there; what it was made of is not */
  g_propagate_error (error, g_steal_pointer (&wrong));
  return NULL;
}

static DiskReader *
open_live (Store *store, DomainState *state, const char *target, GError **error)
{
  autolock applying = lock_hold (&state->applying);
  return open_found (store, state, NULL, target, error);
}

DiskReader *
disks_open (Store *store, const char *domain, const char *snapshot, const char *target,
            GError **error)
{
  DomainState *state = store_find (store, domain, error);
  if (!state)
    return NULL;
  tidy_keep_off (state);
  DiskReader *reader = snapshot ? open_found (store, state, snapshot, target, error)
                                : open_live (store, state, target, error);
  tidy_allow (state);
  return reader;
}

/* ---- measuring */

static gboolean
measure_image (int fd, const LocalDisk *disk, DiskMeasure *measure, GError **error)
{
  struct stat status;
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "%s", disk->file);
  measure->size = image_raw_size ((guint64)status.st_size);
  if (disk->device && !device_size (fd, &measure->size, error))
    return FALSE;
  measure->modified = (gint64)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
  if (local_disk_is_raw (disk))
    return TRUE;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header)
    return FALSE;
  measure->size = header->size;
  return TRUE;
}

/* Asked before anybody is waited for, too: taking a running machine's disks takes as long as its
 * guest does to come to rest. */
static gboolean
check_is_at_rest (Store *store, DomainState *state, const char *target, GError **error)
{
  g_autoptr (LocalDomain) found = state_found (state);
  const LocalDisk *disk = find_live (found, target, error);
  if (!disk)
    return FALSE;
  g_autofree char *path = local_disk_path (disk);
  autofd fd = places_open_path (store->places, path, O_RDONLY | O_NOFOLLOW, NULL);
  return fd < 0 || !locks_writer_lives (fd) ||
         fail (error, BACKEND_ERROR_BUSY, "%s runs: its disk changes", state->name);
}

gboolean
disks_measure (Store *store, const char *domain, const char *target, DiskMeasure *measure,
               GError **error)
{
  DomainState *state = store_find (store, domain, error);
  if (!state || !check_is_at_rest (store, state, target, error))
    return FALSE;
  autolock applying = lock_hold (&state->applying);
  g_autoptr (LocalDomain) found = state_found (state);
  const LocalDisk *disk = find_live (found, target, error);
  if (!disk || !check_is_at_rest (store, state, target, error))
    return FALSE;
  g_autofree char *path = local_disk_path (disk);
  autofd fd = places_open_path (store->places, path, O_RDONLY | O_NOFOLLOW, error);
  if (fd < 0)
    return FALSE;
  measure->allocated = stored_bytes (store->places, path, local_disk_is_raw (disk));
  return measure_image (fd, disk, measure, error);
}
