/* What has to be asked of libvirt for a picture.
 *
 * The names and which one is current every time; the XML only of snapshots that are new, that our
 * own changes touched, or whose parent went; and of a few others in turn, because nothing tells
 * that somebody else redefined one. */
#include "loading.h"

#include <string.h>

#define IN_TURN 16 /* snapshots looked at again with each load */

gboolean
loading_is_of_another (const Loading *loading)
{
  return loading->load->before == NULL || strcmp (loading->load->before->uuid, loading->uuid) != 0;
}

/* Namesakes are rare, and where there are none that is seen at once. */
guint
loading_namesakes_before (const Loading *loading, guint number)
{
  const char *name = g_ptr_array_index (loading->list->names, number);
  guint count = 0;

  if (g_hash_table_size (loading->there) == loading->list->names->len)
    return 0;
  for (guint i = 0; i < number; i++)
    count += strcmp (g_ptr_array_index (loading->list->names, i), name) == 0 ? 1 : 0;
  return count;
}

static gboolean
lost_its_parent (const Loading *loading, const Snapshot *known)
{
  const Snapshot *parent =
      known->parent != NULL ? domain_snapshot (loading->load->before, known->parent) : NULL;

  return parent != NULL && !g_hash_table_contains (loading->there, parent->name);
}

static gboolean
is_in_turn (const Loading *loading, guint number)
{
  guint count = loading->list->names->len;
  guint first = loading->load->number * IN_TURN % MAX (count, 1);

  return (number + count - first) % MAX (count, 1) < IN_TURN;
}

/* The one of the last picture: for the first of a name the one that has XML, for its namesakes
 * those that have none. */
static const Snapshot *
find_known (const Loading *loading, const char *name, guint number)
{
  const Snapshot *known;

  if (loading_is_of_another (loading))
    return NULL;
  for (guint nth = 0, others = 1; (known = domain_named (loading->load->before, name, nth)) != NULL;
       nth++)
    if (known->xml != NULL ? number == 0 : number == others++)
      return known;
  return NULL;
}

/* libvirt finds only the first of a name. */
static void
plan_one (Loading *loading, guint number)
{
  const char *name = g_ptr_array_index (loading->list->names, number);
  guint nth = loading_namesakes_before (loading, number);
  const Snapshot *known = find_known (loading, name, nth);

  loading->known[number] = known;
  loading->wanted[number] =
      nth == 0 && (known == NULL || loading->load->anew || known->problem != NULL ||
                   g_hash_table_contains (loading->load->dirty, known->id) ||
                   lost_its_parent (loading, known) || is_in_turn (loading, number));
}

void
loading_plan (Loading *loading)
{
  guint count = loading->list->names->len;

  loading->there = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < count; i++)
    g_hash_table_add (loading->there, g_ptr_array_index (loading->list->names, i));
  loading->known = g_new0 (const Snapshot *, count + 1);
  loading->wanted = g_new0 (gboolean, count + 1);
  for (guint i = 0; i < count; i++)
    plan_one (loading, i);
}

void
loading_clear (Loading *loading)
{
  g_clear_pointer (&loading->list, snapshot_list_free);
  g_clear_pointer (&loading->there, g_hash_table_unref);
  g_clear_pointer (&loading->known, g_free);
  g_clear_pointer (&loading->wanted, g_free);
}
