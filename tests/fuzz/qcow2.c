/* qcow2 images from anybody.  Whatever the bytes, header and snapshots are read or refused with a
 * sentence, in time and without much memory, and every number that was let through is within the
 * limits that header.c and snapshots.c promise. */
#include "../../backend/qcow2/header.h"
#include "../../backend/qcow2/snapshots.h"
#include "fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void
check_header (const Qcow2Header *header)
{
  MUST (header->version == 2 || header->version == 3);
  MUST (header->cluster_bits >= 9 && header->cluster_bits <= 21);
  MUST (header->size <= G_MAXINT64);
  MUST (header->snapshots <= 65536);
  MUST (!header->backing || (header->backing[0] != '\0' && strlen (header->backing) <= 1023));
  MUST (!header->backing_format || strlen (header->backing_format) <= 15);
  MUST (header->version == 3 || (header->unknown_features == 0 && !header->data_file));
}

static void
check_snapshots (int fd, const Qcow2Header *header)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) snapshots = qcow2_snapshots_read (fd, header, &error);
  must_agree (snapshots != NULL, error);
  if (!snapshots)
    return;
  MUST (snapshots->len == header->snapshots);
  for (guint i = 0; i < snapshots->len; i++) {
    const Qcow2Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    MUST (strlen (snapshot->id) <= G_MAXUINT16 && strlen (snapshot->tag) <= G_MAXUINT16);
    MUST (snapshot->created >= 0 && snapshot->created <= G_MAXUINT32);
  }
}

static void
read_image (int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, &error);
  must_agree (header != NULL, error);
  if (!header)
    return;
  check_header (header);
  check_snapshots (fd, header);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int fd = memfd_create ("image", MFD_CLOEXEC);
  MUST (fd >= 0);
  MUST (write (fd, data, size) == (ssize_t)size);
  read_image (fd);
  close (fd);
  return 0;
}
