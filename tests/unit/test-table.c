#include "../../backend/table.h"
#include "../../backend/text.h"
#include "../testing.h"

#define ROUNDS 3000
#define KEYS 400
#define SEED 20261129

/* Its own key. */
static gpointer
ref (gpointer text)
{
  return text_ref (text);
}

static void
unref (gpointer text)
{
  text_unref (text);
}

static void
put (Table *table, const char *key)
{
  Text *text = text_from_string (key);
  table_put (table, text->data, text);
  text_unref (text);
}

static Table *
table_of (const char *const *keys)
{
  Table *table = table_new (ref, unref);
  for (guint i = 0; keys[i]; i++)
    put (table, keys[i]);
  return table;
}

static void
what_was_put_is_there_until_it_is_removed (void **state)
{
  g_autoptr (Table) table = table_of ((const char *[]){ "a", "b", NULL });
  assert_int_equal (table_size (table), 2);
  assert_string_equal (((Text *)table_get (table, "a"))->data, "a");
  assert_null (table_get (table, "c"));
  assert_true (table_remove (table, "a"));
  assert_false (table_remove (table, "a"));
  assert_null (table_get (table, "a"));
  assert_int_equal (table_size (table), 1);
}

static void
another_thing_takes_the_place (void **state)
{
  g_autoptr (Table) table = table_of ((const char *[]){ "a", NULL });
  const Text *first = table_get (table, "a");
  put (table, "a");
  assert_int_equal (table_size (table), 1);
  assert_ptr_not_equal (table_get (table, "a"), first);
  table_put (table, "a", table_get (table, "a")); /* itself */
  assert_string_equal (((Text *)table_get (table, "a"))->data, "a");
}

/* g_str_hash takes these for the same. */
static void
keys_of_one_hash_are_told_apart (void **state)
{
  g_autoptr (Table) table = table_of ((const char *[]){ "bb", "cA", NULL });
  assert_int_equal (g_str_hash ("bb"), g_str_hash ("cA"));
  assert_true (table_remove (table, "bb"));
  assert_string_equal (((Text *)table_get (table, "cA"))->data, "cA");
}

static void
differences_are_what_was_put_changed_and_removed (void **state)
{
  g_autoptr (Table) before = table_of ((const char *[]){ "a", "b", "c", NULL });
  g_autoptr (Table) now = table_copy (before);
  g_autoptr (GPtrArray) none = table_differences (before, now);
  put (now, "a");
  table_remove (now, "b");
  put (now, "d");
  g_autoptr (GPtrArray) keys = table_differences (before, now);
  assert_int_equal (none->len, 0);
  assert_int_equal (keys->len, 3);
  for (guint i = 0; i < keys->len; i++)
    assert_string_not_equal (g_ptr_array_index (keys, i), "c");
}

/* ---- against GLib's ---- */

static void
assert_same (const Table *table, GHashTable *expected)
{
  TableIter iter = { table };
  gpointer text;
  guint count = 0;
  while (table_next (&iter, &text)) {
    assert_ptr_equal (g_hash_table_lookup (expected, ((Text *)text)->data), text);
    count++;
  }
  assert_int_equal (count, g_hash_table_size (expected));
  assert_int_equal (count, table_size (table));
}

static void
change (GRand *random, Table *table, GHashTable *expected)
{
  g_autofree char *key = g_strdup_printf ("%d", g_rand_int_range (random, 0, KEYS));
  if (g_rand_boolean (random)) {
    put (table, key);
    Text *text = table_get (table, key);
    g_hash_table_replace (expected, text->data, text_ref (text));
  } else
    assert_int_equal (table_remove (table, key), g_hash_table_remove (expected, key));
}

static void
assert_differences (const Table *before, const Table *now)
{
  g_autoptr (GPtrArray) keys = table_differences (before, now);
  g_autoptr (GHashTable) told = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < keys->len; i++)
    assert_true (g_hash_table_add (told, g_ptr_array_index (keys, i)));
  for (guint i = 0; i < KEYS; i++) {
    g_autofree char *key = g_strdup_printf ("%u", i);
    assert_int_equal (table_get (before, key) != table_get (now, key),
                      g_hash_table_contains (told, key));
  }
}

static void
copies_live_lives_of_their_own (void **state)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (SEED);
  g_autoptr (Table) table = table_new (ref, unref);
  g_autoptr (Table) kept = table_copy (table);
  g_autoptr (GHashTable) now = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, unref);
  g_autoptr (GHashTable) then = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, unref);
  for (guint i = 0; i < ROUNDS; i++) {
    change (random, table, now);
    if (i % 3 == 0)
      change (random, kept, then);
    if (i % 50 > 0)
      continue;
    assert_same (table, now);
    assert_same (kept, then);
    assert_differences (kept, table);
    table_free (kept);
    kept = table_copy (table);
    g_hash_table_remove_all (then);
    TableIter iter = { table };
    gpointer text;
    while (table_next (&iter, &text))
      g_hash_table_insert (then, ((Text *)text)->data, text_ref (text));
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (what_was_put_is_there_until_it_is_removed),
    cmocka_unit_test (another_thing_takes_the_place),
    cmocka_unit_test (keys_of_one_hash_are_told_apart),
    cmocka_unit_test (differences_are_what_was_put_changed_and_removed),
    cmocka_unit_test (copies_live_lives_of_their_own),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
