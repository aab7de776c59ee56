/* The node table: one hash table from number to node under one lock.
 *
 * The idea is in node.h.  A number that is taken by another node (a collision
 * of 64-bit hashes, or a copied domain with the same uuid) gives the next one,
 * up to PROBES of them.  The table knows nothing of files, only of identities. */
#include "node.h"

#include "../backend/threads.h"
#include "tree.h"

#include <string.h>

#define ROOT 1    /* FUSE_ROOT_ID */
#define PROBES 16 /* numbers tried from the hash on */

struct Nodes {
  Lock lock;
  GHashTable *by_number; /* set of Node; protected by lock */
  GHashTable *owners;    /* set of Owner; protected by lock */
  gboolean collided; /* a node stands beside its hash, so a gap ends no search; protected by lock */
};

static guint64
hash_text (guint64 hash, const char *text)
{
  for (const char *at = text != NULL ? text : ""; *at != '\0'; at++)
    hash = (hash ^ (guchar)*at) * G_GUINT64_CONSTANT (0x100000001b3);
  /* A byte that no text has, so that "ab","c" differs from "a","bc". */
  return (hash ^ 0xff) * G_GUINT64_CONSTANT (0x100000001b3);
}

/* FNV-1a, with a mixer at the end because it leaves the upper bits poor. */
static guint64
hash_identity (const Identity *about)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  hash = hash_text (hash, about->owner != NULL ? about->owner->uuid : NULL);
  hash = hash_text (hash, about->snapshot);
  hash = hash_text (hash, about->kind->role != NULL ? about->kind->role : about->kind->name);
  hash = hash_text (hash, about->member);
  hash = hash_text (hash, about->flat ? "flat" : NULL);
  if (about->kind->of_disk)
    hash = hash_text (hash, "disk");
  hash = (hash ^ (hash >> 33)) * G_GUINT64_CONSTANT (0xff51afd7ed558ccd);
  hash = (hash ^ (hash >> 33)) * G_GUINT64_CONSTANT (0xc4ceb9fe1a85ec53);
  hash ^= hash >> 33;
  return hash <= ROOT ? hash + 2 : hash;
}

static gboolean
is_about (const Node *node, const Identity *about)
{
  return node->about.kind == about->kind && node->about.owner == about->owner &&
         node->about.flat == about->flat &&
         g_strcmp0 (node->about.snapshot, about->snapshot) == 0 &&
         g_strcmp0 (node->about.member, about->member) == 0;
}

static gsize
text_size (const char *text)
{
  return text != NULL ? strlen (text) + 1 : 0;
}

static const char *
keep_text (char **at, const char *text)
{
  char *kept = *at;

  if (text == NULL)
    return NULL;
  memcpy (kept, text, text_size (text));
  *at += text_size (text);
  return kept;
}

static Node *
node_new (guint64 number, const Identity *about)
{
  Node *node = g_malloc (sizeof *node + text_size (about->snapshot) + text_size (about->member));
  char *at = node->text;

  node->number = number;
  node->lookups = 0;
  node->about = *about;
  node->about.snapshot = keep_text (&at, about->snapshot);
  node->about.member = keep_text (&at, about->member);
  node->refs = 1;
  return node;
}

Node *
node_ref (Node *node)
{
  g_atomic_int_inc (&node->refs);
  return node;
}

void
node_unref (Node *node)
{
  if (g_atomic_int_dec_and_test (&node->refs))
    g_free (node);
}

static void
free_node (gpointer node)
{
  node_unref (node);
}

static void
free_owner (gpointer data)
{
  Owner *owner = data;

  g_ptr_array_unref (owner->shown);
  g_free (owner->name);
  g_free (owner->uuid);
  g_free (owner);
}

static guint
owner_hash (gconstpointer data)
{
  const Owner *owner = data;

  return g_str_hash (owner->name) ^ g_str_hash (owner->uuid);
}

static gboolean
owner_equal (gconstpointer one, gconstpointer other)
{
  const Owner *a = one;
  const Owner *b = other;

  return strcmp (a->name, b->name) == 0 && strcmp (a->uuid, b->uuid) == 0;
}

static void
free_picture (gpointer picture)
{
  domain_unref (picture);
}

Nodes *
nodes_new (const NodeKind *root)
{
  Nodes *nodes = g_new0 (Nodes, 1);
  Identity about = { .kind = root };
  Node *node = node_new (ROOT, &about);

  lock_init (&nodes->lock);
  nodes->by_number = g_hash_table_new_full (g_int64_hash, g_int64_equal, free_node, NULL);
  nodes->owners = g_hash_table_new_full (owner_hash, owner_equal, free_owner, NULL);
  node->lookups = 1;
  g_hash_table_add (nodes->by_number, node);
  return nodes;
}

void
nodes_free (Nodes *nodes)
{
  g_hash_table_unref (nodes->by_number);
  g_hash_table_unref (nodes->owners);
  lock_clear (&nodes->lock);
  g_free (nodes);
}

Node *
nodes_find (Nodes *nodes, guint64 number)
{
  autolock held = lock_hold (&nodes->lock);
  Node *node = g_hash_table_lookup (nodes->by_number, &number);

  return node != NULL ? node_ref (node) : NULL;
}

/* The node that is about @about, or NULL and the @number that is free for it. */
static Node *
search (Nodes *nodes, const Held *held, const Identity *about, guint64 *number)
{
  guint64 hash = about->owner == NULL && about->kind->role != NULL ? ROOT : hash_identity (about);
  guint64 free_number = 0;

  for (guint64 i = hash; i - hash < PROBES; i++) {
    Node *node = g_hash_table_lookup (nodes->by_number, &i);

    if (node != NULL && is_about (node, about))
      return node;
    if (node == NULL && free_number == 0)
      free_number = i;
    if (node == NULL && !nodes->collided)
      break;
    nodes->collided = TRUE;
  }
  *number = free_number;
  return NULL;
}

guint64
nodes_enter (Nodes *nodes, const Identity *about)
{
  autolock held = lock_hold (&nodes->lock);
  guint64 number = 0;
  Node *node = search (nodes, &held, about, &number);

  if (node == NULL) {
    g_assert (number != 0);
    node = node_new (number, about);
    g_hash_table_add (nodes->by_number, node);
  }
  node->lookups++;
  return node->number;
}

void
nodes_forget (Nodes *nodes, guint64 number, guint64 lookups)
{
  autolock held = lock_hold (&nodes->lock);
  Node *node = g_hash_table_lookup (nodes->by_number, &number);

  if (node == NULL || number == ROOT)
    return;
  node->lookups -= MIN (lookups, node->lookups);
  if (node->lookups == 0)
    g_hash_table_remove (nodes->by_number, node);
}

guint64
nodes_number (Nodes *nodes, const Identity *about)
{
  autolock held = lock_hold (&nodes->lock);
  guint64 number = 0;
  Node *node = search (nodes, &held, about, &number);

  return node != NULL ? node->number : number;
}

guint64
nodes_known (Nodes *nodes, const Identity *about)
{
  autolock held = lock_hold (&nodes->lock);
  guint64 number = 0;
  Node *node = search (nodes, &held, about, &number);

  return node != NULL ? node->number : 0;
}

guint
nodes_count (Nodes *nodes)
{
  autolock held = lock_hold (&nodes->lock);

  return g_hash_table_size (nodes->by_number);
}

Owner *
nodes_owner (Nodes *nodes, const char *name, const char *uuid)
{
  const Owner wanted = { .name = (char *)name, .uuid = (char *)uuid };
  autolock held = lock_hold (&nodes->lock);
  Owner *owner = g_hash_table_lookup (nodes->owners, &wanted);

  if (owner != NULL)
    return owner;
  owner = g_new0 (Owner, 1);
  owner->name = g_strdup (name);
  owner->uuid = g_strdup (uuid);
  owner->shown = g_ptr_array_new_with_free_func (free_picture);
  g_hash_table_add (nodes->owners, owner);
  return owner;
}

GPtrArray *
nodes_owners (Nodes *nodes, const char *name)
{
  autolock held = lock_hold (&nodes->lock);
  GPtrArray *found = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer owner;

  g_hash_table_iter_init (&iter, nodes->owners);
  while (g_hash_table_iter_next (&iter, &owner, NULL))
    if (name == NULL || strcmp (((Owner *)owner)->name, name) == 0)
      g_ptr_array_add (found, owner);
  return found;
}

void
nodes_show (Nodes *nodes, Owner *owner, Domain *picture)
{
  autolock held = lock_hold (&nodes->lock);
  guint count = owner->shown->len;

  /* Looking at the last one is enough: an older picture comes back only in a race, and then once.
   */
  if (count == 0 || g_ptr_array_index (owner->shown, count - 1) != picture)
    g_ptr_array_add (owner->shown, domain_ref (picture));
}

gboolean
nodes_shows (Nodes *nodes, const Owner *owner, const Domain *picture)
{
  autolock held = lock_hold (&nodes->lock);

  return g_ptr_array_find (owner->shown, picture, NULL);
}

GPtrArray *
nodes_take_shown (Nodes *nodes, Owner *owner, Domain *now)
{
  GPtrArray *fresh = g_ptr_array_new_with_free_func (free_picture);
  autolock held = lock_hold (&nodes->lock);
  GPtrArray *taken = owner->shown;

  if (now != NULL)
    g_ptr_array_add (fresh, domain_ref (now));
  owner->shown = fresh;
  return taken;
}
