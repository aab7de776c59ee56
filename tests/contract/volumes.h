#pragma once
/* The volumes that the disks of the contract's domains may be: of LVM (lvm and thin) or of ZFS
 * (zvol), made in what $CONTRACT_VOLUMES is the directory of. test-local.c says what is expected
 * there. */

/* Free with g_free. */
char *volume_path (const char *directory, const char *name);
/* The disk @name of the domain's directory; all zeros, as a new image is. */
void volume_make (const char *kind, const char *directory, const char *name);
/* Those of both domains of a store, with their snapshots. */
void volumes_remove (const char *kind, const char *store);
