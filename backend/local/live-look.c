/* What may be folded in a running machine.  What QEMU has open and what is in the directory must be
 * the same files in the same order; they are told by device and inode. */
#include "live-look.h"
#include "../qcow2/covering.h"
#include "../qcow2/header.h"
#include "device.h"
#include "fd.h"
#include "file-names.h"
#include "live-take.h"
#include "locks.h"
#include "qemu-job.h"
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

void
stream_clear (Stream *stream)
{
  g_free (stream->socket);
  g_free (stream->job);
  g_free (stream->top);
  g_free (stream->below);
  g_free (stream->base);
  g_free (stream->backing);
  fd_close_pointer (&stream->disk);
  fd_close_pointer (&stream->image);
}

gboolean
live_look_is_worth (const struct stat *image, const struct stat *disk)
{
  return image->st_blocks <= disk->st_blocks;
}

/* ---- the files ---- */

static gboolean
not_while_it_runs (const LiveFold *fold, const char *why, GError **error)
{
  return fail (error, BACKEND_ERROR_BUSY, "%s is not folded before the machine is off: %s",
               fold->unnamed, why);
}

static int
open_file (const LiveFold *fold, const char *name, struct stat *status, GError **error)
{
  autofd fd = openat (fold->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0 && fstat (fd, status) == 0)
    return fd_steal (&fd);
  fail_errno (error, "%s", name);
  return -1;
}

/* Beyond its own end the image hides what is behind it, and QEMU's job does not go there (measured:
 * QEMU 7.2 shows the base's bytes afterwards).  In an image of version 2 a discarded cluster would
 * let what is behind it be seen again. */
static gboolean
check_headers (const LiveFold *fold, const Qcow2Header *disk, const Qcow2Header *image,
               GError **error)
{
  if (g_strcmp0 (disk->backing, fold->unnamed) != 0)
    return not_while_it_runs (fold, "the disk's header spells it otherwise", error);
  if (disk->snapshots > 0 || image->snapshots > 0)
    return not_while_it_runs (fold, "there are snapshots inside", error);
  if (!qcow2_header_is_plain (disk) || !qcow2_header_is_plain (image) || disk->version < 3)
    return not_while_it_runs (fold, "it is of a kind that is not", error);
  return !image->backing || image->size >= disk->size ||
         not_while_it_runs (fold, "it is shorter than the disk", error);
}

static gboolean
look_at_files (const LiveFold *fold, Stream *stream, GError **error)
{
  struct stat image;
  stream->disk = open_file (fold, fold->dependent, &stream->disk_status, error);
  stream->image = stream->disk < 0 ? -1 : open_file (fold, fold->unnamed, &image, error);
  if (stream->image < 0)
    return FALSE;
  g_autoptr (Qcow2Header) top = qcow2_header_read (stream->disk, error);
  g_autoptr (Qcow2Header) behind = top ? qcow2_header_read (stream->image, error) : NULL;
  if (!behind || !check_headers (fold, top, behind, error))
    return FALSE;
  stream->backing = g_strdup (behind->backing);
  return fold->asked || live_look_is_worth (&image, &stream->disk_status) ||
         not_while_it_runs (fold, "the disk has not grown to as much yet", error);
}

/* ---- the machine ---- */

/* The base is what the image's own header says, and in QEMU as well. */
static gboolean
is_base (const LiveFold *fold, const char *backing, const QemuLayer *base)
{
  struct stat status;
  if (!backing || !base)
    return !backing && !base;
  g_autofree char *path =
      *backing == '/' ? g_strdup (backing) : g_build_filename (fold->path, backing, NULL);
  return stat (path, &status) == 0 && device_same (&base->file, &status);
}

static gboolean
look_at_layers (const LiveFold *fold, Qemu *machine, Stream *stream, GError **error)
{
  struct stat image;
  const QemuLayer *top = qemu_find_disk (machine, &stream->disk_status, fold->dependent, error);
  if (!top)
    return FALSE;
  if (fstat (stream->image, &image) < 0)
    return fail_errno (error, "%s", fold->unnamed);
  if (top->read_only || g_strcmp0 (top->driver, "qcow2") != 0 ||
      !qemu_has_open (machine, &stream->disk_status))
    return not_while_it_runs (fold, "the machine has the disk open otherwise", error);
  const QemuLayer *below = top->below;
  if (!below || !device_same (&below->file, &image) || g_strcmp0 (below->driver, "qcow2") != 0 ||
      !qemu_has_open (machine, &image) || !is_base (fold, stream->backing, below->below))
    return not_while_it_runs (fold, "the machine has other files open", error);
  stream->top = g_strdup (top->node);
  stream->below = g_strdup (below->node);
  stream->base = below->below ? g_strdup (below->below->node) : NULL;
  stream->process = qmp_peer (machine->qmp);
  return TRUE;
}

/* ---- what there is to copy ---- */

typedef struct {
  const char *disk_path;
  const Stream *stream;
} Files;

/* The very files that were looked at, whatever is at their paths by now. */
static int
open_again (gpointer data, const char *path, GError **error)
{
  const Files *files = data;
  gboolean disk = strcmp (path, files->disk_path) == 0;
  int fd = fcntl (disk ? files->stream->disk : files->stream->image, F_DUPFD_CLOEXEC, 0);
  if (fd < 0)
    fail_errno (error, "%s", path);
  return fd;
}

gboolean
live_look_count (const LiveFold *fold, const Stream *stream, guint64 *seen, GError **error)
{
  g_autofree char *disk = g_build_filename (fold->path, fold->dependent, NULL);
  g_autofree char *image = g_build_filename (fold->path, fold->unnamed, NULL);
  Files files = { disk, stream };
  const ImageOpener opener = { .open = open_again, .data = &files };
  return covering_count_seen (&opener, disk, image, seen, error);
}

/* As much again stays for the guest, which goes on writing to the same file system. */
static gboolean
check_room (const LiveFold *fold, const Stream *stream, GError **error)
{
  struct statvfs room;
  if (fstatvfs (fold->directory, &room) < 0)
    return fail_errno (error, "%s", fold->path);
  guint64 needed = 2 * stream->seen;
  return (guint64)room.f_bavail * room.f_frsize >= needed ||
         fail (error, BACKEND_ERROR_NO_SPACE,
               "folding %s while the machine runs needs %" G_GUINT64_FORMAT " free bytes",
               fold->unnamed, needed);
}

static char *
job_name (const LiveFold *fold)
{
  const char *begin = fold->unnamed + strlen (IMAGE_PREFIX);
  g_autofree char *uuid = g_strndup (begin, strlen (begin) - strlen (IMAGE_SUFFIX));
  return qemu_job_name (uuid);
}

gboolean
live_look_at (const LiveFold *fold, Qemu *machine, Stream *stream, GError **error)
{
  stream->job = job_name (fold);
  return live_check_status (machine, error) && look_at_files (fold, stream, error) &&
         look_at_layers (fold, machine, stream, error) &&
         live_look_count (fold, stream, &stream->seen, error) && check_room (fold, stream, error);
}

/* ---- before that ---- */

gboolean
live_fold_is_for (const LocalDomain *found, const char *path, int directory, const char *dependent)
{
  for (guint i = 0; i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    if (strcmp (disk->directory, path) != 0 || strcmp (disk->file, dependent) != 0)
      continue;
    autofd fd = openat (directory, dependent, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && locks_writer_lives (fd);
  }
  return FALSE;
}

static gboolean
is_disk_due (const Places *places, const LocalDisk *disk, const Records *records)
{
  struct stat image, status;
  g_autofree char *path = local_disk_path (disk);
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, NULL);
  if (fd < 0 || !locks_writer_lives (fd) || fstat (fd, &status) < 0)
    return FALSE;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, NULL);
  if (!header || !header->backing || !record_images_have (records->unnamed, header->backing) ||
      records_name_image (records, header->backing))
    return FALSE;
  g_autofree char *behind = g_build_filename (disk->directory, header->backing, NULL);
  autofd below = places_open_path (places, behind, O_RDONLY | O_NOFOLLOW, NULL);
  return below >= 0 && fstat (below, &image) == 0 && live_look_is_worth (&image, &status);
}

gboolean
live_fold_is_due (const Places *places, const LocalDomain *found, const Records *records)
{
  for (guint i = 0; i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    if (!local_disk_is_raw (disk) && is_disk_due (places, disk, records))
      return TRUE;
  }
  return FALSE;
}
