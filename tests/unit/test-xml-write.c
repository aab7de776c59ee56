#include "../../backend/snapshot-description.h"
#include "../../backend/xml.h"
#include "../testing.h"

#include <string.h>

#define UUID "00000001-0000-4000-8000-000000000000"

/* A snapshot whose every text is @text, with a disk in a file of that name. */
static Snapshot *
make_snapshot (const char *text, gboolean external)
{
  Snapshot *snapshot = snapshot_new ("id", text);
  g_autofree char *file = g_strdup_printf ("/images/%s.qcow2", text);
  g_autofree char *disk = xml_disk ("vda", "qcow2", file);

  snapshot->description = g_strdup_printf ("about\n%s", text);
  snapshot->state = g_strdup ("shutoff");
  snapshot->created = 1767261600;
  snapshot->external = external;
  g_ptr_array_add (snapshot->disks, disk_new ("vda", 1 << 30, disk));
  return snapshot;
}

static const char *const odd_names[] = {
  "plain",
  "quote\"s and 'more'",
  "<b>&amp;</b> & ]]>",
  "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x90\xa7",
  " spaces at both ends ",
  "line\nbreak and\ttab",
  "carriage\rreturn",
  "<!-- -->",
  "<?x?>",
  "100% {x} $y `z`",
};

static void
odd_names_come_back_as_they_were (void **state)
{
  for (gsize i = 0; i < G_N_ELEMENTS (odd_names); i++) {
    g_autoptr (Snapshot) snapshot = make_snapshot (odd_names[i], TRUE);
    GError *error = NULL;
    g_autofree char *text = xml_domainsnapshot (snapshot, odd_names[i], UUID, &error);
    xmlDoc *document;
    xmlChar *name;

    assert_no_error (error);
    document = xml_parse (text, strlen (text), &error);
    assert_no_error (error);
    name = xmlNodeGetContent (xml_child (xmlDocGetRootElement (document), "name"));
    assert_text ((const char *)name, odd_names[i]);
    xmlFree (name);
    xmlFreeDoc (document);
  }
}

static void
what_xml_cannot_carry_is_invalid (void **state)
{
  static const char *const bad[] = { "a\x01z", "\x1f", "x\xef\xbf\xbe", "\xff" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (Snapshot) by_name = snapshot_new ("id", bad[i]);
    g_autoptr (Snapshot) by_parent = snapshot_new ("id", "name");
    GError *error = NULL;

    assert_null (xml_domainsnapshot (by_name, NULL, UUID, &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
    assert_null (xml_domainsnapshot (by_parent, bad[i], UUID, &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
  }
}

/* They only describe, so the character is replaced. */
static void
disks_and_domains_are_always_xml (void **state)
{
  g_autofree char *disk = xml_disk ("vda", "qcow2", "/a\x01\xff&.qcow2");
  g_autofree char *domain = xml_domain ("\x02", UUID, disk);
  GError *error = NULL;
  g_autoptr (DomainDescription) parsed = domain_description_parse (domain, strlen (domain), &error);

  assert_no_error (error);
  assert_text (parsed->name, "\xef\xbf\xbd");
  assert_int_equal (parsed->disks->len, 1);
}

static gboolean
has_schema (void)
{
  static const char text[] = "<domainsnapshot/>";
  g_autoptr (GError) error = NULL;

  if (snapshot_description_validate (text, strlen (text), &error))
    return TRUE;
  assert_int_equal (error->code, BACKEND_ERROR_UNSUPPORTED);
  print_message ("%s\n", error->message);
  return FALSE;
}

static void
assert_valid (const Snapshot *snapshot, const char *parent)
{
  GError *error = NULL;
  g_autofree char *text = xml_domainsnapshot (snapshot, parent, UUID, &error);

  assert_no_error (error);
  if (!snapshot_description_validate (text, strlen (text), &error))
    fail_msg ("%s: %s", error->message, text);
}

/* Every state that a record may have, and some that libvirt's schema does not know. */
static const char *const states[] = { "running", "blocked", "paused",        "shutdown", "shutoff",
                                      "crashed", "nostate", "disk-snapshot", "odd",      NULL };

static void
what_is_written_is_valid_for_libvirt (void **state)
{
  g_autofree char *disk = xml_disk ("vda", "qcow2", "/images/a&b.qcow2");
  g_autofree char *domain = xml_domain ("web01", UUID, disk);

  if (!has_schema ())
    skip ();
  for (gsize i = 0; i < G_N_ELEMENTS (odd_names) * G_N_ELEMENTS (states) * 8; i++) {
    const char *name = odd_names[i % G_N_ELEMENTS (odd_names)];
    gsize shape = i / G_N_ELEMENTS (odd_names);
    g_autoptr (Snapshot) snapshot = make_snapshot (name, shape % 2 == 0);

    g_free (snapshot->state);
    snapshot->state = g_strdup (states[shape / 8]);
    if (shape / 2 % 2 == 0)
      snapshot->domain_xml = text_from_string (domain);
    if (shape / 4 % 2 == 0)
      g_clear_pointer (&snapshot->description, g_free);
    assert_valid (snapshot, i % 3 == 0 ? NULL : name);
  }
}

/* Devices, files and formats that a store may have and the schema does not. */
static void
disks_that_libvirt_cannot_name_do_no_harm (void **state)
{
  static const struct {
    const char *target, *format, *file, *name;
  } disks[] = {
    { "vda", "qcow2", "/a.qcow2", "\"vda\"" },
    { "sda", "raw", "/a.raw", "\"sda\"" },
    { "xvda1", "odd", "relative", "\"xvda1\"" },
    { "ubda", "vmdk", "/two\nlines", "\"ubda\"" },
    { "nvme0", "qcow2", "/images/<n>", "\"/images/&lt;n&gt;\"" },
    { "vd", "qcow2", "/", NULL },
    { "d0", "qcow2", "/two\rlines", NULL },
    { "mmc", "qcow2", "relative", NULL },
  };

  if (!has_schema ())
    skip ();
  for (gsize i = 0; i < 2 * G_N_ELEMENTS (disks); i++) {
    gsize number = i / 2;
    g_autoptr (Snapshot) snapshot = snapshot_new ("id", "name");
    g_autofree char *disk =
        xml_disk (disks[number].target, disks[number].format, disks[number].file);
    g_autofree char *text = NULL;
    const char *found;

    snapshot->external = i % 2 == 0;
    g_ptr_array_add (snapshot->disks, disk_new (disks[number].target, 1 << 20, disk));
    assert_valid (snapshot, NULL);
    text = xml_domainsnapshot (snapshot, NULL, UUID, NULL);
    found = strstr (text, "<disk name=");
    assert_true ((found != NULL) == (disks[number].name != NULL));
    if (found != NULL)
      assert_true (g_str_has_prefix (found + strlen ("<disk name="), disks[number].name));
  }
}

static void
kept_elements_stand_for_those_that_would_be_made (void **state)
{
  static const char kept[] = "<memory snapshot='external' file='/m'/>"
                             "<cookie><cpu mode='custom'>  <model>x</model></cpu></cookie>"
                             "<disks><disk name='vda' snapshot='no'/></disks>";
  g_autoptr (Snapshot) snapshot = make_snapshot ("base", TRUE);
  g_autofree char *text = NULL;

  snapshot->kept_xml = text_from_string (kept);
  text = xml_domainsnapshot (snapshot, NULL, UUID, NULL);
  assert_non_null (strstr (text, "\n  <memory snapshot=\"external\" file=\"/m\"/>\n  <disks>\n"
                                 "    <disk name=\"vda\" snapshot=\"no\"/>\n  </disks>\n"));
  assert_non_null (strstr (text, "  </domain>\n  <cookie>\n    <cpu mode=\"custom\">\n"
                                 "      <model>x</model>\n    </cpu>\n  </cookie>\n"));
  assert_null (strstr (text, "snapshot=\"no\"/>\n  <disks>"));
  assert_null (strstr (text, "base.qcow2"));
  if (!has_schema ())
    skip ();
  assert_valid (snapshot, NULL);
}

/* As libvirt writes it for a machine that runs. */
static void
a_kept_inactive_domain_is_valid (void **state)
{
  g_autofree char *domain = xml_domain ("web01", UUID, NULL);
  g_auto (GStrv) parts = g_strsplit (domain, "domain", -1);
  g_autofree char *inactive = g_strjoinv ("inactiveDomain", parts);
  g_autoptr (Snapshot) snapshot = make_snapshot ("base", FALSE);

  if (!has_schema ())
    skip ();
  snapshot->domain_xml = text_from_string (domain);
  snapshot->kept_xml = text_from_string (inactive);
  assert_valid (snapshot, NULL);
}

static void
kept_elements_that_are_no_xml_are_invalid (void **state)
{
  static const char *const wrong[] = { "<a>", "</kept><kept>", "</kept><b/>", "&x;",
                                       "<!DOCTYPE a>" };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (Snapshot) snapshot = make_snapshot ("base", FALSE);
    GError *error = NULL;

    snapshot->kept_xml = text_from_string (wrong[i]);
    assert_null (xml_domainsnapshot (snapshot, NULL, UUID, &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
  }
}

static void
an_external_disk_names_its_file (void **state)
{
  g_autoptr (Snapshot) snapshot = make_snapshot ("base", TRUE);
  g_autofree char *text = xml_domainsnapshot (snapshot, NULL, UUID, NULL);

  assert_non_null (strstr (text, "<disk name=\"vda\" snapshot=\"external\" type=\"file\">"));
  assert_non_null (strstr (text, "<driver type=\"qcow2\"/>"));
  assert_non_null (strstr (text, "<source file=\"/images/base.qcow2\"/>"));
  assert_non_null (strstr (text, "<memory snapshot=\"no\"/>"));
  assert_non_null (strstr (text, "<creationTime>1767261600</creationTime>"));
  assert_null (strstr (text, "<parent>"));
}

static void
the_domain_goes_in_whole (void **state)
{
  static const char domain[] = "<?xml version='1.0'?>\n<!-- edited -->\n<domain type='kvm'>\n"
                               "<name>x</name><description> keep  this </description></domain>";
  g_autoptr (Snapshot) snapshot = make_snapshot ("base", FALSE);
  g_autofree char *text = NULL;

  snapshot->domain_xml = text_from_string (domain);
  text = xml_domainsnapshot (snapshot, NULL, UUID, NULL);
  assert_non_null (strstr (text, "  <domain type=\"kvm\">\n    <name>x</name>\n"
                                 "    <description> keep  this </description>\n  </domain>\n"));
}

static void
a_kept_domain_that_is_none_is_invalid (void **state)
{
  static const char *const wrong[] = { "<network/>", "<domain>", "<!DOCTYPE a><domain/>" };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (Snapshot) snapshot = make_snapshot ("base", FALSE);
    GError *error = NULL;

    snapshot->domain_xml = text_from_string (wrong[i]);
    assert_null (xml_domainsnapshot (snapshot, NULL, UUID, &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
  }
}

static void
frozen_disks_say_how_they_were_frozen (void **state)
{
  g_autofree char *external = xml_frozen_disk ("vda", "qcow2", "/images/a.qcow2", NULL);
  g_autofree char *internal = xml_frozen_disk ("sda", "qcow2", "/images/b.qcow2", "before <1>");

  assert_non_null (strstr (external, "snapshot=\"external\""));
  assert_non_null (strstr (external, "<source file=\"/images/a.qcow2\"/>"));
  assert_non_null (strstr (external, "<readonly/>"));
  assert_non_null (strstr (internal, "snapshot=\"internal\""));
  assert_non_null (strstr (internal, "<snapshot name=\"before &lt;1&gt;\"/>"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (odd_names_come_back_as_they_were),
    cmocka_unit_test (what_xml_cannot_carry_is_invalid),
    cmocka_unit_test (disks_and_domains_are_always_xml),
    cmocka_unit_test (what_is_written_is_valid_for_libvirt),
    cmocka_unit_test (disks_that_libvirt_cannot_name_do_no_harm),
    cmocka_unit_test (kept_elements_stand_for_those_that_would_be_made),
    cmocka_unit_test (a_kept_inactive_domain_is_valid),
    cmocka_unit_test (kept_elements_that_are_no_xml_are_invalid),
    cmocka_unit_test (an_external_disk_names_its_file),
    cmocka_unit_test (the_domain_goes_in_whole),
    cmocka_unit_test (a_kept_domain_that_is_none_is_invalid),
    cmocka_unit_test (frozen_disks_say_how_they_were_frozen),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
