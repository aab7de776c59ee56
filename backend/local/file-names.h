#pragma once
/* How the store names what it makes.  Everything of ours begins with ".vmsnapfs", in the store's
 * own directory and beside each disk. */
#define RECORDS_DIRECTORY ".vmsnapfs"

/* A frozen image: ".vmsnapfs-UUID.qcow2", beside its disk, or ".vmsnapfs-UUID.raw", whose bytes are
 * the guest's to choose and are never taken for a header. */
#define IMAGE_PREFIX ".vmsnapfs-"
#define IMAGE_SUFFIX ".qcow2"
#define RAW_IMAGE_SUFFIX ".raw"

/* A snapshot by ZFS: MOUNTPOINT/.zfs/snapshot/vmsnapfs-UUID, in which the dataset's files are. */
#define ZFS_SNAPSHOTS ".zfs/snapshot"
#define ZFS_SNAPSHOT_PREFIX "vmsnapfs-"

/* Prepared, and not committed: nothing refers to it.  A disk is ".vmsnapfs-UUID.new". */
#define PREPARED_SUFFIX ".new"
#define UNFINISHED_SUFFIX ".t"

#define JOURNAL_FILE "journal"
#define INSIDE_FILE "inside" /* the same for what is written into images */

/* What a repair put aside because nobody can read it. */
#define DAMAGED_SUFFIX ".damaged"
