/* A hash table in shards, each with a lock and a clock hand.
 *
 * A hit takes one short lock and marks the block as used.  Who adds one over the budget drops
 * others: the hand goes round, spares what was used since it came by, and takes the next.  A block
 * that somebody still reads leaves the table at once and its memory when that ends, so the budget
 * may be passed by what is being read at that moment.
 *
 * Blocks of an image that was closed are not searched for: nobody asks for them any more, so they
 * are the first to go; and when no image is open, all are. */
#include "cache.h"
#include "../threads.h"
#include <sys/mman.h>

#define BUDGET (64 * 1024 * 1024)
#define SHARDS 16
#define LARGE (32 * 1024)

typedef struct {
  Lock lock;
  GHashTable *blocks; /* a set of Block; NULL: none yet */
  GPtrArray *ring;    /* the same blocks, in the order of the hand */
  guint hand;
} Shard;

static Shard shards[SHARDS] = { [0 ... SHARDS - 1] = { .lock = LOCK_INIT } };
static gsize used;       /* bytes in all shards; atomic */
static gint next_victim; /* the shard that gives next; atomic */
static gsize last_owner; /* atomic */

guint64
cache_owner_new (void)
{
  return (guint64)g_atomic_pointer_add (&last_owner, 1) + 1;
}

static guint
block_hash (gconstpointer data)
{
  const Block *block = data;
  guint64 mixed = (block->owner ^ block->offset >> 9) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  return (guint)(mixed >> 32);
}

static gboolean
block_equal (gconstpointer a, gconstpointer b)
{
  const Block *one = a, *other = b;
  return one->offset == other->offset && one->owner == other->owner && one->length == other->length;
}

static Shard *
shard_of (const Block *key)
{
  return &shards[block_hash (key) % SHARDS];
}

/* Large blocks come from the system and go back to it: between the many threads that make and drop
 * them, an allocator would keep twice the budget. */
static gboolean
is_large (gsize length)
{
  return length >= LARGE;
}

static void *
map_pages (gsize length)
{
  void *pages = mmap (NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    g_error ("there is no memory for %" G_GSIZE_FORMAT " bytes", length);
  return pages;
}

Block *
block_new (guint64 owner, guint64 offset, gsize length)
{
  gsize whole = sizeof (Block) + length;
  Block *block = is_large (length) ? map_pages (whole) : g_malloc (whole);
  *block = (Block){ .owner = owner, .offset = offset, .length = length, .refs = 1, .used = 1 };
  return block;
}

Block *
block_ref (Block *block)
{
  g_atomic_int_inc (&block->refs);
  return block;
}

void
block_unref (Block *block)
{
  if (!block || !g_atomic_int_dec_and_test (&block->refs))
    return;
  if (is_large (block->length))
    munmap (block, sizeof *block + block->length);
  else
    g_free (block);
}

Block *
cache_find (guint64 owner, guint64 offset, gsize length)
{
  const Block key = { .owner = owner, .offset = offset, .length = length };
  Shard *shard = shard_of (&key);
  autolock held = lock_hold (&shard->lock);
  Block *block = shard->blocks ? g_hash_table_lookup (shard->blocks, &key) : NULL;
  if (!block)
    return NULL;
  g_atomic_int_set (&block->used, 1);
  return block_ref (block);
}

/* The shard's lock is held. */
static void
drop (Shard *shard, Block *block, const Held *held)
{
  Block *last = g_ptr_array_index (shard->ring, shard->ring->len - 1);
  g_hash_table_remove (shard->blocks, block);
  last->place = block->place;
  g_ptr_array_remove_index_fast (shard->ring, block->place);
  g_atomic_pointer_add (&used, -(gssize)(sizeof *block + block->length));
  block_unref (block);
}

/* Drops the next block that was not used since the hand came by; nothing in an empty shard. */
static void
drop_one (Shard *shard)
{
  autolock held = lock_hold (&shard->lock);
  while (shard->ring && shard->ring->len > 0) {
    Block *block = g_ptr_array_index (shard->ring, shard->hand++ % shard->ring->len);
    if (!g_atomic_int_compare_and_exchange (&block->used, 1, 0)) {
      drop (shard, block, &held);
      return;
    }
  }
}

static void
keep_to_budget (void)
{
  while ((gsize)g_atomic_pointer_get (&used) > BUDGET)
    drop_one (&shards[(guint)g_atomic_int_add (&next_victim, 1) % SHARDS]);
}

/* Returns the equal block when there is one already. */
static Block *
insert (Block *block)
{
  Shard *shard = shard_of (block);
  autolock held = lock_hold (&shard->lock);
  if (!shard->blocks) {
    shard->blocks = g_hash_table_new (block_hash, block_equal);
    shard->ring = g_ptr_array_new ();
  }
  Block *other = g_hash_table_lookup (shard->blocks, block);
  if (other)
    return block_ref (other);
  block->place = shard->ring->len;
  g_ptr_array_add (shard->ring, block_ref (block));
  g_hash_table_add (shard->blocks, block);
  g_atomic_pointer_add (&used, (gssize)(sizeof *block + block->length));
  return block_ref (block);
}

Block *
cache_add (Block *block)
{
  Block *kept = insert (block);
  block_unref (block);
  keep_to_budget ();
  return kept;
}

void
cache_clear (void)
{
  for (guint i = 0; i < SHARDS; i++) {
    Shard *shard = &shards[i];
    autolock held = lock_hold (&shard->lock);
    while (shard->ring && shard->ring->len > 0)
      drop (shard, g_ptr_array_index (shard->ring, shard->ring->len - 1), &held);
  }
}

void
cache_memory (guint64 *in_use, guint64 *budget)
{
  *in_use = (gsize)g_atomic_pointer_get (&used);
  *budget = BUDGET;
}
