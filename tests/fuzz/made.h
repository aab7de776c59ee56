#pragma once
/* An image that a recipe makes: whatever the bytes of the recipe, the image is valid, and what its
 * disks hold is known.  After that the recipe may damage single fields; then it is known which
 * ranges that concerns. */
#include "fuzz.h"

/* Bytes that are eaten from the front; zeros once there are none. */
typedef struct {
  const uint8_t *data;
  size_t size;
} Recipe;

static inline guint64
recipe_take (Recipe *recipe, guint bytes)
{
  guint64 value = 0;
  for (guint i = 0; i < bytes; i++) {
    value = value << 8 | (recipe->size ? recipe->data[0] : 0);
    recipe->data += recipe->size ? 1 : 0;
    recipe->size -= recipe->size ? 1 : 0;
  }
  return value;
}

typedef enum { PLACED_DATA, PLACED_ZERO, PLACED_ZERO_KEPT, PLACED_COMPRESSED } PlacedKind;

/* A cluster of a disk that the image says something of. */
typedef struct {
  guint64 guest; /* which one */
  guint64 host;  /* where its bytes are in the file */
  guint64 entry; /* where its L2 entry is in the file */
  PlacedKind kind;
  guint32 stored, zero; /* of its 32 parts; extended L2 only */
  guint32 packed;       /* bytes at host; compressed only */
  guint8 seed;          /* of what it holds */
  gboolean damaged;
} Placed;

typedef struct {
  guint64 size;
  guint64 l1; /* where it is in the file */
  guint64 l1_entries;
  GArray *l2;     /* of MadeL2 */
  GArray *placed; /* of Placed */
} MadeMap;

typedef struct {
  guint64 index;  /* in the L1 table */
  guint64 offset; /* in the file */
  gboolean damaged;
} MadeL2;

#define MADE_MAPS 3

typedef struct Made Made;
struct Made {
  int fd;
  guint64 end; /* of the file */
  gint64 room; /* bytes of data that may still be written, so that it does not take long */
  guint cluster_bits;
  guint version;
  gboolean extended; /* L2 entries with a bitmap */
  gboolean zstd;
  guint maps_count;
  MadeMap maps[MADE_MAPS]; /* the first: as it is; the others: snapshots "1" and "2" */
  guint64 snapshots, snapshots_length;

  const Made *backing;      /* NULL: none, or the raw one */
  const char *backing_name; /* NULL: none */
  gboolean raw;             /* the backing file is raw */
  gsize raw_length;
  guint8 raw_seed;

  gboolean unknown;           /* a damage may concern anything */
  gboolean cut;               /* the file is shorter: what is read may fail or be zeros */
  gboolean snapshots_unknown; /* a damage may concern the snapshots */
};

/* @backing: an image behind it, borrowed; @raw_length: of a raw file behind it.  @name: how the
 * image calls what is behind it; NULL: nothing is. */
Made *made_new (Recipe *recipe, const Made *backing, const char *name, gsize raw_length,
                guint8 raw_seed);
void made_free (Made *made);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Made, made_free)

/* As the rest of the recipe wants. */
void made_damage (Made *made, Recipe *recipe);

/* What is stored with @seed from @offset of a cluster, or of a raw file, on. */
void made_content (guint8 *to, gsize count, guint64 offset, guint8 seed);

/* What the disk of map @index holds.  @known: for each byte whether it must be just so. */
typedef enum { MADE_UNKNOWN, MADE_OR_ZERO, MADE_KNOWN } MadeKnown;
void made_expect (const Made *made, guint index, guint8 *bytes, guint8 *known, gsize count,
                  guint64 offset);
