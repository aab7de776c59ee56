#pragma once
#include "change.h"
#include "storage.h"

/* A way of taking a snapshot of one disk (the <diskSnapshot method='…'> of libvirt's proposal), as
 * what an operation has to do with it.  An image remembers by which it was frozen, and is brought
 * back by the same, whatever the disk's method is by then. */
typedef struct Method {
  const char *name;    /* in records and for people */
  const char *alias;   /* what it may be called as well; NULL: nothing */
  const char *goes_on; /* the format of a disk afterwards; NULL: the one that it had */
  gboolean compresses; /* what is frozen, where that is asked for */
  const Storage
      *storage; /* what keeps what is frozen; NULL: it is a file of ours, beside the disk */

  /* Whether a snapshot of @disk can be taken so; UNSUPPORTED with the reason. */
  gboolean (*check) (const Places *places, const LocalDisk *disk, GError **error);

  /* The present state of @disk becomes @record's. */
  gboolean (*freeze) (Change *change, ChangeDisk *disk, Record *record, GError **error);

  /* Makes, at the moment of the snapshot, what the present state of @disk becomes.  NULL: its
   * storage does, or the file itself is frozen. */
  gboolean (*take) (Change *change, ChangeDisk *disk, GError **error);

  /* Begins to prepare what @disk goes on with, now that its state is frozen as @image. */
  gboolean (*go_on) (Change *change, ChangeDisk *disk, const RecordImage *image, GError **error);

  /* Begins to prepare what takes the place of @disk and has the bytes of @image, a neighbour that
   * was frozen by this method; or has its storage bring them back once that is committed. */
  gboolean (*bring_back) (Change *change, ChangeDisk *disk, const RecordImage *image,
                          GError **error);
} Method;

extern const Method method_qemu;  /* the image is frozen, and an overlay takes its place */
extern const Method method_btrfs; /* a clone is frozen, and the disk stays what it is */
extern const Method method_lvm;   /* LVM makes a snapshot of the logical volume (lvm.c) */
extern const Method method_zfs;   /* ZFS makes a snapshot of the dataset or the volume (zfs.c) */
extern const Method method_exec;  /* a program of the administrator's has its own way (hook.h) */

/* The disk's file stays the disk; else an overlay takes its place. */
gboolean method_is_in_place (const Method *method);

/* INVALID: nobody knows the word. */
const Method *method_find (const char *word, GError **error);

/* That of records; NULL: it is no method of this version. */
const Method *method_of_record (const char *name);

/* What @disk is to be snapshotted by, possible or not: what its method file says (in @records,
 * which may be NULL), its description, or the default for what it is. */
const char *method_word (const Records *records, const LocalDisk *disk);

/* How a snapshot of @disk is taken; @word: for this once, NULL: by its own.  UNSUPPORTED where that
 * cannot be done here. */
const Method *method_choose (const Places *places, const Records *records, const LocalDisk *disk,
                             const char *word, GError **error);

/* The names of those that can be done with @disk, separated by spaces.  Free with g_free. */
char *method_possible (const Places *places, const LocalDisk *disk);
