/* Who a snapshot is where there are only names and times. */
#include "../../backend/libvirt/ids.h"
#include "../testing.h"

#define DOMAIN "7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11"

static int
make (void **state)
{
  *state = ids_new ();
  return 0;
}

static int
clean (void **state)
{
  ids_free (*state);
  return 0;
}

/* As if a listing had found only these; NULL ends them. */
static void
keep (Ids *ids, const char *one, const char *other)
{
  g_autoptr (GHashTable) there = g_hash_table_new (g_str_hash, g_str_equal);

  if (one != NULL)
    g_hash_table_add (there, (gpointer)one);
  if (other != NULL)
    g_hash_table_add (there, (gpointer)other);
  ids_keep_only (ids, there);
}

static void
it_is_the_same_after_a_remount (void **state)
{
  Ids *again = ids_new ();
  g_autofree char *one = ids_get (*state, DOMAIN, "base", 0, 5);
  g_autofree char *other = ids_get (again, DOMAIN, "base", 0, 5);

  assert_true (g_uuid_string_is_valid (one));
  assert_text (one, other);
  ids_free (again);
}

static void
name_time_domain_and_number_count (void **state)
{
  g_autofree char *base = ids_get (*state, DOMAIN, "base", 0, 5);
  g_autofree char *namesake = ids_get (*state, DOMAIN, "base", 1, 5);
  g_autofree char *updates = ids_get (*state, DOMAIN, "updates", 0, 5);
  g_autofree char *later = ids_get (*state, DOMAIN, "base", 0, 6);

  assert_string_not_equal (base, namesake);
  assert_string_not_equal (base, updates);
  assert_string_not_equal (base, later);
}

static void
an_id_is_never_given_again (void **state)
{
  g_autofree char *first = ids_get (*state, DOMAIN, "base", 0, 5);
  g_autofree char *second = NULL;

  keep (*state, NULL, NULL);
  second = ids_get (*state, DOMAIN, "base", 0, 5);
  assert_string_not_equal (first, second);
}

static void
who_stays_keeps_its_id (void **state)
{
  g_autofree char *base = ids_get (*state, DOMAIN, "base", 0, 5);
  g_autofree char *updates = ids_get (*state, DOMAIN, "updates", 0, 5);
  g_autofree char *again = NULL;

  keep (*state, base, updates);
  again = ids_get (*state, DOMAIN, "base", 0, 5);
  assert_text (again, base);
}

static void
our_own_redefinition_may_change_its_time_once (void **state)
{
  g_autofree char *before = ids_get (*state, DOMAIN, "base", 0, 5);
  g_autofree char *after = NULL;
  g_autofree char *another = NULL;

  ids_expect_change (*state, before);
  after = ids_get (*state, DOMAIN, "base", 0, 7);
  assert_text (after, before);
  keep (*state, before, NULL);
  another = ids_get (*state, DOMAIN, "base", 0, 9);
  assert_string_not_equal (another, before);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (it_is_the_same_after_a_remount, make, clean),
    cmocka_unit_test_setup_teardown (name_time_domain_and_number_count, make, clean),
    cmocka_unit_test_setup_teardown (an_id_is_never_given_again, make, clean),
    cmocka_unit_test_setup_teardown (who_stays_keeps_its_id, make, clean),
    cmocka_unit_test_setup_teardown (our_own_redefinition_may_change_its_time_once, make, clean),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
