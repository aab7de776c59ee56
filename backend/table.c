/* A fixed number of drawers, each a sorted array with a count.  What changes a drawer that is
 * shared makes another one first.
 *
 * With n entries a copy costs DRAWERS, a change n / DRAWERS and a question the logarithm of that:
 * for the thousands of snapshots that a domain may have, each is about a microsecond. */
#include "table.h"
#include <string.h>

#define DRAWERS 128

typedef struct {
  guint hash;
  const char *key; /* the thing's own */
  gpointer thing;  /* owned */
} Slot;

typedef struct {
  gint refs; /* atomic */
  guint length;
  Slot slots[];
} Drawer;

struct Table {
  gpointer (*ref) (gpointer);
  void (*unref) (gpointer);
  guint size;
  Drawer *drawers[DRAWERS]; /* NULL: empty */
};

/* ---- drawers ---- */

static gsize
drawer_bytes (guint length)
{
  return sizeof (Drawer) + length * sizeof (Slot);
}

static void
drawer_unref (const Table *table, Drawer *drawer)
{
  if (drawer == NULL || !g_atomic_int_dec_and_test (&drawer->refs))
    return;
  for (guint i = 0; i < drawer->length; i++)
    table->unref (drawer->slots[i].thing);
  g_free (drawer);
}

/* The drawer as the table's own, with room for @length entries. */
static Drawer *
drawer_own (Table *table, Drawer **at, guint length)
{
  Drawer *drawer = *at;
  if (drawer != NULL && g_atomic_int_get (&drawer->refs) == 1)
    return *at = g_realloc (drawer, drawer_bytes (length));
  Drawer *own = g_malloc (drawer_bytes (length));
  own->refs = 1;
  own->length = drawer != NULL ? drawer->length : 0;
  if (drawer != NULL)
    memcpy (own->slots, drawer->slots, own->length * sizeof (Slot));
  for (guint i = 0; i < own->length; i++)
    table->ref (own->slots[i].thing);
  drawer_unref (table, drawer);
  return *at = own;
}

/* The first slot whose hash is not below @hash. */
static guint
lower_bound (const Drawer *drawer, guint hash)
{
  guint low = 0, high = drawer != NULL ? drawer->length : 0;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (drawer->slots[middle].hash < hash)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* TRUE: @key is in the slot *@at; FALSE: it would have to be put there. */
static gboolean
drawer_find (const Drawer *drawer, guint hash, const char *key, guint *at)
{
  for (*at = lower_bound (drawer, hash);
       drawer != NULL && *at < drawer->length && drawer->slots[*at].hash == hash; ++*at)
    if (strcmp (drawer->slots[*at].key, key) == 0)
      return TRUE;
  return FALSE;
}

/* ---- tables ---- */

Table *
table_new (gpointer (*ref) (gpointer), void (*unref) (gpointer))
{
  Table *table = g_new0 (Table, 1);
  table->ref = ref;
  table->unref = unref;
  return table;
}

Table *
table_copy (const Table *table)
{
  Table *copy = g_memdup2 (table, sizeof *table);
  for (guint i = 0; i < DRAWERS; i++)
    if (copy->drawers[i] != NULL)
      g_atomic_int_inc (&copy->drawers[i]->refs);
  return copy;
}

void
table_free (Table *table)
{
  if (table == NULL)
    return;
  for (guint i = 0; i < DRAWERS; i++)
    drawer_unref (table, table->drawers[i]);
  g_free (table);
}

guint
table_size (const Table *table)
{
  return table->size;
}

gpointer
table_get (const Table *table, const char *key)
{
  guint hash = g_str_hash (key), at;
  const Drawer *drawer = table->drawers[hash % DRAWERS];
  return drawer_find (drawer, hash, key, &at) ? drawer->slots[at].thing : NULL;
}

gboolean
table_is_own (const Table *table, const char *key)
{
  const Drawer *drawer = table->drawers[g_str_hash (key) % DRAWERS];
  return drawer == NULL || g_atomic_int_get (&drawer->refs) == 1;
}

void
table_put (Table *table, const char *key, gpointer thing)
{
  guint hash = g_str_hash (key), at;
  Drawer **place = &table->drawers[hash % DRAWERS];
  gboolean there = drawer_find (*place, hash, key, &at);
  Drawer *drawer = drawer_own (table, place, (*place != NULL ? (*place)->length : 0) + !there);
  Slot *slot = &drawer->slots[at];
  table->ref (thing); /* first: it may be the same one */
  if (there)
    table->unref (slot->thing);
  else
    memmove (slot + 1, slot, (drawer->length - at) * sizeof *slot);
  *slot = (Slot){ hash, key, thing };
  drawer->length += !there;
  table->size += !there;
}

gboolean
table_remove (Table *table, const char *key)
{
  guint hash = g_str_hash (key), at;
  Drawer **place = &table->drawers[hash % DRAWERS];
  if (!drawer_find (*place, hash, key, &at))
    return FALSE;
  Drawer *drawer = drawer_own (table, place, (*place)->length);
  Slot *slot = &drawer->slots[at];
  gpointer thing = slot->thing;
  drawer->length--;
  table->size--;
  memmove (slot, slot + 1, (drawer->length - at) * sizeof *slot);
  table->unref (thing); /* last: @key may be its own */
  return TRUE;
}

gboolean
table_next (TableIter *iter, gpointer *thing)
{
  for (; iter->drawer < DRAWERS; iter->drawer++, iter->slot = 0) {
    const Drawer *drawer = iter->table->drawers[iter->drawer];
    if (drawer == NULL || iter->slot == drawer->length)
      continue;
    *thing = drawer->slots[iter->slot++].thing;
    return TRUE;
  }
  return FALSE;
}

/* Those of @drawer's keys that are not the same in @other; only those that are not there at all
 * where @missing. */
static void
add_differences (GPtrArray *keys, const Drawer *drawer, const Drawer *other, gboolean missing)
{
  for (guint i = 0; drawer != NULL && i < drawer->length; i++) {
    const Slot *slot = &drawer->slots[i];
    guint at;
    gboolean there = drawer_find (other, slot->hash, slot->key, &at);
    if (!there || (!missing && other->slots[at].thing != slot->thing))
      g_ptr_array_add (keys, (gpointer)slot->key);
  }
}

GPtrArray *
table_differences (const Table *before, const Table *now)
{
  GPtrArray *keys = g_ptr_array_new ();
  for (guint i = 0; i < DRAWERS; i++) {
    if (before->drawers[i] == now->drawers[i])
      continue;
    add_differences (keys, before->drawers[i], now->drawers[i], FALSE);
    add_differences (keys, now->drawers[i], before->drawers[i], TRUE);
  }
  return keys;
}
