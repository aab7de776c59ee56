#include "../../backend/snapshot-description.h"
#include "../testing.h"

#include <string.h>

static SnapshotDescription *
parse (const char *text)
{
  GError *error = NULL;
  SnapshotDescription *description = snapshot_description_parse (text, strlen (text), &error);

  assert_no_error (error);
  return description;
}

static void
assert_invalid (const char *text)
{
  GError *error = NULL;

  assert_null (snapshot_description_parse (text, strlen (text), &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

/* @inside as the only thing that a document says. */
static SnapshotDescription *
parse_inside (const char *inside)
{
  g_autofree char *text = g_strdup_printf ("<domainsnapshot>%s</domainsnapshot>", inside);

  return parse (text);
}

static void
an_empty_document_says_nothing (void **state)
{
  g_autoptr (SnapshotDescription) found = parse ("<domainsnapshot/>");

  assert_null (found->name);
  assert_null (found->description);
  assert_null (found->state);
  assert_null (found->parent);
  assert_null (found->compression);
  assert_int_equal (found->created, -1);
  assert_null (found->wrong);
  assert_null (found->uuid);
  assert_null (found->domain_xml);
  assert_null (found->memory);
  assert_null (found->memory_file);
  assert_null (found->disks);
  assert_null (found->disks_xml);
  assert_null (found->kept_xml);
}

/* seeds/4: the page that came with redefining. */
static void
the_example_of_the_2011_page_is_understood (void **state)
{
  g_autoptr (SnapshotDescription) found =
      parse ("<domainsnapshot>\n"
             "  <name>os-updates</name>\n"
             "  <description>Snapshot of OS install and updates</description>\n"
             "  <state>running</state>\n"
             "  <creationTime>1270477159</creationTime>\n"
             "  <parent>\n"
             "    <name>bare-os-install</name>\n"
             "  </parent>\n"
             "  <domain>\n"
             "    <uuid>93a5c045-6457-2c09-e56c-927cdf34e178</uuid>\n"
             "  </domain>\n"
             "</domainsnapshot>");

  assert_text (found->name, "os-updates");
  assert_text (found->description, "Snapshot of OS install and updates");
  assert_text (found->state, "running");
  assert_int_equal (found->created, 1270477159);
  assert_text (found->parent, "bare-os-install");
  assert_text (found->uuid, "93a5c045-6457-2c09-e56c-927cdf34e178");
  assert_null (found->domain_xml);
  assert_null (found->kept_xml);
}

/* seeds/0, with what it leaves open left open: whoever takes a snapshot may give it as it is. */
static void
the_document_of_the_first_proposal_is_understood (void **state)
{
  g_autoptr (SnapshotDescription) found =
      parse ("<domainsnapshot> <name>XYZ</name> <creationdate>...</creationdate> <description> "
             "....blah.... </description> <state>RUNNING</state> <domain> "
             "<uuid>XXXXX-XXXX-XXXX-XXXX-XXXXXXXXX</uuid> </domain> "
             "<compression>gzip</compression> <parent> <name>ABC</name> </parent> "
             "</domainsnapshot>");

  assert_text (found->name, "XYZ");
  assert_text (found->description, " ....blah.... ");
  assert_text (found->state, "running");
  assert_text (found->uuid, "XXXXX-XXXX-XXXX-XXXX-XXXXXXXXX");
  assert_text (found->compression, "zlib");
  assert_text (found->parent, "ABC");
  assert_int_equal (found->created, -1);
  assert_error (&found->wrong, BACKEND_ERROR_INVALID);
  assert_null (found->kept_xml);
}

static void
states_are_libvirts_words (void **state)
{
  static const char *const states[][2] = {
    { "<state>off</state>", "shutoff" },
    { "<state>OFF</state>", "shutoff" },
    { "<state> Shutoff\n</state>", "shutoff" },
    { "<state>PAUSED</state>", "paused" },
    { "<state>disk-snapshot</state>", "disk-snapshot" },
    { "<state>odd</state>", "odd" },
    { "<state> </state>", NULL },
    { "<state/>", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (states); i++) {
    g_autoptr (SnapshotDescription) found = parse_inside (states[i][0]);

    assert_text (found->state, states[i][1]);
  }
}

static void
times_are_seconds (void **state)
{
  static const struct {
    const char *xml;
    gint64 created;
  } times[] = {
    { "<creationTime>0</creationTime>", 0 },
    { "<creationTime>\n 1270477159 </creationTime>", 1270477159 },
    { "<creationdate>1270477159</creationdate>", 1270477159 },
    { "<creationdate>1</creationdate><creationTime>2</creationTime>", 2 },
    { "<creationdate>odd</creationdate><creationTime>2</creationTime>", 2 },
    { "<creationdate>1</creationdate><creationTime/>", 1 },
    { "<creationTime>9223372035</creationTime>", 9223372035 },
    { "<creationTime/>", -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autoptr (SnapshotDescription) found = parse_inside (times[i].xml);

    assert_no_error (found->wrong);
    assert_int_equal (found->created, times[i].created);
  }
}

static void
times_that_are_none_are_remembered (void **state)
{
  static const struct {
    const char *text;
    BackendError code;
  } times[] = {
    { "odd", BACKEND_ERROR_INVALID },
    { "1.5", BACKEND_ERROR_INVALID },
    { "0x10", BACKEND_ERROR_INVALID },
    { "1 2", BACKEND_ERROR_INVALID },
    { "2026-11-21T00:00:00Z", BACKEND_ERROR_INVALID },
    { "-1", BACKEND_ERROR_RANGE },
    { "9223372036", BACKEND_ERROR_RANGE },
    { "99999999999999999999999999", BACKEND_ERROR_RANGE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autofree char *inside = g_strdup_printf ("<creationTime>%s</creationTime>", times[i].text);
    g_autoptr (SnapshotDescription) found = parse_inside (inside);

    assert_int_equal (found->created, -1);
    assert_error (&found->wrong, times[i].code);
  }
}

static void
compression_has_two_names_for_zlib (void **state)
{
  static const char *const methods[][2] = {
    { "<compression>gzip</compression>", "zlib" },
    { "<compression>zlib</compression>", "zlib" },
    { "<compression> zstd </compression>", "zstd" },
    { "<compression>odd</compression>", "odd" },
    { "<compression/>", "" },
    { "<compression> </compression>", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++) {
    g_autoptr (SnapshotDescription) found = parse_inside (methods[i][0]);

    assert_text (found->compression, methods[i][1]);
  }
}

static void
texts_come_to_the_last_space (void **state)
{
  g_autoptr (SnapshotDescription) found =
      parse_inside ("<name> a &lt;b&gt; </name><description>x\n  y<!-- z --><![CDATA[<&]]>\n"
                    "</description><parent><name> p </name></parent>");
  g_autoptr (SnapshotDescription) empty =
      parse_inside ("<name/><description></description><parent><name/></parent>");
  g_autoptr (SnapshotDescription) orphan = parse_inside ("<parent/>");

  assert_text (found->name, " a <b> ");
  assert_text (found->description, "x\n  y<&\n");
  assert_text (found->parent, " p ");
  assert_null (empty->name);
  assert_null (empty->description);
  assert_null (empty->parent);
  assert_null (orphan->parent);
}

/* Only a redefinition reads it. */
static void
assert_wrong (const char *inside)
{
  g_autoptr (SnapshotDescription) found = parse_inside (inside);

  assert_int_equal (found->created, -1);
  assert_error (&found->wrong, BACKEND_ERROR_INVALID);
}

static void
what_creation_ignores_is_only_remembered (void **state)
{
  static const char *const names[] = { "state",  "creationTime",   "creationdate",
                                       "domain", "inactiveDomain", "cookie",
                                       "active", "revertDisks" };
  g_autofree char *quotes = g_strnfill (200000, '"');
  g_autofree char *large = g_strdup_printf ("<cookie a='%s'/>", quotes);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *inside = g_strdup_printf ("<%s/><x/><%s/>", names[i], names[i]);

    assert_wrong (inside);
  }
  assert_wrong ("<creationTime>a</creationTime><creationTime>1</creationTime>");
  assert_wrong ("<creationTime><b/></creationTime>");
  assert_wrong ("<state><a/></state><creationTime>1</creationTime>");
  assert_wrong ("<domain><uuid>z</uuid><uuid/></domain><creationTime>1</creationTime>");
  assert_wrong (large);
}

static void
elements_that_are_there_twice_are_invalid (void **state)
{
  static const char *const names[] = { "name",   "description", "compression",
                                       "parent", "memory",      "disks" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *text =
        g_strdup_printf ("<domainsnapshot><%s/><x/><%s/></domainsnapshot>", names[i], names[i]);

    assert_invalid (text);
  }
  assert_invalid ("<domainsnapshot><parent><name/><name/></parent></domainsnapshot>");
  assert_invalid ("<domainsnapshot><disks><disk name='a'><source/><source/></disk></disks>"
                  "</domainsnapshot>");
  assert_invalid ("<domainsnapshot><disks><disk name='a'><driver/><driver/></disk></disks>"
                  "</domainsnapshot>");
}

static void
documents_that_are_something_else_are_invalid (void **state)
{
  assert_invalid ("<domain/>");
  assert_invalid ("<domaincheckpoint><name>x</name></domaincheckpoint>");
  assert_invalid ("<domainsnapshot><name>a<b/></name></domainsnapshot>");
  assert_invalid ("<domainsnapshot><description><b>x</b></description></domainsnapshot>");
  assert_invalid ("");
  assert_invalid ("os-updates");
}

/* libvirt reads a UUID in each of these forms. */
static void
a_uuid_is_put_into_the_usual_form (void **state)
{
  static const char usual[] = "93a5c045-6457-2c09-e56c-927cdf34e178";
  static const char *const forms[] = { "93a5c045-6457-2c09-e56c-927cdf34e178",
                                       "93A5C045-6457-2C09-E56C-927CDF34E178",
                                       "\n93a5c04564572c09e56c927cdf34e178 " };

  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autofree char *inside = g_strdup_printf ("<domain><uuid>%s</uuid></domain>", forms[i]);
    g_autoptr (SnapshotDescription) found = parse_inside (inside);

    assert_text (found->uuid, usual);
    assert_null (found->domain_xml);
  }
}

static void
a_whole_domain_is_taken_over (void **state)
{
  g_autoptr (SnapshotDescription) found = parse_inside (
      "<domain type='kvm'><name>x</name>\n<uuid>93a5c045-6457-2c09-e56c-927cdf34e178</uuid>"
      "</domain>");

  assert_text (found->uuid, "93a5c045-6457-2c09-e56c-927cdf34e178");
  assert_text (found->domain_xml, "<domain type=\"kvm\">\n  <name>x</name>\n"
                                  "  <uuid>93a5c045-6457-2c09-e56c-927cdf34e178</uuid>\n"
                                  "</domain>\n");
}

static void
assert_request (const DiskRequest *request, const char *name, const char *snapshot,
                const char *driver, const char *type, const char *file)
{
  assert_text (request->name, name);
  assert_text (request->snapshot, snapshot);
  assert_text (request->driver, driver);
  assert_text (request->type, type);
  assert_text (request->file, file);
}

static void
disks_are_requests (void **state)
{
  g_autoptr (SnapshotDescription) found = parse_inside (
      "<disks><disk name='vda' snapshot='no'/><x/><disk name='/a b'/>"
      "<disk name='vdb' type='file'><driver type='qed'/><source file='/o' dev='/p'/></disk>"
      "<disk name='vdc' snapshot='manual' type='block'><source file='/o' "
      "dev='/p'/></disk></disks>");
  g_autoptr (SnapshotDescription) none = parse_inside ("<disks/>");

  assert_int_equal (found->disks->len, 4);
  assert_request (g_ptr_array_index (found->disks, 0), "vda", "no", NULL, NULL, NULL);
  assert_request (g_ptr_array_index (found->disks, 1), "/a b", NULL, NULL, NULL, NULL);
  assert_request (g_ptr_array_index (found->disks, 2), "vdb", "external", "qed", "file", "/o");
  assert_request (g_ptr_array_index (found->disks, 3), "vdc", "manual", NULL, "block", "/p");
  assert_true (g_str_has_prefix (found->disks_xml, "<disks>\n  <disk name=\"vda\" "));
  assert_null (found->kept_xml);
  assert_int_equal (none->disks->len, 0);
  assert_text (none->disks_xml, "<disks/>\n");
}

static void
disks_without_a_name_or_without_number_are_invalid (void **state)
{
  GString *many = g_string_new ("<domainsnapshot><disks>");

  for (guint i = 0; i <= 1000; i++)
    g_string_append_printf (many, "<disk name='vd%u'/>", i);
  g_string_append (many, "</disks></domainsnapshot>");
  assert_invalid (many->str);
  g_string_free (many, TRUE);
  assert_invalid ("<domainsnapshot><disks><disk/></disks></domainsnapshot>");
  assert_invalid ("<domainsnapshot><disks><disk name=''/></disks></domainsnapshot>");
}

static void
memory_is_read_and_kept (void **state)
{
  g_autoptr (SnapshotDescription) file = parse_inside ("<memory file='/m'/>");
  g_autoptr (SnapshotDescription) inside = parse_inside ("<memory snapshot='internal'/>");

  assert_text (file->memory, "external");
  assert_text (file->memory_file, "/m");
  assert_text (file->kept_xml, "<memory file=\"/m\"/>");
  assert_text (inside->memory, "internal");
  assert_null (inside->memory_file);
}

static void
what_libvirt_knows_is_kept_in_order (void **state)
{
  g_autoptr (SnapshotDescription) found =
      parse_inside ("<later a='1'>x &amp; y</later><name>n</name><active>1</active><!-- z -->"
                    "<cookie> <c/> </cookie>text<revertDisks/><later/><inactiveDomain/>");

  assert_text (found->kept_xml, "<cookie> <c/> </cookie><revertDisks/><inactiveDomain/>");
}

static void
kept_elements_bring_their_namespaces (void **state)
{
  g_autoptr (SnapshotDescription) found =
      parse ("<domainsnapshot xmlns:q='urn:q' xmlns:r='urn:r'><q:memory/><cookie><q:later r:a='1'/>"
             "</cookie></domainsnapshot>");

  assert_true (g_str_has_prefix (found->kept_xml, "<cookie "));
  assert_non_null (strstr (found->kept_xml, "xmlns:q=\"urn:q\""));
  assert_non_null (strstr (found->kept_xml, "xmlns:r=\"urn:r\""));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (an_empty_document_says_nothing),
    cmocka_unit_test (the_example_of_the_2011_page_is_understood),
    cmocka_unit_test (the_document_of_the_first_proposal_is_understood),
    cmocka_unit_test (states_are_libvirts_words),
    cmocka_unit_test (times_are_seconds),
    cmocka_unit_test (times_that_are_none_are_remembered),
    cmocka_unit_test (compression_has_two_names_for_zlib),
    cmocka_unit_test (texts_come_to_the_last_space),
    cmocka_unit_test (what_creation_ignores_is_only_remembered),
    cmocka_unit_test (elements_that_are_there_twice_are_invalid),
    cmocka_unit_test (documents_that_are_something_else_are_invalid),
    cmocka_unit_test (a_uuid_is_put_into_the_usual_form),
    cmocka_unit_test (a_whole_domain_is_taken_over),
    cmocka_unit_test (disks_are_requests),
    cmocka_unit_test (disks_without_a_name_or_without_number_are_invalid),
    cmocka_unit_test (memory_is_read_and_kept),
    cmocka_unit_test (what_libvirt_knows_is_kept_in_order),
    cmocka_unit_test (kept_elements_bring_their_namespaces),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
