#pragma once
#include "../error.h"

/* What the first cluster of a qcow2 image says.  The image is not trusted:
 * every length and offset is checked against a named limit. */
typedef struct {
  guint32 version;      /* 2 or 3 */
  guint64 size;         /* bytes that the guest sees */
  guint32 cluster_bits; /* 9 to 21 */
  char *backing;        /* as the image spells it; NULL: none */
  char *backing_format; /* NULL: not said */
  gboolean encrypted;
  gboolean data_file;       /* its bytes are in an external file */
  guint64 unknown_features; /* incompatible bits that nobody here knows; 0: none */
  guint32 snapshots;        /* how many are inside */
  guint64 snapshots_offset;
} Qcow2Header;

/* @fd: open for reading, a regular file; borrowed.  DAMAGED when it is no qcow2 image or
 * contradicts itself; the message ends the sentence "NAME: …". */
Qcow2Header *qcow2_header_read (int fd, GError **error);
void qcow2_header_free (Qcow2Header *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Qcow2Header, qcow2_header_free)
