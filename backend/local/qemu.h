#pragma once
#include "qmp.h"
#include "scan.h"
#include <sys/stat.h>

/* A running machine as its QEMU describes it, and which of its disks are whose files.
 *
 * Files are told by device and inode and never by path: a disk may be open under a name that
 * another file has got since. */

/* One image as QEMU has it open: a qcow2 or raw node on the node of its file or device. */
typedef struct QemuLayer {
  char *node;
  char *driver;
  char *file_node;
  char *path;       /* by which the file was opened, as QEMU spells it */
  struct stat file; /* that the path leads to now; nothing: it leads nowhere */
  guint64 size;     /* bytes that the guest sees */
  gboolean read_only, direct, no_flush;
  gboolean bitmaps; /* somebody keeps account of what is written to it */
  char *detect_zeroes;
  struct QemuLayer *below; /* NULL: it has no backing file */
} QemuLayer;

typedef struct {
  Qmp *qmp;
  char *status;      /* "running", "paused", … */
  gboolean running;  /* the guest is */
  GPtrArray *disks;  /* of QemuLayer: the topmost of every block device that has a medium */
  GHashTable *nodes; /* names of all */
} Qemu;

/* Milliseconds: for a question, and for what may have to wait for the storage. */
#define QEMU_ASK 5000
#define QEMU_WORK 60000

/* Where the socket @which ("qmp", …) of a domain is: as DOMAIN/vmsnapfs.conf has it under
 * [machine], else DOMAIN/WHICH.sock, and for a bare image NAME.WHICH.sock beside it.  *@path:
 * absolute, to be freed; NULL: there is none.  INVALID, DENIED when the file says what cannot be.
 */
gboolean qemu_find_socket (const Places *places, const LocalDomain *found, const char *which,
                           char **path, GError **error);

/* Opens a socket's path; -1 on error. */
int qemu_open_socket (const Places *places, const char *path, GError **error);

/* Speaks to the machine whose socket @path is.  UNREACHABLE; BUSY when libvirt manages it;
 * UNSUPPORTED when its QEMU is too old. */
Qemu *qemu_open (const Places *places, const char *path, GError **error);
/* The same of who is at the domain's socket; NULL: nobody answers there. */
Qemu *qemu_open_of (const Places *places, const LocalDomain *found);
void qemu_free (Qemu *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Qemu, qemu_free)

/* Asks anew for all that is said above. */
gboolean qemu_look (Qemu *machine, GError **error);
/* Only for its status. */
gboolean qemu_look_at_status (Qemu *machine, GError **error);

/* The block device whose topmost image is this file.  BUSY when it is none's or several ones'. */
const QemuLayer *qemu_find_disk (const Qemu *machine, const struct stat *file, const char *name,
                                 GError **error);
/* The same; NULL: none or several.  @file: device and inode are enough of what is no device. */
const QemuLayer *qemu_top (const Qemu *machine, const struct stat *file);

/* FALSE: the process at the other end does not have the file open.  TRUE when that cannot be
 * seen. */
gboolean qemu_has_open (const Qemu *machine, const struct stat *file);
/* Of struct stat: all files that it has open; NULL when that cannot be seen. */
GArray *qemu_open_files (const Qemu *machine);
gboolean qemu_is_among (const GArray *files, const struct stat *file);

/* "running" or "paused", libvirt's words, of a domain whose disks somebody writes to; "running"
 * when its machine does not say.  Free with g_free. */
char *qemu_state (const Places *places, const LocalDomain *found);
