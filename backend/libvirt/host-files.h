#pragma once
#include "../disk-reader.h"
#include "../error.h"
#include "layout.h"

/* The files that libvirt names, read on this host.
 *
 * Who may read them is the system's matter; which files are opened is ours: those that libvirt
 * lists for the disk, what is behind them in the same directories, and what is in those given with
 * -o allow=DIR.  No symbolic link is followed below those directories.  Any thread. */
typedef struct {
  gboolean here;            /* libvirt's host is this one */
  const char *const *allow; /* NULL: none */
} HostFiles;

/* Whether the host that @uri leads to is this one, as far as a URI tells. */
gboolean host_files_are_here (const char *uri);

/* What is inside the image at @path, of Qcow2Snapshot; NULL: it cannot be read, or is no qcow2.
 * Links are followed, as libvirt does.  Free with g_ptr_array_unref. */
GPtrArray *host_files_inside (const char *path);

/* The image behind the one at @path, by a path without "." and ".."; NULL: none, or it is not
 * known. Free with g_free. */
char *host_files_behind (const char *path);

/* What a file says of a disk. */
typedef struct {
  guint64 size;      /* bytes that the guest sees */
  guint64 allocated; /* that are stored in the file */
  gint64 modified;   /* nanoseconds since the epoch */
  char *id;          /* QEMU's of the snapshot inside; NULL: the image as it is */
  gboolean changes;  /* a machine has it open for writing */
} FileLook;

/* Looks into the file on top of @disk; @tag: at the snapshot of this name inside it (NULL: as it
 * is).  Without locks: that it can be read now is not said.  Free look->id. */
gboolean host_files_look (const HostFiles *files, const LayoutDisk *disk, const char *tag,
                          FileLook *look, GError **error);

/* While it is open nobody writes to any of its files: BUSY when somebody does already. */
DiskReader *host_files_open (const HostFiles *files, const LayoutDisk *disk, const char *tag,
                             GError **error);

/* Removes a file that was merged into another one, when it is here; nobody needs to know. */
void host_files_drop (const HostFiles *files, const char *path);
