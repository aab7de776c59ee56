#include "../../backend/model.h"
#include "../testing.h"

#include <string.h>

/* A second or two; quadratic would be minutes, which no test may take. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LAST 19999
#else
#define LAST 99999
#endif
#define LONG_CHAIN (LAST + 1)

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static GPtrArray *
list_new (void)
{
  return g_ptr_array_new_with_free_func (unref_snapshot);
}

static Snapshot *
add (GPtrArray *snapshots, const char *id, const char *name, const char *parent)
{
  Snapshot *snapshot = snapshot_new (id, name);

  snapshot->parent = g_strdup (parent);
  g_ptr_array_add (snapshots, snapshot);
  return snapshot;
}

static Domain *
seal (GPtrArray *snapshots, const char *current)
{
  Domain *domain = domain_new ("d", "u");

  domain->current = g_strdup (current);
  domain_seal (domain, snapshots);
  return domain;
}

/* The ids of @snapshots, separated by spaces. */
static void
assert_ids (const GPtrArray *snapshots, const char *expected)
{
  GString *ids = g_string_new (NULL);

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    g_string_append_printf (ids, "%s%s", i == 0 ? "" : " ", snapshot->id);
  }
  assert_text (ids->str, expected);
  g_string_free (ids, TRUE);
}

static void
a_domain_without_snapshots_answers_everything (void **state)
{
  g_autoptr (Domain) domain = seal (NULL, "gone");
  g_autoptr (Snapshot) stranger = snapshot_new ("x", "x");

  assert_ids (domain_snapshots (domain), "");
  assert_ids (domain_children (domain, NULL), "");
  assert_ids (domain_children (domain, "x"), "");
  assert_null (domain_snapshot (domain, "x"));
  assert_null (domain_named (domain, "x", 0));
  assert_int_equal (domain_namesakes_before (domain, stranger), 0);
  assert_int_equal (domain_descendants (domain, stranger), 0);
  assert_null (domain->current);
}

static void
a_tree_keeps_the_order_of_siblings (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add (snapshots, "c", "c", "b");
  add (snapshots, "a", "a", NULL);
  add (snapshots, "b", "b", "a");
  add (snapshots, "z", "z", NULL);
  add (snapshots, "y", "y", "a");
  domain = seal (snapshots, "c");
  assert_ids (domain_snapshots (domain), "a b c y z");
  assert_ids (domain_children (domain, NULL), "a z");
  assert_ids (domain_children (domain, "a"), "b y");
  assert_ids (domain_children (domain, "c"), "");
  assert_int_equal (domain_descendants (domain, domain_snapshot (domain, "a")), 3);
  assert_int_equal (domain_descendants (domain, domain_snapshot (domain, "b")), 1);
  assert_int_equal (domain_descendants (domain, domain_snapshot (domain, "z")), 0);
  assert_text (domain->current, "c");
}

static void
namesakes_are_numbered_depth_first (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add (snapshots, "3", "same", NULL);
  add (snapshots, "1", "other", "0");
  add (snapshots, "0", "same", NULL);
  add (snapshots, "2", "same", "1");
  domain = seal (snapshots, NULL);
  assert_text (domain_named (domain, "same", 0)->id, "3");
  assert_text (domain_named (domain, "same", 1)->id, "0");
  assert_text (domain_named (domain, "same", 2)->id, "2");
  assert_null (domain_named (domain, "same", 3));
  assert_int_equal (domain_namesakes_before (domain, domain_snapshot (domain, "3")), 0);
  assert_int_equal (domain_namesakes_before (domain, domain_snapshot (domain, "2")), 2);
  assert_int_equal (domain_namesakes_before (domain, domain_snapshot (domain, "1")), 0);
}

static void
a_missing_parent_makes_a_root_with_a_problem (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Snapshot) original = snapshot_ref (add (snapshots, "a", "a", "gone"));
  g_autoptr (Domain) domain = NULL;

  add (snapshots, "b", "b", "a");
  g_ptr_array_add (original->disks, disk_new ("vda", 5, "<disk/>"));
  original->description = g_strdup ("words");
  domain = seal (snapshots, NULL);
  assert_ids (domain_children (domain, NULL), "a");
  assert_ids (domain_children (domain, "a"), "b");
  assert_null (domain_snapshot (domain, "a")->parent);
  assert_non_null (strstr (domain_snapshot (domain, "a")->problem, "gone"));
  assert_null (domain_snapshot (domain, "b")->problem);
  /* What may be in another picture stayed as it was, and its copy has everything. */
  assert_text (original->parent, "gone");
  assert_null (original->problem);
  assert_text (domain_snapshot (domain, "a")->description, "words");
  assert_int_equal (domain_snapshot (domain, "a")->disks->len, 1);
}

static void
a_cycle_is_taken_apart (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add (snapshots, "tail", "tail", "a");
  add (snapshots, "a", "a", "b");
  add (snapshots, "b", "b", "c");
  add (snapshots, "c", "c", "a");
  add (snapshots, "self", "self", "self");
  add (snapshots, "good", "good", NULL);
  domain = seal (snapshots, NULL);
  assert_ids (domain_children (domain, NULL), "a b c self good");
  assert_ids (domain_children (domain, "a"), "tail");
  assert_non_null (domain_snapshot (domain, "a")->problem);
  assert_non_null (domain_snapshot (domain, "self")->problem);
  assert_null (domain_snapshot (domain, "tail")->problem);
  assert_null (domain_snapshot (domain, "good")->problem);
  assert_int_equal (domain_snapshots (domain)->len, 6);
}

/* @last: whether parents stand behind their children in the list. */
static void
check_chain (gboolean last)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  for (guint i = 0; i < LONG_CHAIN; i++) {
    guint number = last ? LONG_CHAIN - 1 - i : i;
    g_autofree char *id = g_strdup_printf ("%u", number);
    g_autofree char *parent = number == 0 ? NULL : g_strdup_printf ("%u", number - 1);

    add (snapshots, id, "same", parent);
  }
  domain = seal (snapshots, NULL);
  assert_int_equal (domain_descendants (domain, domain_snapshot (domain, "0")), LONG_CHAIN - 1);
  assert_int_equal (domain_namesakes_before (domain, domain_snapshot (domain, G_STRINGIFY (LAST))),
                    LONG_CHAIN - 1);
  assert_text (domain_named (domain, "same", LONG_CHAIN - 1)->id, G_STRINGIFY (LAST));
}

static void
a_long_chain_is_sealed_quickly (void **state)
{
  check_chain (FALSE);
  check_chain (TRUE);
}

static void
snapshots_are_shared_between_pictures (void **state)
{
  GPtrArray *first_list = list_new ();
  GPtrArray *second_list = list_new ();
  Snapshot *shared = add (first_list, "a", "a", NULL);
  Domain *first, *second;

  g_ptr_array_add (second_list, snapshot_ref (shared));
  first = seal (first_list, NULL);
  second = seal (second_list, NULL);
  assert_ptr_equal (domain_snapshot (first, "a"), domain_snapshot (second, "a"));
  domain_unref (first);
  assert_text (domain_snapshot (second, "a")->name, "a");
  domain_unref (second);
}

static void
a_copy_has_everything_and_is_its_own (void **state)
{
  g_autoptr (Snapshot) original = snapshot_new ("1", "a");
  g_autoptr (Snapshot) copy = NULL;

  original->held = original->no_data = original->metadata = TRUE;
  original->compression = g_strdup ("zstd");
  original->kept_xml = text_from_string ("<cookie/>");
  original->can = CAN_HOLD;
  original->disk = g_strdup ("vda");
  original->after = g_strdup ("0");
  original->replaced = TRUE;
  copy = snapshot_copy (original);
  g_free (original->compression);
  original->compression = NULL;
  original->held = FALSE;
  assert_true (copy->held && copy->no_data && copy->metadata);
  assert_text (copy->compression, "zstd");
  assert_text (copy->disk, "vda");
  assert_text (copy->after, "0");
  assert_true (copy->replaced);
  assert_text (copy->kept_xml->data, "<cookie/>");
  assert_int_equal (copy->can, CAN_HOLD);
}

static void
words_of_what_can_be_done (void **state)
{
  g_autofree char *none = backend_can_words ((BackendCan)0);
  g_autofree char *some = backend_can_words (CAN_CREATE | CAN_REVERT);
  g_autofree char *all = backend_can_words ((BackendCan)-1);

  assert_text (none, "");
  assert_text (some, "create revert");
  assert_text (
      all, "create discard revert describe rename merge-parent merge-children redefine "
           "current no-current hold parent copy save compress forget live reuse run reset-nvram "
           "secure method disk disk-in-tree");
}

static void
add_of_disk (GPtrArray *snapshots, const char *id, const char *name, const char *disk)
{
  add (snapshots, id, name, NULL)->disk = g_strdup (disk);
}

static void
snapshots_of_one_disk_stand_beside_the_tree (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add_of_disk (snapshots, "x", "same", "vdb");
  add (snapshots, "a", "same", NULL);
  add_of_disk (snapshots, "y", "same", "vda");
  add (snapshots, "b", "same", "a");
  add_of_disk (snapshots, "z", "other", "vdb");
  domain = seal (snapshots, "b");
  assert_ids (domain_snapshots (domain), "a b");
  assert_ids (domain_children (domain, NULL), "a");
  assert_ids (domain_children (domain, "x"), "");
  assert_ids (domain_disk_snapshots (domain, "vda"), "y");
  assert_ids (domain_disk_snapshots (domain, "vdb"), "x z");
  assert_ids (domain_disk_snapshots (domain, "vdc"), "");
  assert_ids (domain_disk_snapshots (domain, NULL), "x z y");
  assert_text (domain->current, "b");
  assert_text (domain_snapshot (domain, "z")->name, "other");
  assert_int_equal (domain_descendants (domain, domain_snapshot (domain, "x")), 0);
  assert_null (domain_named (domain, "other", 0));
  assert_null (domain_named (domain, "same", 2));
}

static void
each_disk_has_names_of_its_own (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add_of_disk (snapshots, "x", "same", "vda");
  add_of_disk (snapshots, "y", "same", "vda");
  add_of_disk (snapshots, "z", "same", "vdb");
  domain = seal (snapshots, NULL);
  assert_text (domain_disk_named (domain, "vda", "same", 0)->id, "x");
  assert_text (domain_disk_named (domain, "vda", "same", 1)->id, "y");
  assert_null (domain_disk_named (domain, "vda", "same", 2));
  assert_text (domain_disk_named (domain, "vdb", "same", 0)->id, "z");
  assert_null (domain_disk_named (domain, "vdc", "same", 0));
  assert_int_equal (domain_namesakes_before (domain, domain_snapshot (domain, "y")), 1);
  assert_int_equal (domain_namesakes_before (domain, domain_snapshot (domain, "z")), 0);
}

static void
a_snapshot_of_one_disk_is_neither_parent_nor_current (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add_of_disk (snapshots, "x", "x", "vda");
  add (snapshots, "a", "a", "x");
  domain = seal (snapshots, "x");
  assert_null (domain->current);
  assert_ids (domain_children (domain, NULL), "a");
  assert_non_null (domain_snapshot (domain, "a")->problem);
}

/* As libvirt has them. */
static void
add_in_tree (GPtrArray *snapshots, const char *id, const char *name, const char *parent,
             const char *disk)
{
  Snapshot *snapshot = add (snapshots, id, name, parent);

  snapshot->one_disk = TRUE;
  g_ptr_array_add (snapshot->disks, disk_new (disk, 0, NULL));
}

static void
snapshots_of_one_disk_may_stand_in_the_tree_as_well (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add (snapshots, "a", "a", NULL);
  add_in_tree (snapshots, "x", "x", "a", "vda");
  add_in_tree (snapshots, "y", "y", "x", "vdb");
  add_in_tree (snapshots, "z", "z", "y", "vda");
  domain = seal (snapshots, "z");
  assert_ids (domain_snapshots (domain), "a x y z");
  assert_ids (domain_children (domain, "x"), "y");
  assert_ids (domain_disk_snapshots (domain, "vda"), "x z");
  assert_ids (domain_disk_snapshots (domain, "vdb"), "y");
  assert_ids (domain_disk_snapshots (domain, NULL), "x z y");
  assert_ptr_equal (domain_disk_named (domain, "vda", "z", 0), domain_named (domain, "z", 0));
  assert_null (domain_disk_named (domain, "vda", "a", 0));
  assert_text (domain->current, "z");
  assert_text (domain_snapshot (domain, "z")->parent, "y");
  assert_text (snapshot_single_disk (domain_snapshot (domain, "y")), "vdb");
  assert_null (snapshot_single_disk (domain_snapshot (domain, "a")));
  assert_int_equal (domain_descendants (domain, domain_snapshot (domain, "x")), 2);
}

static void
what_the_tree_says_of_one_its_disk_says_too (void **state)
{
  GPtrArray *snapshots = list_new ();
  g_autoptr (Domain) domain = NULL;

  add_in_tree (snapshots, "x", "x", "gone", "vda");
  add_in_tree (snapshots, "y", "same", NULL, "vdb");
  add_in_tree (snapshots, "z", "same", NULL, "vda");
  domain = seal (snapshots, NULL);
  assert_non_null (domain_disk_named (domain, "vda", "x", 0)->problem);
  assert_ptr_equal (domain_disk_named (domain, "vda", "x", 0), domain_snapshot (domain, "x"));
  assert_int_equal (domain_namesakes_before (domain, domain_snapshot (domain, "z")), 1);
}

/* Just after one second became the next. */
static void
the_second_is_that_of_the_clock (void **state)
{
  gint64 before = g_get_real_time () / G_USEC_PER_SEC, now = before;
  while (now == before)
    now = g_get_real_time () / G_USEC_PER_SEC;
  assert_true (seconds_now () >= now);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_domain_without_snapshots_answers_everything),
    cmocka_unit_test (the_second_is_that_of_the_clock),
    cmocka_unit_test (a_tree_keeps_the_order_of_siblings),
    cmocka_unit_test (namesakes_are_numbered_depth_first),
    cmocka_unit_test (a_missing_parent_makes_a_root_with_a_problem),
    cmocka_unit_test (a_cycle_is_taken_apart),
    cmocka_unit_test (a_long_chain_is_sealed_quickly),
    cmocka_unit_test (snapshots_are_shared_between_pictures),
    cmocka_unit_test (a_copy_has_everything_and_is_its_own),
    cmocka_unit_test (words_of_what_can_be_done),
    cmocka_unit_test (snapshots_of_one_disk_stand_beside_the_tree),
    cmocka_unit_test (each_disk_has_names_of_its_own),
    cmocka_unit_test (a_snapshot_of_one_disk_is_neither_parent_nor_current),
    cmocka_unit_test (snapshots_of_one_disk_may_stand_in_the_tree_as_well),
    cmocka_unit_test (what_the_tree_says_of_one_its_disk_says_too),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
