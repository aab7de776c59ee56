#pragma once
#include "../error.h"

typedef enum { COMPRESSION_ZLIB, COMPRESSION_ZSTD } Compression;

/* A table of 8-byte entries in the image. */
typedef struct {
  guint64 offset; /* of a cluster */
  guint32 entries;
} Qcow2Table;

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
  gboolean dirty;           /* its reference counts may be wrong: its writer has not closed it */
  guint64 unknown_features; /* incompatible bits that nobody here knows; 0: none */
  gboolean extended_l2;     /* clusters have subclusters */
  Compression compression;
  Qcow2Table l1;     /* of the image as it is */
  guint32 snapshots; /* how many are inside */
  guint64 snapshots_offset;
} Qcow2Header;

/* @fd: open for reading, a regular file; borrowed.  DAMAGED when it is no qcow2 image or
 * contradicts itself; the message ends the sentence "NAME: …". */
Qcow2Header *qcow2_header_read (int fd, GError **error);
/* Whether all that is in the image can be read: it is not encrypted, has no external data and needs
 * no features that are not known here. */
gboolean qcow2_header_is_plain (const Qcow2Header *header);

/* Whether an L1 table, of the image or of a snapshot in it, is at a possible place.
 * @file_length: bytes of the file.  DAMAGED as above. */
gboolean qcow2_check_l1 (const Qcow2Header *header, const Qcow2Table *l1, guint64 file_length,
                         GError **error);
void qcow2_header_free (Qcow2Header *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Qcow2Header, qcow2_header_free)
