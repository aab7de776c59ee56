/* Which files hold disks, as libvirt's XML says, and taking one out of it. */
#include "../../backend/libvirt/host-files.h"
#include "../../backend/libvirt/layout.h"
#include "../testing.h"

/* Frozen c, on b, on a; from then on d. */
static const char snapshot[] =
    "<domainsnapshot><name>s3</name><state>disk-snapshot</state><parent><name>s2</name></parent>"
    "<disks><disk name='vda' snapshot='external'><source file='/i/d'/></disk>"
    "<disk name='vdb' snapshot='no'/></disks>"
    "<domain><devices>"
    "<disk type='file' device='disk'><driver type='qcow2'/><source file='/i/c'/>"
    "<backingStore type='file'><format type='qcow2'/><source file='/i/b'/>"
    "<backingStore type='file'><format type='raw'/><source file='/i/a'/><backingStore/>"
    "</backingStore></backingStore><target dev='vda'/></disk>"
    "<disk type='network'><source protocol='nbd'/><target dev='vdb'/></disk>"
    "<disk device='cdrom'><target dev='sda'/></disk>"
    "</devices></domain></domainsnapshot>";

static Layout *
parse (const char *xml)
{
  GError *error = NULL;
  Layout *layout = layout_parse (xml, &error);
  assert_no_error (error);
  return layout;
}

static void
assert_chain (const char *xml, const char *target, const char *expected)
{
  g_autoptr (Layout) layout = parse (xml);
  const LayoutDisk *disk = layout_disk (layout, target);
  g_autoptr (GString) chain = g_string_new (NULL);
  for (guint i = 0; i < disk->files->len; i++) {
    const LayoutFile *file = g_ptr_array_index (disk->files, i);
    g_string_append_printf (chain, "%s:%s ", file->file ? file->file : "-",
                            file->format ? file->format : "-");
  }
  assert_string_equal (chain->str, expected);
}

static void
a_snapshot_is_read_through_what_it_froze (void **state)
{
  g_autoptr (Layout) layout = parse (snapshot);
  assert_string_equal (layout->name, "s3");
  assert_string_equal (layout->parent, "s2");
  assert_int_equal (layout->disks->len, 2);
  assert_string_equal (layout_disk (layout, "vda")->overlay, "/i/d");
  assert_false (layout_disk (layout, "vda")->internal);
  assert_null (layout_disk (layout, "vdb")->overlay);
  assert_null (layout_disk (layout, "sda"));
  assert_chain (snapshot, "vda", "/i/c:qcow2 /i/b:qcow2 /i/a:raw ");
  assert_chain (snapshot, "vdb", "-:- ");
}

static void
a_place_in_the_chain_is_found (void **state)
{
  g_autoptr (Layout) layout = parse (snapshot);
  const LayoutDisk *disk = layout_disk (layout, "vda");
  assert_int_equal (layout_find (disk, "/i/a"), 2);
  assert_int_equal (layout_find (disk, "/i/d"), -1);
  assert_null (layout_file (disk, 3));
}

static char *
without (const char *gone, const char *instead)
{
  GError *error = NULL;
  char *xml = layout_without (snapshot, "vda", gone, instead, &error);
  assert_no_error (error);
  return xml;
}

static void
a_file_goes_from_the_middle_and_the_end (void **state)
{
  g_autofree char *middle = without ("/i/b", NULL);
  g_autofree char *end = without ("/i/a", NULL);
  assert_chain (middle, "vda", "/i/c:qcow2 /i/a:raw ");
  assert_chain (end, "vda", "/i/c:qcow2 /i/b:qcow2 ");
}

static void
what_was_behind_the_top_is_the_top (void **state)
{
  g_autofree char *xml = without ("/i/c", NULL);
  assert_chain (xml, "vda", "/i/b:qcow2 /i/a:raw ");
}

static void
another_overlay_stands_for_the_one_that_is_gone (void **state)
{
  g_autofree char *xml = without ("/i/d", "/i/e");
  g_autoptr (Layout) layout = parse (xml);
  assert_string_equal (layout_disk (layout, "vda")->overlay, "/i/e");
  assert_chain (xml, "vda", "/i/c:qcow2 /i/b:qcow2 /i/a:raw ");
}

static void
what_is_not_there_changes_nothing (void **state)
{
  GError *error = NULL;
  assert_null (without ("/i/z", "/i/e"));
  assert_null (layout_without (snapshot, "vdb", "/i/b", NULL, &error));
  assert_no_error (error);
}

static void
a_parent_is_another_or_none (void **state)
{
  GError *error = NULL;
  g_autofree char *under = layout_under (snapshot, "s1 & s0", &error);
  g_autofree char *root = layout_under (snapshot, NULL, &error);
  assert_no_error (error);
  g_autoptr (Layout) moved = parse (under);
  g_autoptr (Layout) raised = parse (root);
  assert_string_equal (moved->parent, "s1 & s0");
  assert_null (raised->parent);
}

static void
a_uri_tells_whether_files_are_here (void **state)
{
  static const struct {
    const char *uri;
    gboolean here;
  } rows[] = {
    { "qemu:///system", TRUE },
    { "qemu+unix:///system?socket=/tmp/a/libvirt-sock", TRUE },
    { "qemu+tcp://127.0.0.1:16509/system", TRUE },
    { "qemu+tcp://[::1]/system", TRUE },
    { "qemu+tls://localhost/system", TRUE },
    { "qemu+ssh://localhost/system", FALSE },
    { "qemu+ssh:///system", FALSE },
    { "qemu://host/system", FALSE },
    { "qemu+tcp://10.0.0.1/system", FALSE },
    { "esx://esx.example/?no_verify=1", FALSE },
    { "test:///default", FALSE },
    { "nonsense", FALSE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (host_files_are_here (rows[i].uri) != rows[i].here)
      fail_msg ("%s", rows[i].uri);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_snapshot_is_read_through_what_it_froze),
    cmocka_unit_test (a_place_in_the_chain_is_found),
    cmocka_unit_test (a_file_goes_from_the_middle_and_the_end),
    cmocka_unit_test (what_was_behind_the_top_is_the_top),
    cmocka_unit_test (another_overlay_stands_for_the_one_that_is_gone),
    cmocka_unit_test (what_is_not_there_changes_nothing),
    cmocka_unit_test (a_parent_is_another_or_none),
    cmocka_unit_test (a_uri_tells_whether_files_are_here),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
