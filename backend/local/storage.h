#pragma once
#include "../job.h"
#include "places.h"

/* Storage that is not ours: a snapshot of a disk that something else makes, keeps, brings back and
 * removes.  All that it is to us is a uuid.
 *
 * Every call may be repeated: making what is there, removing what is not and bringing back twice
 * do no harm.  So nothing has to be known of a call that was interrupted. */

typedef struct {
  const char *domain; /* uuid, for people who look into the storage; NULL: not said */
  const char *image;  /* uuid */
  const char *target; /* vda */
  char *disk;         /* absolute path of the disk; of one that is only kept: where it was then */
  guint64 size;       /* bytes that the guest sees */
  gboolean raw;       /* the format of the disk and of the snapshot; else qcow2 */
} StorageImage;

typedef enum {
  STORAGE_DONE,
  STORAGE_REFUSED, /* nothing was done, and it is said why */
  STORAGE_UNKNOWN, /* whether anything was done is not known */
} StorageEnd;

typedef struct Storage {
  const char *name; /* for sentences */
  gboolean ends;    /* whatever it is asked for comes to an end by itself, soon */

  /* Whether snapshots of the disk at the absolute path @disk can be taken and asked for;
   * UNSUPPORTED with the reason.  Runs nothing. */
  gboolean (*check) (const Places *places, const char *disk, GError **error);

  /* @records: the directory of the domain's records, borrowed; @job: when it is cancelled, so is
   * the call; NULL: it cannot be. */
  StorageEnd (*create) (const Places *places, const StorageImage *image, int records, Job *job,
                        GError **error);
  StorageEnd (*remove) (const Places *places, const StorageImage *image, int records, Job *job,
                        GError **error);
  /* @held: borrowed; QEMU's locks on the disk, which are held for as long as anything of the call
   * lives on.  @job: is told how far it is, where that is known; it cannot be cancelled. */
  StorageEnd (*revert) (const Places *places, const StorageImage *image, int held, int records,
                        Job *job, GError **error);

  /* *@path: where its bytes can be read, absolute; NULL: it is not there.  Free with g_free.
   * @job: as above. */
  gboolean (*locate) (const Places *places, const StorageImage *image, Job *job, char **path,
                      GError **error);
} Storage;

extern const Storage storage_hook; /* what a program does that the administrator names */
extern const Storage storage_lvm;  /* logical volumes, by LVM's commands */
extern const Storage storage_zfs;  /* files and volumes, by ZFS's command */

/* The method that goes with the disk that is open as @fd by what it is on; NULL: that is not
 * special. */
const char *storage_usual (int fd);

/* A description of the directory @records by which it is locked, so that nothing is asked of a
 * domain's storage while something that was asked for before still works at it; -1: @whose process
 * does.  BUSY. */
int storage_lock (const char *whose, int records, GError **error);

/* A `revert` for storage whose snapshots can be read beside the disk. */
StorageEnd storage_copy_back (const Storage *storage, const Places *places,
                              const StorageImage *image, int held, Job *job, GError **error);

/* Opens, for reading, what @storage keeps as @image: a regular file or a block device below a
 * place, and no symbolic link, of the right format and size, that is read through nothing else.
 * *@path: its name, to be freed.  @job: as above.  -1 on error: NOT_FOUND when it is not there. */
int storage_open (const Storage *storage, const Places *places, const StorageImage *image, Job *job,
                  char **path, GError **error);

/* Makes it, and looks whether it is there and is not the disk itself. */
gboolean storage_create (const Storage *storage, const Places *places, const StorageImage *image,
                         int records, Job *job, char **path, GError **error);
/* Removes it, and looks whether it is gone. */
gboolean storage_remove (const Storage *storage, const Places *places, const StorageImage *image,
                         int records, Job *job, GError **error);

/* Whether the image that is open as @fd is as @image says; DAMAGED. */
gboolean storage_check (int fd, const StorageImage *image, GError **error);
