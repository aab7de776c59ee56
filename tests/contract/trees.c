/* Trees of snapshots as text, and what is on their disks as numbers. */
#include "contract.h"

#include <string.h>

#define BLOCK (1 << 16)

/* -------------------------------------------------------------------- bytes */

/* Zeros do not count, so it makes no difference whether they are a hole. */
static guint64
hash_words (guint64 hash, guint64 offset, const guint64 *words, gsize count)
{
  for (gsize i = 0; i < count; i++)
    if (words[i] != 0)
      hash = (hash ^ words[i] ^ (offset + i)) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  return hash;
}

gboolean
contract_hash_disk (DiskReader *reader, guint64 *hash)
{
  g_autofree guint64 *words = g_malloc (BLOCK);

  *hash = reader->size;
  for (guint64 offset = 0; offset < reader->size;) {
    Extent extent;
    gsize count;

    if (!disk_reader_extent (reader, offset, TRUE, &extent, NULL))
      return FALSE;
    count = MIN (BLOCK, extent.length);
    if (extent.kind == EXTENT_ZERO) {
      offset += extent.length;
      continue;
    }
    memset (words, 0, BLOCK);
    if (!disk_reader_read (reader, words, count, offset, TRUE, NULL))
      return FALSE;
    *hash = hash_words (*hash, offset, words, (count + sizeof *words - 1) / sizeof *words);
    offset += count;
  }
  return TRUE;
}

char *
contract_target (Contract *contract)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const Disk *disk = g_ptr_array_index (domain->disks, 0);

  return g_strdup (disk->target);
}

DiskReader *
contract_open (Contract *contract, const char *snapshot)
{
  g_autofree char *target = contract_target (contract);
  GError *error = NULL;
  DiskReader *reader =
      backend_open_disk (contract->backend, contract->domain, snapshot, target, &error);

  assert_no_error (error);
  assert_non_null (reader);
  return reader;
}

static guint64
hash_target (Contract *contract, const char *id, const char *target)
{
  GError *error = NULL;
  g_autoptr (DiskReader) reader =
      backend_open_disk (contract->backend, contract->domain, id, target, &error);
  guint64 hash = 0;

  assert_no_error (error);
  assert_true (contract_hash_disk (reader, &hash));
  return hash ^ g_str_hash (target);
}

guint64
contract_hash (Contract *contract, const char *id)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const GPtrArray *disks = id == NULL ? domain->disks : domain_snapshot (domain, id)->disks;
  guint64 hash = 0;

  if (contract->kind->change_disk == NULL)
    return 0;
  for (guint i = 0; i < disks->len; i++)
    hash += hash_target (contract, id, ((const Disk *)g_ptr_array_index (disks, i))->target);
  return hash;
}

void
contract_change (Contract *contract, guchar byte)
{
  g_autoptr (Domain) domain = contract_look (contract);

  for (guint i = 0; contract->kind->change_disk != NULL && i < domain->disks->len; i++)
    contract->kind->change_disk (contract, g_ptr_array_index (domain->disks, i), byte);
}

static guint64 *
place_of (Bytes *bytes, const Snapshot *snapshot)
{
  return &bytes->hash[snapshot->name[0] & 127];
}

Bytes
contract_remember (Contract *contract)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const GPtrArray *snapshots = domain_snapshots (domain);
  Bytes bytes = { .live = contract_hash (contract, NULL) };

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    *place_of (&bytes, snapshot) = snapshot->no_data ? 0 : contract_hash (contract, snapshot->id);
  }
  return bytes;
}

void
contract_assert_bytes (Contract *contract, const Bytes *bytes)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const GPtrArray *snapshots = domain_snapshots (domain);
  Bytes expected = *bytes, now = contract_remember (contract);

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (*place_of (&now, snapshot) != *place_of (&expected, snapshot))
      fail_msg ("%s has other bytes than it had", snapshot->name);
  }
  if (now.live != expected.live)
    fail_msg ("the machine's disks have other bytes than they had");
}

/* -------------------------------------------------------------------- trees as text */

char *
contract_id (Contract *contract, const char *name)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const Snapshot *snapshot = domain_named (domain, name, 0);

  if (snapshot == NULL)
    fail_msg ("there is no snapshot %s", name);
  return g_strdup (snapshot->id);
}

static int
compare_names (gconstpointer one, gconstpointer other)
{
  return strcmp ((*(const Snapshot *const *)one)->name, (*(const Snapshot *const *)other)->name);
}

static void
print_children (GString *text, const Domain *domain, const char *parent)
{
  const GPtrArray *children = domain_children (domain, parent);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  for (guint i = 0; i < children->len; i++)
    g_ptr_array_add (sorted, g_ptr_array_index (children, i));
  g_ptr_array_sort (sorted, compare_names);
  for (guint i = 0; i < sorted->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (sorted, i);
    gboolean leaf = domain_children (domain, snapshot->id)->len == 0;

    g_string_append_printf (text, "%s%s%s%s", i > 0 ? " " : "", snapshot->name,
                            g_strcmp0 (domain->current, snapshot->id) == 0 ? "*" : "",
                            leaf ? "" : "(");
    print_children (text, domain, snapshot->id);
    g_string_append (text, leaf ? "" : ")");
  }
}

void
contract_assert_tree (Contract *contract, const char *tree)
{
  g_autoptr (Domain) domain = contract_look (contract);
  g_autoptr (GString) text = g_string_new (NULL);

  print_children (text, domain, NULL);
  assert_text (text->str, tree);
}

/* -------------------------------------------------------------------- growing */

static void
go_to (Contract *contract, const char *id)
{
  g_autoptr (Domain) domain = contract_look (contract);
  GError *error = NULL;

  if (g_strcmp0 (domain->current, id) == 0)
    return;
  if (id == NULL)
    assert_true (contract_set_current (contract, NULL, &error));
  else
    assert_true (contract_revert (contract, id, &error));
  assert_no_error (error);
}

/* Reads @tree as far as the parenthesis that ends the children of @parent; returns what follows. */
static const char *
grow_children (Contract *contract, const char *parent, const char *tree, char **current)
{
  g_autofree char *last = NULL;

  for (; *tree != '\0' && *tree != ')'; tree++) {
    const char name[] = { *tree, '\0' };

    if (*tree == '*') {
      g_free (*current);
      *current = g_strdup (last);
    } else if (*tree == '(') {
      tree = grow_children (contract, last, tree + 1, current);
    } else if (*tree != ' ') {
      go_to (contract, parent);
      contract_change (contract, (guchar)*tree);
      g_free (last);
      last = contract_take (contract, name);
    }
  }
  return tree;
}

void
contract_grow (Contract *contract, const char *tree)
{
  g_autofree char *current = NULL;

  grow_children (contract, NULL, tree, &current);
  go_to (contract, current);
  contract_change (contract, '!');
  contract_assert_tree (contract, tree);
}

static void
discard_tree (Contract *contract, const char *root)
{
  GError *error = NULL;

  assert_true (contract_discard_as (contract, root, DISCARD_DESCENDANTS, &error));
}

static void
let_go (Contract *contract, const Domain *domain)
{
  const GPtrArray *snapshots = domain_snapshots (domain);
  GError *error = NULL;

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (snapshot->held)
      assert_true (contract_hold (contract, snapshot->id, FALSE, &error));
  }
}

void
contract_clear (Contract *contract)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const GPtrArray *roots = domain_children (domain, NULL);

  let_go (contract, domain);
  for (guint i = 0; i < roots->len; i++)
    discard_tree (contract, ((const Snapshot *)g_ptr_array_index (roots, i))->id);
  contract_assert_count (contract, 0);
}
