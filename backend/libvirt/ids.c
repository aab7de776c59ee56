/* Who a snapshot is: from names and times to ids.
 *
 * What is known of a name is used as long as its creation time stays, or a redefinition of our own
 * changed it.  An id that was given once is never given to another: within one second a snapshot
 * can go and one of the same name come. */
#include "ids.h"

#include "../text.h"
#include "../uuid.h"

typedef struct {
  char *id;
  gint64 created;
  gboolean may_change; /* `created` may be another one the next time */
} Known;

struct Ids {
  GHashTable *known; /* of Known, by name and number */
  GHashTable *given; /* set of char *: every id that there ever was */
};

static void
free_known (gpointer data)
{
  Known *known = data;

  g_free (known->id);
  g_free (known);
}

Ids *
ids_new (void)
{
  Ids *ids = g_new0 (Ids, 1);

  ids->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_known);
  ids->given = g_hash_table_new_full (id_hash, g_str_equal, g_free, NULL);
  return ids;
}

void
ids_free (Ids *ids)
{
  g_hash_table_unref (ids->known);
  g_hash_table_unref (ids->given);
  g_free (ids);
}

/* Of all that it follows from, the name stands last: it may hold anything. */
static char *
make_id (const Ids *ids, const char *domain_uuid, const char *name, guint number, gint64 created)
{
  for (guint attempt = 0;; attempt++) {
    g_autofree char *text = g_strdup_printf ("%s %" G_GINT64_FORMAT " %u %u %s", domain_uuid,
                                             created, number, attempt, name);
    g_autofree char *id = uuid_of_name (text);

    if (!g_hash_table_contains (ids->given, id))
      return g_steal_pointer (&id);
  }
}

char *
ids_get (Ids *ids, const char *domain_uuid, const char *name, guint number, gint64 created)
{
  g_autofree char *key = g_strdup_printf ("%u %s", number, name);
  Known *known = g_hash_table_lookup (ids->known, key);

  if (known != NULL && (known->created == created || known->may_change)) {
    known->created = created;
    return g_strdup (known->id);
  }
  known = g_new0 (Known, 1);
  known->id = make_id (ids, domain_uuid, name, number, created);
  known->created = created;
  g_hash_table_add (ids->given, g_strdup (known->id));
  g_hash_table_insert (ids->known, g_steal_pointer (&key), known);
  return g_strdup (known->id);
}

void
ids_expect_change (Ids *ids, const char *id)
{
  GHashTableIter iter;
  gpointer known;

  g_hash_table_iter_init (&iter, ids->known);
  while (g_hash_table_iter_next (&iter, NULL, &known))
    if (g_str_equal (((const Known *)known)->id, id))
      ((Known *)known)->may_change = TRUE;
}

static gboolean
is_gone (gpointer key, gpointer known, gpointer there)
{
  ((Known *)known)->may_change = FALSE;
  return !g_hash_table_contains (there, ((const Known *)known)->id);
}

void
ids_keep_only (Ids *ids, GHashTable *there)
{
  g_hash_table_foreach_remove (ids->known, is_gone, there);
}
