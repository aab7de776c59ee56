/* The documents that libvirt gets. */
#include "../../backend/libvirt/document.h"
#include "../../backend/snapshot-description.h"
#include "../testing.h"

#include <string.h>

static SnapshotDescription *
read_back (const char *document)
{
  GError *error = NULL;
  SnapshotDescription *description =
      snapshot_description_parse (document, strlen (document), &error);

  assert_no_error (error);
  assert_no_error (description->wrong);
  return description;
}

/* What VirtualBox's driver needs, and nobody else minds. */
static void
a_new_one_always_has_name_time_and_state (void **state)
{
  const CreateOptions options = { .name = "ignored" };
  GError *error = NULL;
  g_autofree char *document = document_create (&options, "<a> & b", "running", &error);
  g_autoptr (SnapshotDescription) description = read_back (document);

  assert_text (description->name, "<a> & b");
  assert_text (description->state, "running");
  assert_true (description->created > 0);
  assert_null (description->description);
  assert_null (description->disks);
  assert_null (description->memory);
}

static void
everything_that_was_asked_is_said (void **state)
{
  DiskRequest file = { .name = (char *)"vda",
                       .snapshot = (char *)"external",
                       .driver = (char *)"qcow2",
                       .file = (char *)"/a&b" };
  DiskRequest block = { .name = (char *)"vdb", .type = (char *)"block", .file = (char *)"/dev/x" };
  g_autoptr (GPtrArray) disks = g_ptr_array_new ();
  const CreateOptions options = {
    .description = "why", .memory = "external", .memory_file = "/m", .disks = disks
  };
  GError *error = NULL;
  g_autofree char *document = NULL;
  g_autoptr (SnapshotDescription) description = NULL;
  const DiskRequest *disk;

  g_ptr_array_add (disks, &file);
  g_ptr_array_add (disks, &block);
  document = document_create (&options, "a", "shutoff", &error);
  description = read_back (document);
  assert_text (description->description, "why");
  assert_text (description->memory, "external");
  assert_text (description->memory_file, "/m");
  disk = g_ptr_array_index (description->disks, 0);
  assert_text (disk->name, "vda");
  assert_text (disk->snapshot, "external");
  assert_text (disk->driver, "qcow2");
  assert_text (disk->file, "/a&b");
  disk = g_ptr_array_index (description->disks, 1);
  assert_text (disk->type, "block");
  assert_text (disk->file, "/dev/x");
}

static void
what_xml_cannot_carry_is_refused (void **state)
{
  const CreateOptions options = { .name = "a" };
  GError *error = NULL;

  assert_null (document_create (&options, "\x01", "shutoff", &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
a_redefinition_has_its_fragments (void **state)
{
  const Redefinition redefinition = {
    .name = "a",
    .state = "shutoff",
    .parent = "p",
    .created = 7,
    .kept = "<memory snapshot='no'/><cookie><x/></cookie>",
    .disks = "<disks><disk name='vda' snapshot='internal'/></disks>",
    .domain = "<domain type='qemu'><name>web</name><secret>s</secret></domain>",
    .uuid = "7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11",
  };
  GError *error = NULL;
  g_autofree char *document = document_redefine (&redefinition, &error);
  g_autoptr (SnapshotDescription) description = read_back (document);

  assert_text (description->parent, "p");
  assert_int_equal (description->created, 7);
  assert_non_null (strstr (document, "<secret>s</secret>"));
  assert_non_null (strstr (document, "<cookie>"));
  assert_int_equal (description->disks->len, 1);
}

static void
without_a_domain_its_uuid_is_said (void **state)
{
  const Redefinition redefinition = { .name = "a",
                                      .state = "shutoff",
                                      .uuid = "7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11" };
  GError *error = NULL;
  g_autofree char *document = document_redefine (&redefinition, &error);
  g_autoptr (SnapshotDescription) description = read_back (document);

  assert_text (description->uuid, "7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11");
  assert_null (description->domain_xml);
}

static void
another_description_changes_nothing_else (void **state)
{
  static const char before[] =
      "<domainsnapshot>\n  <name>a</name>\n  <description>old</description>"
      "\n  <domain><graphics passwd='x'/></domain>\n</domainsnapshot>";
  GError *error = NULL;
  g_autofree char *after = document_describe (before, "new & <better>", &error);
  g_autofree char *removed = document_describe (before, "", &error);
  g_autoptr (SnapshotDescription) description = read_back (after);

  assert_text (description->name, "a");
  assert_text (description->description, "new & <better>");
  assert_non_null (strstr (after, "<domain><graphics passwd=\"x\"/></domain>"));
  assert_null (strstr (removed, "description"));
  assert_non_null (strstr (removed, "passwd=\"x\""));
}

/* A document that was edited does not say what nobody could see. */
static void
passwords_go_to_the_same_display (void **state)
{
  const char *said = "<domain><name>b</name><devices><graphics type='spice'/><graphics type='vnc' "
                     "port='1'/><graphics type='vnc' passwd='own'/></devices></domain>";
  const char *secret = "<domain><name>a</name><devices><graphics type='vnc' passwd='first' "
                       "passwdValidTo='2030-01-01T00:00:00'/><graphics type='vnc' passwd='x'/>"
                       "<graphics type='rdp' passwd='y'/></devices></domain>";
  g_autofree char *filled = document_with_passwords (said, secret);

  assert_non_null (strstr (filled, "<name>b</name>"));
  assert_non_null (strstr (filled, "port=\"1\" passwd=\"first\" passwdValidTo=\"2030"));
  assert_non_null (strstr (filled, "passwd=\"own\""));
  assert_null (strstr (filled, "\"x\""));
  assert_null (strstr (filled, "\"y\""));
  assert_null (document_with_passwords ("<a", secret));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_new_one_always_has_name_time_and_state),
    cmocka_unit_test (everything_that_was_asked_is_said),
    cmocka_unit_test (what_xml_cannot_carry_is_refused),
    cmocka_unit_test (a_redefinition_has_its_fragments),
    cmocka_unit_test (without_a_domain_its_uuid_is_said),
    cmocka_unit_test (another_description_changes_nothing_else),
    cmocka_unit_test (passwords_go_to_the_same_display),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
