/* The header of a qcow2 image (docs/interop/qcow2.txt in QEMU's source), read in-process because
 * it is asked for far too often to start a qemu-img for it.
 *
 * The checks and their order are QEMU's own (qcow2_do_open), so that an image is refused here
 * exactly when QEMU would refuse it, and for the same reason; what goes beyond is marked.  Nothing
 * is allocated from a length in the image before that length was compared with its limit.
 *
 * It does not look at the L1 and refcount tables, only at where they claim to be. */
#include "header.h"
#include "bytes.h"
#include "io.h"
#include <sys/stat.h>

#define MAGIC 0x514649fbU /* "QFI" and 0xfb */
#define MIN_CLUSTER_BITS 9
#define MAX_CLUSTER_BITS 21
#define MIN_CLUSTER_BITS_SUBCLUSTERS 14
#define V2_HEADER_LENGTH 72
#define V3_HEADER_LENGTH 104
#define MAX_REFCOUNT_ORDER 6
#define MAX_REFCOUNT_TABLE (8 * 1024 * 1024)
#define MAX_L1_TABLE (32 * 1024 * 1024)
#define MAX_SNAPSHOTS 65536
#define MAX_BACKING_NAME 1023
#define MAX_FORMAT_NAME 15
#define MAX_EXTENSIONS 1024 /* QEMU has none; its own images have three */
#define MAX_OFFSET ((G_GUINT64_CONSTANT (1) << 56) - 1)

#define EXTENSION_END 0
#define EXTENSION_BACKING_FORMAT 0xe2792acaU

#define INCOMPATIBLE_DIRTY (1 << 0)
#define INCOMPATIBLE_DATA_FILE (1 << 2)
#define INCOMPATIBLE_COMPRESSION (1 << 3)
#define INCOMPATIBLE_EXTENDED_L2 (1 << 4)
#define INCOMPATIBLE_KNOWN 0x1f /* dirty, corrupt, data file, compression type, extended L2 */

#define CRYPT_LUKS 2

/* Nearly always the header, its extensions and the backing name are in here. */
#define START 1024

typedef struct {
  int fd;
  guint64 length;
  gsize have;
  guint8 start[START];
} Image;

/* The numbers of the header that are checked and then forgotten. */
typedef struct {
  guint64 backing_offset;
  guint32 backing_length;
  guint32 encryption;
  guint64 refcount_offset;
  guint32 refcount_clusters;
  guint64 incompatible;
  guint32 refcount_order;
  guint32 header_length;
} Raw;

static gboolean
image_read (const Image *image, guint64 offset, gsize length, guint8 *to, GError **error)
{
  gssize got;
  if (offset <= image->have && length <= image->have - offset) {
    memcpy (to, image->start + offset, length);
    return TRUE;
  }
  if (offset > image->length || length > image->length - offset)
    return fail (error, BACKEND_ERROR_DAMAGED, "the image is cut off in its header");
  got = io_read (image->fd, to, length, offset, TRUE);
  if (got < 0)
    return fail_errno (error, "reading the header");
  if ((gsize)got < length)
    return fail (error, BACKEND_ERROR_DAMAGED, "the image is cut off in its header");
  return TRUE;
}

static gboolean
image_open (Image *image, int fd, GError **error)
{
  struct stat status;
  gssize got;
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "reading the header");
  if (!S_ISREG (status.st_mode))
    return fail (error, BACKEND_ERROR_DAMAGED, "not a regular file");
  image->fd = fd;
  image->length = (guint64)status.st_size;
  got = io_read (fd, image->start, START, 0, TRUE);
  if (got < 0)
    return fail_errno (error, "reading the header");
  image->have = (gsize)got;
  if (image->have < 4 || big32 (image->start) != MAGIC)
    return fail (error, BACKEND_ERROR_DAMAGED, "not a qcow2 image");
  if (image->have < V2_HEADER_LENGTH)
    return fail (error, BACKEND_ERROR_DAMAGED, "the image is cut off in its header");
  return TRUE;
}

static gboolean
decode_common (const Image *image, Qcow2Header *header, Raw *raw, GError **error)
{
  const guint8 *start = image->start;
  header->version = big32 (start + 4);
  if (header->version < 2 || header->version > 3)
    return fail (error, BACKEND_ERROR_DAMAGED, "qcow2 version %u is unknown", header->version);
  raw->backing_offset = big64 (start + 8);
  raw->backing_length = big32 (start + 16);
  header->cluster_bits = big32 (start + 20);
  header->size = big64 (start + 24);
  raw->encryption = big32 (start + 32);
  header->l1.entries = big32 (start + 36);
  header->l1.offset = big64 (start + 40);
  raw->refcount_offset = big64 (start + 48);
  raw->refcount_clusters = big32 (start + 56);
  header->snapshots = big32 (start + 60);
  header->snapshots_offset = big64 (start + 64);
  raw->refcount_order = 4;
  raw->header_length = V2_HEADER_LENGTH;
  if (header->cluster_bits < MIN_CLUSTER_BITS || header->cluster_bits > MAX_CLUSTER_BITS)
    return fail (error, BACKEND_ERROR_DAMAGED, "a cluster size of 2^%u is not allowed",
                 header->cluster_bits);
  return TRUE;
}

/* A longer header says the method; the feature bit must agree. */
static gboolean
decode_compression (const Image *image, Qcow2Header *header, const Raw *raw, GError **error)
{
  gboolean flagged = (raw->incompatible & INCOMPATIBLE_COMPRESSION) != 0;
  guint8 method = COMPRESSION_ZLIB;
  if (raw->header_length > V3_HEADER_LENGTH &&
      !image_read (image, V3_HEADER_LENGTH, sizeof method, &method, error))
    return FALSE;
  if (method > COMPRESSION_ZSTD)
    return fail (error, BACKEND_ERROR_DAMAGED, "compression method %u is unknown", method);
  if (flagged != (method != COMPRESSION_ZLIB))
    return fail (error, BACKEND_ERROR_DAMAGED, "it contradicts itself about its compression");
  header->compression = method;
  return TRUE;
}

static gboolean
decode_version_3 (const Image *image, Qcow2Header *header, Raw *raw, GError **error)
{
  guint8 more[V3_HEADER_LENGTH - V2_HEADER_LENGTH];
  if (!image_read (image, V2_HEADER_LENGTH, sizeof more, more, error))
    return FALSE;
  raw->incompatible = big64 (more);
  raw->refcount_order = big32 (more + 24);
  raw->header_length = big32 (more + 28);
  if (raw->header_length < V3_HEADER_LENGTH || raw->header_length % 8 != 0 ||
      raw->header_length > G_GUINT64_CONSTANT (1) << header->cluster_bits)
    return fail (error, BACKEND_ERROR_DAMAGED, "a header of %u bytes is not allowed",
                 raw->header_length);
  header->dirty = (raw->incompatible & INCOMPATIBLE_DIRTY) != 0;
  header->data_file = (raw->incompatible & INCOMPATIBLE_DATA_FILE) != 0;
  header->unknown_features = raw->incompatible & ~(guint64)INCOMPATIBLE_KNOWN;
  header->extended_l2 = (raw->incompatible & INCOMPATIBLE_EXTENDED_L2) != 0;
  if (header->extended_l2 && header->cluster_bits < MIN_CLUSTER_BITS_SUBCLUSTERS)
    return fail (error, BACKEND_ERROR_DAMAGED, "its clusters are too small for extended L2 tables");
  return decode_compression (image, header, raw, error);
}

/* A table of @entries times @entry_size bytes at @offset, both from the image. */
static gboolean
check_table (const Qcow2Header *header, guint64 file_length, const char *what, guint64 offset,
             guint64 entries, guint64 entry_size, guint64 limit, GError **error)
{
  guint64 bytes, end;
  if (entries == 0)
    return TRUE;
  if (__builtin_mul_overflow (entries, entry_size, &bytes) || bytes > limit)
    return fail (error, BACKEND_ERROR_DAMAGED, "its %s is too large", what);
  if (__builtin_add_overflow (offset, bytes, &end) || end > MAX_OFFSET ||
      (offset & ((G_GUINT64_CONSTANT (1) << header->cluster_bits) - 1)) != 0)
    return fail (error, BACKEND_ERROR_DAMAGED, "its %s is at an impossible place", what);
  if (offset == 0 || offset >= file_length)
    return fail (error, BACKEND_ERROR_DAMAGED, "its %s lies outside of the image", what);
  return TRUE;
}

gboolean
qcow2_check_l1 (const Qcow2Header *header, const Qcow2Table *l1, guint64 file_length,
                GError **error)
{
  return check_table (header, file_length, "L1 table", l1->offset, l1->entries, 8, MAX_L1_TABLE,
                      error);
}

/* One entry of the L1 table stands for an L2 table of one cluster. */
static guint64
l1_entries_needed (const Qcow2Header *header)
{
  guint shift = 2 * header->cluster_bits - (header->extended_l2 ? 4 : 3);
  guint64 whole = header->size >> shift;
  return whole + ((header->size & ((G_GUINT64_CONSTANT (1) << shift) - 1)) != 0);
}

static gboolean
check_tables (const Image *image, const Qcow2Header *header, const Raw *raw, GError **error)
{
  guint64 cluster = G_GUINT64_CONSTANT (1) << header->cluster_bits;
  if (raw->refcount_order > MAX_REFCOUNT_ORDER)
    return fail (error, BACKEND_ERROR_DAMAGED, "its reference counts are too wide");
  if (raw->refcount_clusters == 0)
    return fail (error, BACKEND_ERROR_DAMAGED, "it has no refcount table");
  if (!check_table (header, image->length, "refcount table", raw->refcount_offset,
                    raw->refcount_clusters, cluster, MAX_REFCOUNT_TABLE, error))
    return FALSE;
  if (header->size > G_MAXINT64)
    return fail (error, BACKEND_ERROR_DAMAGED, "its disk is too large");
  if (!qcow2_check_l1 (header, &header->l1, image->length, error))
    return FALSE;
  if (header->l1.entries < l1_entries_needed (header))
    return fail (error, BACKEND_ERROR_DAMAGED, "its L1 table is too small for its disk");
  /* 40 bytes are the least that an entry can have; the walk checks the rest. */
  return check_table (header, image->length, "snapshot table", header->snapshots_offset,
                      header->snapshots, 40, MAX_SNAPSHOTS * 40, error);
}

/* Text in the image, ended by its length. */
static char *
read_text (const Image *image, guint64 offset, gsize length, const char *what, GError **error)
{
  g_autofree char *text = g_malloc0 (length + 1);
  if (!image_read (image, offset, length, (guint8 *)text, error))
    return NULL;
  if (strlen (text) < length) { /* beyond QEMU, which would read a shorter name than is there */
    fail (error, BACKEND_ERROR_DAMAGED, "the name of its %s contains a NUL", what);
    return NULL;
  }
  return g_steal_pointer (&text);
}

static gboolean
read_backing (const Image *image, Qcow2Header *header, const Raw *raw, GError **error)
{
  guint64 cluster = G_GUINT64_CONSTANT (1) << header->cluster_bits;
  if (raw->backing_offset == 0)
    return TRUE;
  if (raw->backing_offset > cluster)
    return fail (error, BACKEND_ERROR_DAMAGED, "its backing file name is at an impossible place");
  if (raw->backing_length > MIN (MAX_BACKING_NAME, cluster - raw->backing_offset))
    return fail (error, BACKEND_ERROR_DAMAGED, "its backing file name is too long");
  if (raw->backing_length == 0)
    return TRUE;
  header->backing =
      read_text (image, raw->backing_offset, raw->backing_length, "backing file", error);
  return header->backing != NULL;
}

/* @length: of its data, which was checked to lie within the first cluster. */
static gboolean
read_extension (const Image *image, Qcow2Header *header, guint32 type, guint64 offset,
                guint32 length, GError **error)
{
  if (type != EXTENSION_BACKING_FORMAT)
    return TRUE;
  if (length > MAX_FORMAT_NAME)
    return fail (error, BACKEND_ERROR_DAMAGED, "the name of its backing format is too long");
  g_clear_pointer (&header->backing_format, g_free);
  header->backing_format = read_text (image, offset, length, "backing format", error);
  return header->backing_format != NULL;
}

/* They follow the header and end where the backing name, or else the cluster, does. */
static gboolean
read_extensions (const Image *image, Qcow2Header *header, const Raw *raw, GError **error)
{
  guint64 offset = raw->header_length;
  guint64 end =
      raw->backing_offset ? raw->backing_offset : G_GUINT64_CONSTANT (1) << header->cluster_bits;
  for (guint i = 0; offset + 8 <= end; i++) {
    guint8 head[8];
    guint32 type, length;
    if (i == MAX_EXTENSIONS)
      return fail (error, BACKEND_ERROR_DAMAGED, "it has too many header extensions");
    if (!image_read (image, offset, sizeof head, head, error))
      return FALSE;
    type = big32 (head);
    length = big32 (head + 4);
    offset += sizeof head;
    if (type == EXTENSION_END)
      return TRUE;
    if (length > end - offset)
      return fail (error, BACKEND_ERROR_DAMAGED, "a header extension is too long");
    if (!read_extension (image, header, type, offset, length, error))
      return FALSE;
    offset += ((guint64)length + 7) & ~G_GUINT64_CONSTANT (7);
  }
  return TRUE;
}

Qcow2Header *
qcow2_header_read (int fd, GError **error)
{
  g_autoptr (Qcow2Header) header = g_new0 (Qcow2Header, 1);
  Raw raw = { 0 };
  Image image;
  if (!image_open (&image, fd, error) || !decode_common (&image, header, &raw, error))
    return NULL;
  if (header->version == 3 && !decode_version_3 (&image, header, &raw, error))
    return NULL;
  if (raw.encryption > CRYPT_LUKS) {
    fail (error, BACKEND_ERROR_DAMAGED, "encryption method %u is unknown", raw.encryption);
    return NULL;
  }
  header->encrypted = raw.encryption != 0;
  if (!read_backing (&image, header, &raw, error) ||
      !read_extensions (&image, header, &raw, error) || !check_tables (&image, header, &raw, error))
    return NULL;
  return g_steal_pointer (&header);
}

gboolean
qcow2_header_is_plain (const Qcow2Header *header)
{
  return !header->encrypted && !header->data_file && header->unknown_features == 0;
}

void
qcow2_header_free (Qcow2Header *header)
{
  if (!header)
    return;
  g_free (header->backing);
  g_free (header->backing_format);
  g_free (header);
}
