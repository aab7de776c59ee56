#pragma once
#include <glib.h>

/* A table from texts to counted things, whose copy costs the same whatever is in it: the entries
 * are in drawers, and a copy shares each of them until one of the two changes it.  So what was
 * there before can be kept beside what is there now, and what differs is found by looking only
 * where something was changed.
 *
 * A table that nobody changes may be read and copied by many threads.  The order of the entries
 * means nothing. */
typedef struct Table Table;

/* The things are counted by @ref and @unref, which answer for NULL nothing. */
Table *table_new (gpointer (*ref) (gpointer), void (*unref) (gpointer));
Table *table_copy (const Table *table);
void table_free (Table *table); /* NULL is ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Table, table_free)

guint table_size (const Table *table);

/* Belongs to the table; NULL: not there. */
gpointer table_get (const Table *table, const char *key);

/* Whether no copy shares the drawer that @key is in, or would be: then who holds the only reference
 * to the thing, the table, may let it be changed. */
gboolean table_is_own (const Table *table, const char *key);

/* In place of what was there; @key belongs to @thing, of which a reference is taken. */
void table_put (Table *table, const char *key, gpointer thing);

/* FALSE: it was not there. */
gboolean table_remove (Table *table, const char *key);

/* Every thing once, while nobody changes the table:
 *
 *   TableIter iter = { table };
 *   gpointer thing;
 *   while (table_next (&iter, &thing)) */
typedef struct {
  const Table *table;
  guint drawer;
  guint slot;
} TableIter;
gboolean table_next (TableIter *iter, gpointer *thing);

/* The keys (borrowed) that @before and @now do not have the same thing for; an array to free. */
GPtrArray *table_differences (const Table *before, const Table *now);
