#include "redefine-domain.h"

#include <string.h>
#include <time.h>

/* What a document needs at least, but for its name. */
#define LEAST "<state>shutoff</state><creationTime>1000</creationTime>"

static Snapshot *
redefine_with (const Domain *domain, const char *inside, RedefineOptions options, GError **error)
{
  g_autofree char *text = g_strdup_printf ("<domainsnapshot>%s</domainsnapshot>", inside);
  g_autoptr (SnapshotDescription) description =
      snapshot_description_parse (text, strlen (text), error);

  assert_non_null (description);
  return redefine_snapshot (domain, description, &options, error);
}

static Snapshot *
redefine (const char *inside)
{
  g_autoptr (Domain) domain = make_domain ();
  GError *error = NULL;
  Snapshot *snapshot = redefine_with (domain, inside, (RedefineOptions){ 0 }, &error);

  assert_no_error (error);
  return snapshot;
}

static void
assert_refused_with (const char *inside, RedefineOptions options, BackendError code)
{
  g_autoptr (Domain) domain = make_domain ();
  GError *error = NULL;

  assert_null (redefine_with (domain, inside, options, &error));
  assert_error (&error, code);
}

static void
assert_refused (const char *inside)
{
  assert_refused_with (inside, (RedefineOptions){ 0 }, BACKEND_ERROR_INVALID);
}

/* -------------------------------------------------------------------- rule 28 */

static void
a_name_a_time_and_a_state_are_needed (void **state)
{
  g_autoptr (Snapshot) snapshot = redefine ("<name>base</name>" LEAST);

  assert_refused (LEAST);
  assert_refused ("<name/>" LEAST);
  assert_refused ("<name>base</name><state>shutoff</state>");
  assert_refused ("<name>base</name><creationTime>1</creationTime>");
  assert_refused ("<name>base</name><creationTime>1</creationTime><state/>");
}

static void
the_time_must_be_one (void **state)
{
  assert_refused ("<name>base</name><state>shutoff</state><creationTime>odd</creationTime>");
  assert_refused ("<name>base</name><state>shutoff</state><creationdate>...</creationdate>");
  assert_refused_with ("<name>base</name><state>shutoff</state><creationTime>-1</creationTime>",
                       (RedefineOptions){ 0 }, BACKEND_ERROR_RANGE);
}

static void
the_state_must_be_one_of_snapshots (void **state)
{
  static const char *const wrong[] = { "nostate", "pmsuspended", "odd" };
  static const char *const right[] = { "running", "blocked", "paused", "shutdown",     "shutoff",
                                       "crashed", "RUNNING", "off",    "disk-snapshot" };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *inside = g_strdup_printf (
        "<name>new</name><creationTime>1</creationTime><state>%s</state>", wrong[i]);

    assert_refused (inside);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (right); i++) {
    g_autofree char *inside = g_strdup_printf (
        "<name>new</name><creationTime>1</creationTime><state>%s</state>", right[i]);
    g_autoptr (Snapshot) snapshot = redefine (inside);

    assert_non_null (snapshot->state);
  }
}

/* -------------------------------------------------------------------- rule 29 */

static void
assert_refused_because (const char *inside, const char *sentence)
{
  g_autoptr (Domain) domain = make_domain ();
  GError *error = NULL;

  assert_null (redefine_with (domain, inside, (RedefineOptions){ 0 }, &error));
  assert_text (error->message, sentence);
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
the_parent_must_be_there_and_no_descendant (void **state)
{
  assert_refused_because ("<name>base</name><parent><name>base</name></parent>" LEAST,
                          "the snapshot base cannot be its own parent");
  assert_refused_because ("<name>new</name><parent><name>new</name></parent>" LEAST,
                          "the snapshot new cannot be its own parent");
  assert_refused_because ("<name>base</name><parent><name>nobody</name></parent>" LEAST,
                          "the parent nobody of the snapshot base is not there");
  assert_refused_because ("<name>new</name><parent><name>nobody</name></parent>" LEAST,
                          "the parent nobody of the snapshot new is not there");
  assert_refused_because ("<name>base</name><parent><name>updates</name></parent>" LEAST,
                          "the parent updates descends from base");
  assert_refused_because ("<name>base</name><parent><name>leaf</name></parent>" LEAST,
                          "the parent leaf descends from base");
}

/* -------------------------------------------------------------------- rule 30 */

static void
the_domain_must_be_this_one (void **state)
{
  g_autoptr (Snapshot) same = redefine (
      "<name>base</name><domain><uuid>93A5C04564572C09E56C927CDF34E178</uuid></domain>" LEAST);
  g_autoptr (Snapshot) silent = redefine ("<name>base</name><domain/>" LEAST);

  assert_refused ("<name>base</name>"
                  "<domain><uuid>93a5c045-6457-2c09-e56c-927cdf34e179</uuid></domain>" LEAST);
  assert_refused ("<name>new</name>"
                  "<domain><uuid>93a5c045-6457-2c09-e56c-927cdf34e179</uuid></domain>" LEAST);
  assert_refused ("<name>new</name><domain><uuid>odd</uuid></domain>" LEAST);
}

static void
a_disk_only_one_is_in_that_state (void **state)
{
  g_autoptr (Domain) domain = make_domain ();
  RedefineOptions options = { .disk_only = TRUE };
  GError *error = NULL;
  g_autoptr (Snapshot) snapshot = redefine_with (domain,
                                                 "<name>disks</name><state>disk-snapshot</state>"
                                                 "<creationTime>1</creationTime>",
                                                 options, &error);

  assert_no_error (error);
  assert_refused_with ("<name>base</name>" LEAST, options, BACKEND_ERROR_INVALID);
  assert_refused_with ("<name>new</name>" LEAST, options, BACKEND_ERROR_INVALID);
}

/* -------------------------------------------------------------------- rule 31 */

static void
the_kind_of_state_stays (void **state)
{
  static const char *const names[] = { "base", "live", "disks" };
  static const struct {
    const char *state;
    guint kind;
  } to[] = { { "shutoff", 0 }, { "crashed", 0 }, { "blocked", 0 },
             { "running", 1 }, { "paused", 1 },  { "disk-snapshot", 2 } };

  for (guint from = 0; from < G_N_ELEMENTS (names); from++)
    for (gsize i = 0; i < G_N_ELEMENTS (to); i++) {
      g_autofree char *inside =
          g_strdup_printf ("<name>%s</name><state>%s</state><creationTime>1</creationTime>",
                           names[from], to[i].state);

      if (from == to[i].kind)
        snapshot_unref (redefine (inside));
      else
        assert_refused (inside);
    }
}

static void
the_domain_of_a_snapshot_keeps_its_disks (void **state)
{
  g_autofree char *vda = xml_disk ("vda", "qcow2", "/other.qcow2");
  g_autofree char *vdb = xml_disk ("vdb", "qcow2", "/images/a.qcow2");
  g_autofree char *both = g_strconcat (vda, vdb, NULL);
  g_autofree char *same = xml_domain ("web01", UUID, vda);
  const char *const disks[] = { vdb, both, "" };
  g_autofree char *right = g_strconcat ("<name>base</name>" LEAST, same, NULL);
  g_autoptr (Snapshot) snapshot = redefine (right);

  for (gsize i = 0; i < G_N_ELEMENTS (disks); i++) {
    g_autofree char *domain = xml_domain ("web01", UUID, disks[i]);
    g_autofree char *wrong = g_strconcat ("<name>base</name>" LEAST, domain, NULL);

    assert_refused (wrong);
  }
  assert_refused ("<name>base</name><domain><odd/></domain>" LEAST);
}

/* -------------------------------------------------------------------- rule 32 */

/* libvirt refuses a new one without the whole domain; the 2011 page's example has none. */
static void
a_new_one_is_a_record_without_data (void **state)
{
  gint64 before = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (Snapshot) snapshot = redefine (
      "<name>os-updates</name><description>Snapshot of OS install and updates</description>"
      "<state>running</state><creationTime>1270477159</creationTime>"
      "<parent><name>base</name></parent><domain><uuid>" UUID "</uuid></domain>");

  assert_true (g_uuid_string_is_valid (snapshot->id));
  assert_int_equal (strlen (snapshot->mark), 8);
  assert_true (g_str_has_prefix (snapshot->id, snapshot->mark));
  assert_text (snapshot->name, "os-updates");
  assert_text (snapshot->description, "Snapshot of OS install and updates");
  assert_text (snapshot->state, "running");
  assert_text (snapshot->parent, "base");
  assert_int_equal (snapshot->created, 1270477159);
  assert_true (snapshot->changed >= before);
  assert_true (snapshot->no_data);
  assert_true (snapshot->metadata);
  assert_false (snapshot->external);
  assert_false (snapshot->held);
  assert_int_equal (snapshot->disks->len, 0);
  assert_null (snapshot->domain_xml);
  assert_null (snapshot->kept_xml);
  assert_null (snapshot->xml);
  assert_int_equal (snapshot->can,
                    CAN_EVERYTHING & ~(CAN_REVERT | CAN_SAVE | CAN_COPY | CAN_MERGE_PARENT));
}

static void
a_new_one_keeps_what_its_document_says (void **state)
{
  g_autofree char *domain = xml_domain ("web01", UUID, NULL);
  g_autofree char *inside = g_strconcat (
      "<name>new</name>" LEAST, domain,
      "<memory snapshot='no'/><disks><disk name='vda' snapshot='external'/></disks><cookie/>"
      "<compression>gzip</compression>",
      NULL);
  g_autoptr (Snapshot) snapshot = redefine (inside);

  assert_text (snapshot->domain_xml->data, domain);
  assert_text (snapshot->kept_xml->data, "<disks>\n  <disk name=\"vda\" snapshot=\"external\"/>\n"
                                         "</disks>\n<memory snapshot=\"no\"/><cookie/>");
  assert_text (snapshot->compression, "zlib");
  assert_refused ("<name>new</name><compression>lzma</compression>" LEAST);
}

static void
disks_and_memory_are_what_can_be_created (void **state)
{
  static const char *const wrong[] = {
    "<memory snapshot='manual'/>",
    "<memory snapshot='external'/>",
    "<memory snapshot='no' file='/m'/>",
    "<memory file='m'/>",
    "<disks><disk name='vda' snapshot='bogus'/></disks>",
    "<disks><disk name='vda' type='bogus'/></disks>",
    "<disks><disk name='vda'><source file='a'/></disk></disks>",
    "<disks><disk name='vda' snapshot='no'/><disk name='vda' snapshot='no'/></disks>",
    "<disks><disk name='a disk' snapshot='no'/></disks>",
    "<state/>",
    "<cookie/><cookie/>",
  };
  g_autoptr (Snapshot) snapshot =
      redefine ("<name>new</name>" LEAST "<disks><disk name='vda' snapshot='external' "
                "type='network'/><disk name='/dev/sda' snapshot='manual'/></disks>");

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *new = g_strconcat ("<name>new</name>" LEAST, wrong[i], NULL);
    g_autofree char *old = g_strconcat ("<name>base</name>" LEAST, wrong[i], NULL);

    assert_refused (new);
    assert_refused (old);
  }
}

/* libvirt's rule 19: any external disk, or the memory. */
static void
one_external_part_makes_it_external (void **state)
{
  static const struct {
    const char *parts;
    gboolean external;
  } cases[] = {
    { "", FALSE },
    { "<memory snapshot='internal'/>", FALSE },
    { "<memory snapshot='external' file='/m'/>", TRUE },
    { "<memory file='/m'/>", TRUE },
    { "<disks><disk name='vda' snapshot='internal'/><disk name='vdb' snapshot='no'/></disks>",
      FALSE },
    { "<disks><disk name='vda' snapshot='manual'/></disks>", FALSE },
    { "<disks><disk name='vda' snapshot='no'/><disk name='vdb' snapshot='external'/></disks>",
      TRUE },
    { "<disks><disk name='vda'><source file='/a'/></disk></disks>", TRUE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *inside = g_strconcat ("<name>new</name>" LEAST, cases[i].parts, NULL);
    g_autoptr (Snapshot) snapshot = redefine (inside);

    assert_int_equal (snapshot->external, cases[i].external);
  }
}

static void
one_with_data_keeps_what_belongs_to_them (void **state)
{
  g_autoptr (Snapshot) snapshot =
      redefine ("<name>leaf</name><state>crashed</state><creationTime>2000</creationTime>"
                "<memory snapshot='no'/><cookie/><compression>lzma</compression>"
                "<disks><disk name='vda' snapshot='internal'/></disks><domain><uuid>" UUID
                "</uuid></domain>");

  assert_text (snapshot->id, "leaf");
  assert_text (snapshot->mark, "mark");
  assert_int_equal (snapshot->disks->len, 1);
  assert_text (snapshot->compression, "zstd");
  assert_true (snapshot->held);
  assert_true (snapshot->external);
  assert_false (snapshot->no_data);
  assert_non_null (strstr (snapshot->domain_xml->data, "<name>web01</name>"));
  assert_int_equal (snapshot->can, CAN_EVERYTHING);
  /* And what the document is free to change. */
  assert_null (snapshot->description);
  assert_null (snapshot->parent);
  assert_text (snapshot->state, "crashed");
  assert_int_equal (snapshot->created, 2000);
  assert_int_equal (snapshot->created_nanoseconds, 0);
  assert_true (snapshot->changed > 1000);
  assert_text (snapshot->kept_xml->data, "<memory snapshot=\"no\"/><cookie/>");
}

static void
the_same_second_is_the_same_time (void **state)
{
  g_autoptr (Snapshot) snapshot = redefine ("<name>base</name>" LEAST);

  assert_int_equal (snapshot->created_nanoseconds, 5);
}

static void
a_record_is_replaced_whole (void **state)
{
  g_autoptr (Domain) domain = domain_new ("web01", UUID);
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  GError *error = NULL;
  g_autoptr (Snapshot) again = NULL;

  domain->can = CAN_EVERYTHING;
  g_ptr_array_add (snapshots, redefine ("<name>new</name>" LEAST
                                        "<cookie/><disks><disk name='vda' snapshot='external'/>"
                                        "</disks><compression>zstd</compression>"));
  domain_seal (domain, snapshots);
  again =
      redefine_with (domain, "<name>new</name><state>shutoff</state><creationTime>7</creationTime>",
                     (RedefineOptions){ .careful = TRUE }, &error);
  assert_no_error (error);
  assert_text (again->id, domain_named (domain, "new", 0)->id);
  assert_int_equal (again->created, 7);
  assert_true (again->no_data);
  assert_false (again->external);
  assert_null (again->kept_xml);
  assert_null (again->compression);
}

/* -------------------------------------------------------------------- rule 33 */

static void
another_parent_moves_it (void **state)
{
  g_autoptr (Snapshot) under =
      redefine ("<name>updates</name><parent><name>live</name></parent>" LEAST);
  g_autoptr (Snapshot) root = redefine ("<name>updates</name>" LEAST);
  g_autoptr (Snapshot) down = redefine ("<name>live</name><state>paused</state>"
                                        "<creationTime>1</creationTime>"
                                        "<parent><name>leaf</name></parent>");

  assert_text (under->parent, "live");
  assert_null (root->parent);
  assert_text (down->parent, "leaf");
}

/* -------------------------------------------------------------------- rule 34 */

static void
nobody_asks_for_the_files (void **state)
{
  g_autoptr (Snapshot) snapshot =
      redefine ("<name>new</name>" LEAST "<memory file='/nowhere/m'/>"
                "<disks><disk name='vda'><source file='/nowhere/a'/></disk></disks>");

  assert_true (snapshot->no_data);
}

/* -------------------------------------------------------------------- whose document */

static void
a_document_is_of_one_snapshot (void **state)
{
  g_autoptr (Domain) domain = make_domain ();
  GError *error = NULL;
  g_autoptr (Snapshot) snapshot = redefine_with (domain, "<name>base</name>" LEAST,
                                                 (RedefineOptions){ .snapshot = "base" }, &error);

  assert_no_error (error);
  assert_refused_with ("<name>other</name>" LEAST, (RedefineOptions){ .snapshot = "base" },
                       BACKEND_ERROR_INVALID);
  assert_refused_with ("<name>leaf</name>" LEAST, (RedefineOptions){ .snapshot = "base" },
                       BACKEND_ERROR_INVALID);
  assert_refused_with ("<name>base</name>" LEAST, (RedefineOptions){ .snapshot = "gone" },
                       BACKEND_ERROR_NOT_FOUND);
  assert_refused_with ("<name>fixed</name>" LEAST, (RedefineOptions){ 0 },
                       BACKEND_ERROR_UNSUPPORTED);
}

static void
who_is_careful_keeps_time_and_parent (void **state)
{
  static const char *const wrong[] = {
    "<name>updates</name><state>shutoff</state><creationTime>1001</creationTime>"
    "<parent><name>base</name></parent>",
    "<name>updates</name>" LEAST,
    "<name>updates</name><parent><name>live</name></parent>" LEAST,
    "<name>base</name><parent><name>live</name></parent>" LEAST,
  };
  RedefineOptions careful = { .careful = TRUE };
  g_autoptr (Domain) domain = make_domain ();
  GError *error = NULL;
  g_autoptr (Snapshot) same = redefine_with (
      domain, "<name>updates</name><parent><name>base</name></parent>" LEAST, careful, &error);
  g_autoptr (Snapshot) new = redefine_with (domain, "<name>new</name>" LEAST, careful, &error);

  assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    assert_refused_with (wrong[i], careful, BACKEND_ERROR_INVALID);
    snapshot_unref (redefine (wrong[i]));
  }
}

/* VirtualBox allows several snapshots of one name. */
static void
namesakes_keep_their_parent (void **state)
{
  g_autoptr (Domain) domain = domain_new ("web01", UUID);
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  static const char *const ids[][2] = { { "a", NULL }, { "b", NULL }, { "c", "b" }, { "d", "c" } };
  GError *error = NULL;
  g_autoptr (Snapshot) found = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
    Snapshot *snapshot = make_snapshot (ids[i][0], ids[i][1], "shutoff");

    g_free (snapshot->name);
    snapshot->name = g_strdup ("same");
    g_ptr_array_add (snapshots, snapshot);
  }
  domain_seal (domain, snapshots);
  found = redefine_with (domain, "<name>same</name><parent><name>same</name></parent>" LEAST,
                         (RedefineOptions){ .snapshot = "d", .careful = TRUE }, &error);
  assert_no_error (error);
  assert_text (found->id, "d");
  assert_text (found->parent, "c");
}

/* It would be kept, and nobody could read it again. */
static void
what_cannot_be_written_again_is_refused (void **state)
{
  GString *deep = g_string_new ("<name>new</name>" LEAST "<cookie>");

  for (guint i = 0; i < 60; i++)
    g_string_append (deep, "<a>");
  for (guint i = 0; i < 90000; i++)
    g_string_append (deep, "<b/>");
  for (guint i = 0; i < 60; i++)
    g_string_append (deep, "</a>");
  g_string_append (deep, "</cookie>");
  assert_refused (deep->str);
  g_string_free (deep, TRUE);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_name_a_time_and_a_state_are_needed),
    cmocka_unit_test (the_time_must_be_one),
    cmocka_unit_test (the_state_must_be_one_of_snapshots),
    cmocka_unit_test (the_parent_must_be_there_and_no_descendant),
    cmocka_unit_test (the_domain_must_be_this_one),
    cmocka_unit_test (a_disk_only_one_is_in_that_state),
    cmocka_unit_test (the_kind_of_state_stays),
    cmocka_unit_test (the_domain_of_a_snapshot_keeps_its_disks),
    cmocka_unit_test (a_new_one_is_a_record_without_data),
    cmocka_unit_test (a_new_one_keeps_what_its_document_says),
    cmocka_unit_test (disks_and_memory_are_what_can_be_created),
    cmocka_unit_test (one_external_part_makes_it_external),
    cmocka_unit_test (one_with_data_keeps_what_belongs_to_them),
    cmocka_unit_test (the_same_second_is_the_same_time),
    cmocka_unit_test (a_record_is_replaced_whole),
    cmocka_unit_test (another_parent_moves_it),
    cmocka_unit_test (nobody_asks_for_the_files),
    cmocka_unit_test (a_document_is_of_one_snapshot),
    cmocka_unit_test (who_is_careful_keeps_time_and_parent),
    cmocka_unit_test (namesakes_keep_their_parent),
    cmocka_unit_test (what_cannot_be_written_again_is_refused),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
