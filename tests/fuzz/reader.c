/* Whole images from anybody.  Whatever the bytes: the image and every snapshot in it is opened or
 * refused with a sentence, and what was opened keeps the promises of reading.h.  A header that is
 * refused by itself is never opened.  As a raw image, the same bytes are just these bytes.
 *
 * A backing file may only be "raw", which is there. */
#include "../../backend/qcow2/header.h"
#include "../../backend/qcow2/snapshots.h"
#include "reading.h"
#include <sys/mman.h>

#define SNAPSHOTS 6 /* as many are opened */

#define IMAGE "/store/image"
#define RAW "/store/raw"
#define RAW_LENGTH 5000

static guint64
hash (const uint8_t *data, size_t size)
{
  guint64 value = 5381;
  for (size_t i = 0; i < MIN (size, 512); i++)
    value = value * 33 + data[i];
  return value;
}

static int
memory_file (const uint8_t *data, size_t size)
{
  int fd = memfd_create ("image", MFD_CLOEXEC);
  MUST (fd >= 0 && write (fd, data, size) == (ssize_t)size);
  return fd;
}

/* Whether it could be opened. */
static gboolean
check_image (const ImageOpener *opener, const char *snapshot, guint64 seed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DiskReader) reader = image_reader_open (opener, IMAGE, IMAGE_QCOW2, snapshot, &error);
  must_agree (reader != NULL, error);
  if (reader)
    reading_check (reader, seed);
  reading_check_memory ();
  return reader != NULL;
}

static void
check_snapshots (const ImageOpener *opener, int fd, const Qcow2Header *header, guint64 seed)
{
  g_autoptr (GPtrArray) snapshots = qcow2_snapshots_read (fd, header, NULL);
  for (guint i = 0; snapshots && i < MIN (snapshots->len, SNAPSHOTS); i++) {
    const Qcow2Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    check_image (opener, snapshot->id, seed + i);
  }
}

static void
check_qcow2 (const ImageOpener *opener, int fd, guint64 seed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, &error);
  must_agree (header != NULL, error);
  gboolean opened = check_image (opener, NULL, seed);
  MUST (header || !opened);
  if (header)
    check_snapshots (opener, fd, header, seed);
}

/* A raw disk ends where its last sector does. */
static void
check_raw (const ImageOpener *opener, const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DiskReader) reader = image_reader_open (opener, IMAGE, IMAGE_RAW, NULL, &error);
  MUST (reader && !error && reader->size == (size + 511) / 512 * 512);
  g_autofree guint8 *bytes = g_malloc (reader->size + 1);
  MUST (reading_read (reader, bytes, reader->size, 0));
  MUST (size == 0 || memcmp (bytes, data, size) == 0);
  MUST (reading_all_zero (bytes + size, reader->size - size));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static uint8_t pattern[RAW_LENGTH];
  for (guint i = 0; i < RAW_LENGTH; i++)
    pattern[i] = (uint8_t)(i * 7 + i / 256);
  ReadingFiles files = { {
      { IMAGE, memory_file (data, size) },
      { RAW, memory_file (pattern, sizeof pattern) },
  } };
  ImageOpener opener = { reading_open_file, &files };
  check_qcow2 (&opener, files.files[0].fd, hash (data, size));
  check_raw (&opener, data, size);
  close (files.files[0].fd);
  close (files.files[1].fd);
  return 0;
}
