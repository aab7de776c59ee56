#include "../../fs/names.h"
#include "../testing.h"

#include <string.h>

/* Snapshots with these names, in this order, all roots. */
static Domain *
domain_with (const char *const *names, guint count)
{
  Domain *domain = domain_new ("web01", "00000000-0000-4000-8000-000000000001");
  GPtrArray *snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_unref);

  for (guint i = 0; i < count; i++) {
    g_autofree char *id = g_strdup_printf ("%08x-0000-4000-8000-000000000000", i + 1);
    Snapshot *snapshot = snapshot_new (id, names[i]);

    g_free (snapshot->mark);
    snapshot->mark = g_strndup (id, 8);
    g_ptr_array_add (snapshots, snapshot);
  }
  domain_seal (domain, snapshots);
  return domain;
}

static void
assert_encoded (const char *name, const char *expected)
{
  g_autofree char *file_name = name_encode (name);

  assert_text (file_name, expected);
}

static void
plain_names_stay_as_they_are (void **state)
{
  assert_encoded ("base", "base");
  assert_encoded ("before upgrade", "before upgrade");
  assert_encoded ("zwölf", "zwölf");
  assert_encoded ("a.b", "a.b");
  assert_encoded ("information", "information");
}

static void
what_a_file_name_cannot_hold_is_escaped (void **state)
{
  assert_encoded ("50%", "50%25");
  assert_encoded ("a/b", "a%2Fb");
  assert_encoded ("a\nb", "a%0Ab");
  assert_encoded ("a\x7f", "a%7F");
  assert_encoded ("\xff", "%FF");
  assert_encoded ("a\xc3", "a%C3");
  assert_encoded (".hidden", "%2Ehidden");
  assert_encoded (".", "%2E");
  assert_encoded ("..", "%2E.");
  assert_encoded ("info", "%69nfo");
  assert_encoded ("current", "%63urrent");
  assert_encoded ("snapshot.xml", "%73napshot.xml");
}

static void
a_long_name_is_cut_at_a_whole_character (void **state)
{
  g_autofree char *plain = g_strnfill (300, 'a');
  g_autoptr (GString) wide = g_string_new ("x");
  g_autofree char *cut = name_encode (plain);
  g_autofree char *cut_wide = NULL;

  assert_int_equal (strlen (cut), 230 + 2 + 16);
  assert_memory_equal (cut + 230, "%~", 2);
  while (wide->len < 300)
    g_string_append (wide, "€");
  cut_wide = name_encode (wide->str);
  assert_true (g_utf8_validate (cut_wide, -1, NULL));
  assert_int_equal (strlen (cut_wide), 229 + 2 + 16); /* 1 + 76 * 3 */
}

static void
a_name_of_255_bytes_is_not_cut (void **state)
{
  g_autofree char *longest = g_strnfill (255, 'a');

  assert_encoded (longest, longest);
}

static void
assert_refused (const char *file_name, BackendError code)
{
  GError *error = NULL;

  assert_null (name_decode (file_name, &error));
  assert_error (&error, code);
}

static void
only_the_canonical_form_is_taken (void **state)
{
  assert_refused ("50%", BACKEND_ERROR_INVALID);
  assert_refused ("%61", BACKEND_ERROR_INVALID);
  assert_refused ("a%2fb", BACKEND_ERROR_INVALID);
  assert_refused ("a%4", BACKEND_ERROR_INVALID);
  assert_refused ("a%00", BACKEND_ERROR_INVALID);
  assert_refused ("a\tb", BACKEND_ERROR_INVALID);
  assert_refused ("a%~12345678", BACKEND_ERROR_INVALID);
  assert_refused ("info", BACKEND_ERROR_INVALID);
  assert_refused (".x", BACKEND_ERROR_INVALID);
  assert_refused ("", BACKEND_ERROR_INVALID);
  assert_refused ("a\xff", BACKEND_ERROR_BAD_ENCODING);
  assert_refused ("a%FF", BACKEND_ERROR_BAD_ENCODING);
}

static void
a_typed_name_over_255_bytes_is_too_long (void **state)
{
  g_autofree char *name = g_strnfill (256, 'a');

  assert_refused (name, BACKEND_ERROR_NAME_TOO_LONG);
}

static void
a_reserved_word_can_be_a_name_in_its_escaped_form (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = name_decode ("%69nfo", &error);

  assert_no_error (error);
  assert_text (name, "info");
}

/* Bytes that are likely to be trouble, and the others now and then. */
static char *
random_name (GRand *random)
{
  static const char likely[] = "%./~ aA0\x7f\x01\t\n\xc3\xa4\xe2\x82\xac\xff";
  guint length = (guint)g_rand_int_range (random, 1, g_rand_boolean (random) ? 12 : 400);
  char *name = g_malloc0 (length + 1);

  for (guint i = 0; i < length; i++)
    name[i] = g_rand_int_range (random, 0, 4) > 0
                  ? likely[g_rand_int_range (random, 0, (gint32)sizeof likely - 1)]
                  : (char)g_rand_int_range (random, 1, 256);
  return name;
}

static void
assert_file_name (const char *file_name)
{
  assert_true (strlen (file_name) >= 1 && strlen (file_name) <= 255);
  assert_true (file_name[0] != '.' && strchr (file_name, '/') == NULL);
  assert_true (g_utf8_validate (file_name, -1, NULL));
}

static void
random_names_come_back (void **state)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (guint i = 0; i < 20000; i++) {
    g_autofree char *name = random_name (random);
    g_autofree char *file_name = name_encode (name);
    g_autofree char *again = name_true (file_name);

    assert_file_name (file_name);
    if (strstr (file_name, "%~") == NULL)
      assert_text (again, name);
    else
      assert_null (again);
  }
}

static void
random_file_names_resolve_only_when_canonical (void **state)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (2);

  for (guint i = 0; i < 20000; i++) {
    g_autofree char *file_name = random_name (random);
    g_autofree char *name = name_true (file_name);
    g_autofree char *again = name != NULL ? name_encode (name) : NULL;

    if (name != NULL)
      assert_text (again, file_name);
  }
}

static void
assert_all_resolve (const Domain *domain)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const GPtrArray *all = domain_snapshots (domain);

  for (guint i = 0; i < all->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (all, i);
    char *file_name = name_of_snapshot (domain, snapshot);

    assert_file_name (file_name);
    assert_ptr_equal (name_find_snapshot (domain, file_name), snapshot);
    assert_true (g_hash_table_add (seen, file_name));
  }
}

static void
random_snapshots_are_found_by_their_file_names (void **state)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (Domain) domain = NULL;

  for (guint i = 0; i < 500; i++)
    g_ptr_array_add (names, random_name (random));
  domain = domain_with ((const char *const *)names->pdata, names->len);
  assert_all_resolve (domain);
}

static void
namesakes_are_told_apart (void **state)
{
  static const char *const names[] = { "base", "base", "", "base", "" };
  g_autoptr (Domain) domain = domain_with (names, G_N_ELEMENTS (names));
  const GPtrArray *all = domain_snapshots (domain);
  g_autofree char *first = name_of_snapshot (domain, g_ptr_array_index (all, 0));
  g_autofree char *second = name_of_snapshot (domain, g_ptr_array_index (all, 1));
  g_autofree char *empty = name_of_snapshot (domain, g_ptr_array_index (all, 2));

  assert_text (first, "base");
  assert_text (second, "base%~00000002");
  assert_text (empty, "%~00000003");
  assert_all_resolve (domain);
  assert_null (name_find_snapshot (domain, "base%~00000001"));
  assert_null (name_find_snapshot (domain, "base%~00000003"));
  assert_null (name_find_snapshot (domain, "%62ase"));
}

static void
long_namesakes_are_told_apart (void **state)
{
  g_autofree char *cut = g_strnfill (300, 'a');
  g_autofree char *nearly = g_strnfill (250, 'b');
  const char *names[] = { cut, cut, nearly, nearly };
  g_autoptr (Domain) domain = domain_with (names, G_N_ELEMENTS (names));

  assert_all_resolve (domain);
}

static void
a_disks_files_are_called_by_its_target (void **state)
{
  Disk *plain = disk_new ("vda", 0, NULL);
  Disk *strange = disk_new ("a/b", 0, NULL);
  g_autofree char *raw = name_of_disk (plain, ".raw");
  g_autofree char *escaped = name_of_disk (strange, ".xml");

  disk_free (plain);
  disk_free (strange);
  assert_text (raw, "vda.raw");
  assert_text (escaped, "a%2Fb.xml");
}

static void
snapshots_of_one_disk_are_found_among_those_of_it (void **state)
{
  GPtrArray *snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_unref);
  g_autoptr (Domain) domain = domain_new ("d", "u");
  static const char *const disks[] = { NULL, "vda", "vda", "vdb" };

  for (guint i = 0; i < G_N_ELEMENTS (disks); i++) {
    g_autofree char *id = g_strdup_printf ("%u", i);
    Snapshot *snapshot = snapshot_new (id, ".same");

    snapshot->mark = g_strdup (id);
    snapshot->disk = g_strdup (disks[i]);
    g_ptr_array_add (snapshots, snapshot);
  }
  domain_seal (domain, snapshots);
  assert_text (name_find_snapshot (domain, "%2Esame")->id, "0");
  assert_text (name_find_disk_snapshot (domain, "vda", "%2Esame")->id, "1");
  assert_text (name_find_disk_snapshot (domain, "vda", "%2Esame%~2")->id, "2");
  assert_text (name_find_disk_snapshot (domain, "vdb", "%2Esame")->id, "3");
  assert_null (name_find_disk_snapshot (domain, "vdb", "%2Esame%~2"));
  assert_null (name_find_disk_snapshot (domain, "vdc", "%2Esame"));
  assert_null (name_find_snapshot (domain, "%2Esame%~2"));
}

static void
what_stands_in_the_tree_is_called_as_there (void **state)
{
  GPtrArray *snapshots = g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_unref);
  g_autoptr (Domain) domain = domain_new ("d", "u");

  for (guint i = 0; i < 2; i++) {
    g_autofree char *id = g_strdup_printf ("%u", i);
    Snapshot *snapshot = snapshot_new (id, "same");

    snapshot->mark = g_strdup (id);
    snapshot->one_disk = i == 1;
    g_ptr_array_add (snapshot->disks, disk_new ("vda", 0, NULL));
    g_ptr_array_add (snapshots, snapshot);
  }
  domain_seal (domain, snapshots);
  assert_text (name_find_snapshot (domain, "same")->id, "0");
  assert_text (name_find_snapshot (domain, "same%~1")->id, "1");
  assert_text (name_find_disk_snapshot (domain, "vda", "same%~1")->id, "1");
  assert_null (name_find_disk_snapshot (domain, "vda", "same"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (plain_names_stay_as_they_are),
    cmocka_unit_test (what_a_file_name_cannot_hold_is_escaped),
    cmocka_unit_test (a_long_name_is_cut_at_a_whole_character),
    cmocka_unit_test (a_name_of_255_bytes_is_not_cut),
    cmocka_unit_test (only_the_canonical_form_is_taken),
    cmocka_unit_test (a_typed_name_over_255_bytes_is_too_long),
    cmocka_unit_test (a_reserved_word_can_be_a_name_in_its_escaped_form),
    cmocka_unit_test (random_names_come_back),
    cmocka_unit_test (random_file_names_resolve_only_when_canonical),
    cmocka_unit_test (random_snapshots_are_found_by_their_file_names),
    cmocka_unit_test (namesakes_are_told_apart),
    cmocka_unit_test (long_namesakes_are_told_apart),
    cmocka_unit_test (a_disks_files_are_called_by_its_target),
    cmocka_unit_test (snapshots_of_one_disk_are_found_among_those_of_it),
    cmocka_unit_test (what_stands_in_the_tree_is_called_as_there),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
