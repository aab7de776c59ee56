/* What the directory of images says: domains, their disks, and what is wrong with them. */
#include "../../backend/local/describe.h"
#include "../../backend/uuid.h"
#include "images.h"
#include <sys/resource.h>
#include <unistd.h>

typedef struct {
  char *directory;
  char *outside;
  Places *places;
} Store;

static int
make_store (void **state)
{
  Store *store = g_new0 (Store, 1);
  store->directory = images_directory ();
  store->outside = images_directory ();
  store->places = places_open (store->directory, NULL, NULL);
  *state = store;
  return 0;
}

static int
remove_store (void **state)
{
  Store *store = *state;
  places_close (store->places);
  images_remove (store->directory);
  images_remove (store->outside);
  g_free (store);
  return 0;
}

static GPtrArray *
scan (const Store *store)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *domains = scan_store (store->places, &error);
  if (!domains)
    fail_msg ("%s", error->message);
  return domains;
}

static const LocalDomain *
find (const GPtrArray *domains, const char *name)
{
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    if (g_str_equal (domain->name, name))
      return domain;
  }
  fail_msg ("no domain %s", name);
  return NULL;
}

#define UUID "b1c2d3e4-0000-4000-8000-00000000000"
#define DISK(target, format, source)                                                               \
  "<disk type='file' device='disk'><driver name='qemu' type='" format "'/><source file='" source   \
  "'/><target dev='" target "'/></disk>"

static void
write_domain (const Store *store, const char *name, const char *uuid, const char *disks)
{
  g_autofree char *path = g_build_filename (store->directory, name, NULL);
  g_autofree char *xml = g_strdup_printf (
      "<domain type='kvm'><name>other</name>%s<devices>%s</devices></domain>", uuid, disks);
  g_mkdir_with_parents (path, 0755);
  images_write_text (path, "domain.xml", xml);
}

static void
has_problem (const LocalDomain *domain, const char *part)
{
  if (!domain->problem || !strstr (domain->problem, part))
    fail_msg ("%s: '%s' lacks '%s'", domain->name, domain->problem ? domain->problem : "", part);
}

static void
bare_images_are_domains (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "touch web.qcow2 a.qcow2 .hidden.qcow2 .qcow2 b.img c.qcow2.new &&"
                                "ln -s a.qcow2 link.qcow2 && mkdir dir.qcow2 empty .vmsnapfs");
  g_autoptr (GPtrArray) domains = scan (store);
  assert_int_equal (domains->len, 2);
  const LocalDomain *domain = g_ptr_array_index (domains, 0);
  assert_string_equal (domain->name, "a");
  domain = g_ptr_array_index (domains, 1);
  assert_string_equal (domain->name, "web");
  assert_true (domain->bare);
  assert_null (domain->problem);
  assert_non_null (strstr (domain->xml, "<name>web</name>"));
  assert_non_null (strstr (domain->xml, domain->uuid));
  const LocalDisk *disk = local_domain_disk (domain, "vda");
  assert_string_equal (disk->format, "qcow2");
  assert_string_equal (disk->directory, store->directory);
  assert_string_equal (disk->file, "web.qcow2");
}

static void
a_name_gives_the_same_uuid_for_ever (void **state)
{
  g_autofree char *uuid = uuid_of_name ("web01");
  assert_string_equal (uuid, "deafb704-e988-5ba6-a3ee-062e8e5814d1");
}

static void
a_directory_with_a_description_is_a_domain (void **state)
{
  const Store *store = *state;
  write_domain (store, "db", "<uuid>" UUID "1</uuid>",
                DISK ("vda", "qcow2", "root.qcow2") DISK ("vdb", "raw", "sub/../data.img"));
  images_run (store->directory, "touch db/root.qcow2 db/data.img");
  g_autoptr (GPtrArray) domains = scan (store);
  const LocalDomain *domain = find (domains, "db");
  assert_null (domain->problem);
  assert_false (domain->bare);
  assert_string_equal (domain->uuid, UUID "1");
  assert_true (g_str_has_prefix (domain->xml, "<domain type='kvm'><name>other</name>"));
  assert_int_equal (domain->disks->len, 2);
  g_autofree char *path = local_disk_path (local_domain_disk (domain, "vdb"));
  g_autofree char *expected = g_build_filename (store->directory, "db/data.img", NULL);
  assert_string_equal (path, expected);
  assert_non_null (strstr (local_domain_disk (domain, "vda")->xml, "<target dev=\"vda\"/>"));
}

static void
a_description_says_how_a_disk_is_snapshotted (void **state)
{
  const Store *store = *state;
  write_domain (
      store, "db", "",
      DISK (
          "vda", "qcow2",
          "root.qcow2") "<disk type='file' device='disk'><driver type='raw'/><source "
                        "file='data.img'/>"
                        "<target dev='vdb'/><diskSnapshot method='lvm'><device path='/dev/vg/lv4'/>"
                        "</diskSnapshot></disk>");
  images_run (store->directory, "touch db/root.qcow2 db/data.img");
  g_autoptr (GPtrArray) domains = scan (store);
  const LocalDomain *domain = find (domains, "db");
  assert_null (domain->problem);
  assert_null (local_domain_disk (domain, "vda")->method);
  assert_string_equal (local_domain_disk (domain, "vdb")->method, "lvm");
  assert_string_equal (local_domain_disk (domain, "vdb")->beneath, "/dev/vg/lv4");
  assert_null (local_domain_disk (domain, "vda")->beneath);
}

static void
a_described_image_is_no_domain_of_its_own (void **state)
{
  const Store *store = *state;
  write_domain (store, "db", "", DISK ("vda", "qcow2", "../shared.qcow2"));
  write_domain (store, "web", "", DISK ("vda", "qcow2", "../web.qcow2"));
  images_run (store->directory, "touch shared.qcow2 web.qcow2");
  g_autoptr (GPtrArray) domains = scan (store);
  assert_int_equal (domains->len, 2);
  assert_null (find (domains, "db")->problem);
  assert_null (find (domains, "web")->problem);
}

static void
an_image_and_a_directory_of_one_name_are_reported (void **state)
{
  const Store *store = *state;
  write_domain (store, "db", "", DISK ("vda", "qcow2", "root.qcow2"));
  images_run (store->directory, "touch db.qcow2 db/root.qcow2");
  g_autoptr (GPtrArray) domains = scan (store);
  assert_int_equal (domains->len, 1);
  has_problem (find (domains, "db"), "want the same name");
}

static void
a_disk_outside_needs_permission (void **state)
{
  const Store *store = *state;
  g_autofree char *disk = g_strdup_printf (DISK ("vda", "qcow2", "%s/a.qcow2"), store->outside);
  images_run (store->outside, "touch a.qcow2");
  write_domain (store, "db", "", disk);
  g_autoptr (GPtrArray) domains = scan (store);
  has_problem (find (domains, "db"), "-o allow=");
  assert_int_equal (find (domains, "db")->disks->len, 0);

  const char *const allow[] = { store->outside, NULL };
  g_autoptr (Places) places = places_open (store->directory, allow, NULL);
  g_autoptr (GPtrArray) allowed = scan_store (places, NULL);
  assert_null (find (allowed, "db")->problem);
  assert_int_equal (find (allowed, "db")->disks->len, 1);
}

static void
what_cannot_be_snapshotted_is_left_out (void **state)
{
  const Store *store = *state;
  write_domain (store, "net", "",
                "<disk type='network' device='disk'><driver type='raw'/><source protocol='rbd' "
                "name='x'/><target dev='vda'/></disk>" DISK ("vdb", "qcow2", "a.qcow2"));
  write_domain (store, "vmdk", "", DISK ("vda", "vmdk", "a.vmdk"));
  write_domain (store, "link", "", DISK ("vda", "qcow2", "a.qcow2"));
  write_domain (store, "none", "", "");
  images_run (store->directory, "touch net/a.qcow2 vmdk/a.vmdk && ln -s ../net/a.qcow2 link/");
  g_autoptr (GPtrArray) domains = scan (store);
  has_problem (find (domains, "net"), "only files can be snapshotted");
  assert_int_equal (find (domains, "net")->disks->len, 1);
  has_problem (find (domains, "vmdk"), "has the format vmdk");
  has_problem (find (domains, "link"), "link/a.qcow2");
  assert_int_equal (find (domains, "link")->disks->len, 0);
  has_problem (find (domains, "none"), "it has no disk");
}

static void
a_missing_image_is_a_problem (void **state)
{
  const Store *store = *state;
  write_domain (store, "db", "", DISK ("vda", "qcow2", "gone.qcow2"));
  g_autoptr (GPtrArray) domains = scan (store);
  has_problem (find (domains, "db"), "gone.qcow2: No such file");
  assert_int_equal (find (domains, "db")->disks->len, 1);
}

static void
what_two_claim_belongs_to_the_first (void **state)
{
  const Store *store = *state;
  write_domain (store, "a", "<uuid>" UUID "1</uuid>", DISK ("vda", "qcow2", "../x.qcow2"));
  write_domain (store, "b", "<uuid>" UUID "1</uuid>", DISK ("vda", "qcow2", "../x.qcow2"));
  write_domain (store, "c", "", DISK ("vda", "qcow2", "x.qcow2") DISK ("vdb", "raw", "x.qcow2"));
  images_run (store->directory, "touch x.qcow2 c/x.qcow2");
  g_autoptr (GPtrArray) domains = scan (store);
  has_problem (find (domains, "a"), "the same uuid as b");
  has_problem (find (domains, "b"), "the same uuid as a");
  has_problem (find (domains, "b"), "is a disk of a too");
  has_problem (find (domains, "c"), "are the same file");
}

static void
one_file_is_one_domains_however_it_is_named (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "mkdir real && ln -s real link && touch real/x x.qcow2 y.qcow2 && "
                                "ln -s . here");
  write_domain (store, "a", "", DISK ("vda", "qcow2", "../real/x"));
  write_domain (store, "b", "", DISK ("vda", "qcow2", "../link/x"));
  write_domain (store, "c", "", DISK ("vda", "qcow2", "../here/x.qcow2"));
  write_domain (store, "y", "", DISK ("vda", "qcow2", "../here/y.qcow2"));
  g_autoptr (GPtrArray) domains = scan (store);
  assert_null (find (domains, "a")->problem);
  has_problem (find (domains, "b"), "is a disk of a too");
  assert_int_equal (domains->len, 4); /* x and y are not there twice */
}

static void
a_store_behind_a_link_has_one_spelling (void **state)
{
  const Store *store = *state;
  g_autofree char *given = g_build_filename (store->outside, "images", NULL);
  g_autofree char *disk = g_strdup_printf (DISK ("vda", "qcow2", "%s/web.qcow2"), given);
  images_run (store->outside, "ln -s '%s' images", store->directory);
  images_run (store->directory, "touch web.qcow2");
  write_domain (store, "db", "", disk);
  g_autoptr (Places) places = places_open (given, NULL, NULL);
  g_autoptr (GPtrArray) domains = scan_store (places, NULL);
  assert_int_equal (domains->len, 1);
  assert_null (find (domains, "db")->problem);
  assert_string_equal (local_domain_disk (find (domains, "db"), "vda")->directory,
                       store->directory);
}

static void
a_frozen_image_is_no_disk (void **state)
{
  const Store *store = *state;
  write_domain (store, "db", "", DISK ("vda", "qcow2", "../.vmsnapfs-1.qcow2"));
  images_run (store->directory, "touch .vmsnapfs-1.qcow2");
  g_autoptr (GPtrArray) domains = scan (store);
  has_problem (find (domains, "db"), "is an image that a snapshot froze");
  assert_int_equal (find (domains, "db")->disks->len, 1);
}

static void
a_shortage_is_no_answer (void **state)
{
  const Store *store = *state;
  struct rlimit before;
  g_autoptr (GError) error = NULL;
  write_domain (store, "db", "", DISK ("vda", "qcow2", "a.qcow2"));
  getrlimit (RLIMIT_NOFILE, &before);
  int next = dup (0);
  close (next);
  struct rlimit few = { (rlim_t)next, before.rlim_max };
  setrlimit (RLIMIT_NOFILE, &few);
  g_autoptr (GPtrArray) none = scan_store (store->places, &error);
  setrlimit (RLIMIT_NOFILE, &before);
  assert_null (none);
  assert_non_null (error);
}

static void
a_hostile_description_is_shown_with_its_problem (void **state)
{
  const Store *store = *state;
  g_autofree char *large = g_strnfill (1024 * 1024 + 1, ' ');
  write_domain (store, "uuid", "<uuid>../../../etc</uuid>", DISK ("vda", "raw", "a"));
  write_domain (store, "target", "", DISK ("../x", "raw", "a"));
  images_run (store->directory, "touch uuid/a target/a && mkdir bomb cut large fifo link dir &&"
                                "mkfifo fifo/domain.xml && ln -s /etc/passwd link/domain.xml &&"
                                "mkdir dir/domain.xml && echo '<domain><dev' > cut/domain.xml");
  g_autofree char *bomb = g_build_filename (store->directory, "bomb", NULL);
  g_autofree char *big = g_build_filename (store->directory, "large", NULL);
  images_write_text (bomb, "domain.xml", "<!DOCTYPE d [<!ENTITY a 'aa'>]><domain>&a;</domain>");
  images_write_text (big, "domain.xml", large);
  g_autoptr (GPtrArray) domains = scan (store);
  assert_int_equal (domains->len, 8);
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    if (!domain->problem)
      fail_msg ("%s has no problem", domain->name);
    assert_int_equal (strlen (domain->uuid), 36);
    assert_null (strchr (domain->uuid, '/'));
  }
}

static void
text_that_xml_cannot_carry_is_replaced (void **state)
{
  g_autofree char *text = describe_xml_text ("a\x01"
                                             "b\n\xff");
  assert_string_equal (text, "a\xef\xbf\xbd"
                             "b\n\xef\xbf\xbd");
}

#define store_test(function) cmocka_unit_test_setup_teardown (function, make_store, remove_store)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    store_test (bare_images_are_domains),
    cmocka_unit_test (a_name_gives_the_same_uuid_for_ever),
    store_test (a_directory_with_a_description_is_a_domain),
    store_test (a_described_image_is_no_domain_of_its_own),
    store_test (a_description_says_how_a_disk_is_snapshotted),
    store_test (an_image_and_a_directory_of_one_name_are_reported),
    store_test (a_disk_outside_needs_permission),
    store_test (what_cannot_be_snapshotted_is_left_out),
    store_test (a_missing_image_is_a_problem),
    store_test (what_two_claim_belongs_to_the_first),
    store_test (one_file_is_one_domains_however_it_is_named),
    store_test (a_store_behind_a_link_has_one_spelling),
    store_test (a_frozen_image_is_no_disk),
    store_test (a_shortage_is_no_answer),
    store_test (a_hostile_description_is_shown_with_its_problem),
    cmocka_unit_test (text_that_xml_cannot_carry_is_replaced),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
