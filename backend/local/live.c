/* A domain's own disks as they are now, for its picture: how large each is, whether it can be read,
 * and how it is snapshotted.
 *
 * Nothing here is an error: what is wrong is the domain's problem, or a note. */
#include "live.h"
#include "../qcow2/header.h"
#include "../qcow2/reader.h"
#include "../xml.h"
#include "describe.h"
#include "device.h"
#include "fd.h"
#include "method.h"
#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  const Places *places;
  const LocalDomain *found;
  const Records *records; /* NULL: none */
  Domain *domain;         /* being made */
} Live;

static void
check_features (char **problem, const char *target, const Qcow2Header *header)
{
  if (header->encrypted)
    describe_problem (problem, "disk %s is encrypted, which snapshots cannot be taken of", target);
  if (header->data_file)
    describe_problem (problem, "disk %s has an external data file, which snapshots would leave out",
                      target);
  if (header->unknown_features)
    describe_problem (problem, "disk %s needs features of qcow2 that are not known here", target);
}

/* Size and readable of @live. */
static void
look_at_qcow2 (char **problem, const LocalDisk *disk, int fd, Disk *live)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, &error);
  if (!header) {
    describe_problem (problem, "disk %s: %s: %s", disk->target, disk->file, error->message);
    return;
  }
  check_features (problem, disk->target, header);
  live->size = header->size;
  live->readable = qcow2_header_is_plain (header);
}

static void
look_at_bytes (const Live *all, const LocalDisk *disk, const char *path, Disk *live)
{
  char **problem = &all->domain->problem;
  g_autoptr (GError) error = NULL;
  struct stat status;
  autofd fd = places_open_path (all->places, path, O_RDONLY | O_NOFOLLOW, &error);
  if (fd < 0 && !all->found->problem) /* else the scan has said it */
    describe_problem (problem, "disk %s: %s", disk->target, error->message);
  if (fd < 0)
    return;
  if (g_str_equal (disk->format, "qcow2")) {
    look_at_qcow2 (problem, disk, fd, live);
    return;
  }
  if (disk->device) {
    live->readable = device_size (fd, &live->size, NULL);
    return;
  }
  live->readable = fstat (fd, &status) == 0;
  live->size = live->readable ? image_raw_size ((guint64)status.st_size) : 0;
}

static void
add_note (const Live *all, char *note)
{
  g_ptr_array_add (all->domain->notes, note);
}

/* How the disk is snapshotted, and how it could be. */
static void
look_at_method (const Live *all, const LocalDisk *disk, Disk *live)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *possible = method_possible (all->places, disk);
  live->method = g_strdup (method_word (all->records, disk));
  add_note (all, g_strdup_printf ("methods: %s %s", disk->target, *possible ? possible : "none"));
  const Method *method = method_choose (all->places, all->records, disk, NULL, &error);
  if (!method)
    add_note (all, g_strdup_printf ("note: %s", error->message));
  if (!method || !method->compresses)
    all->domain->can &= ~(BackendCan)CAN_COMPRESS;
}

void
live_disks_add (const Places *places, const LocalDomain *found, const Records *records,
                Domain *domain)
{
  const Live all = { places, found, records, domain };
  for (guint i = 0; i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    g_autofree char *path = local_disk_path (disk);
    g_autofree char *made = disk->xml ? NULL : xml_disk (disk->target, disk->format, path);
    Disk *live = disk_new (disk->target, 0, disk->xml ? disk->xml : made);
    look_at_bytes (&all, disk, path, live);
    look_at_method (&all, disk, live);
    g_ptr_array_add (domain->disks, live);
  }
}
