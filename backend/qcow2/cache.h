#pragma once
#include <glib.h>

/* What was read from images and is worth keeping: pieces of their tables, and clusters after
 * decompression.  One memory budget for the whole process.  Any thread. */
typedef struct {
  guint64 owner; /* the number of what it belongs to, which is never used again */
  guint64 offset;
  gsize length;
  gint refs;   /* atomic */
  gint used;   /* atomic: asked for since the cache last looked for something to drop */
  guint place; /* the cache's own */
  guint8 bytes[];
} Block;

/* A number for an owner. */
guint64 cache_owner_new (void);

/* The block with exactly this key, with a reference; NULL: it is not there. */
Block *cache_find (guint64 owner, guint64 offset, gsize length);

/* A block that is not in the cache yet, to be filled. */
Block *block_new (guint64 owner, guint64 offset, gsize length);

/* Puts a filled block (taken) into the cache; returns it, or the equal one that was quicker, with a
 * reference. */
Block *cache_add (Block *block);

Block *block_ref (Block *block);
void block_unref (Block *block);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Block, block_unref)

/* Drops everything. */
void cache_clear (void);

void cache_memory (guint64 *used, guint64 *budget);
