/* A libvirt <domainsnapshot> as a snapshot of the model: which one disk it is of. */
#include "../../backend/libvirt/snapshot.h"
#include "../testing.h"

#define DISK(device, target)                                                                       \
  "<disk type='file' device='" device "'><source file='/i/" target "'/>"                           \
  "<target dev='" target "'/></disk>"
#define DOMAIN                                                                                     \
  "<domain><name>web</name><devices>" DISK ("disk", "vda") DISK ("disk", "vdb")                    \
      DISK ("cdrom", "hda") DISK ("floppy", "fda") "</devices></domain>"
/* What libvirt says of each: "external", "no" and so on. */
#define SAID(memory, vda, vdb, hda, fda)                                                           \
  "<domainsnapshot><name>s</name><state>disk-snapshot</state><creationTime>7</creationTime>"       \
  "<memory snapshot='" memory "'/><disks><disk name='vda' snapshot='" vda "'/>"                    \
  "<disk name='vdb' snapshot='" vdb "'/><disk name='hda' snapshot='" hda "'/>"                     \
  "<disk name='fda' snapshot='" fda "'/></disks>" DOMAIN "</domainsnapshot>"

/* @target NULL: it is of no single one. */
static void
assert_is_of (const char *xml, const char *target)
{
  ReadSnapshot *read = snapshot_read ("s", xml);

  assert_null (read->snapshot->problem);
  assert_null (read->snapshot->disk);
  assert_text (snapshot_single_disk (read->snapshot), target);
  assert_int_equal (read->snapshot->replaced, target != NULL);
  if (target != NULL)
    assert_int_equal (read->snapshot->disks->len, 1);
  read_snapshot_free (read);
}

static void
one_that_leaves_out_all_others_is_of_one_disk (void **state)
{
  assert_is_of (SAID ("no", "external", "no", "no", "no"), "vda");
  assert_is_of (SAID ("no", "no", "external", "no", "no"), "vdb");
}

static void
one_of_several_is_of_the_domain (void **state)
{
  assert_is_of (SAID ("no", "external", "external", "no", "no"), NULL);
  assert_is_of (SAID ("no", "external", "no", "no", "external"), NULL);
  assert_is_of (SAID ("no", "external", "internal", "no", "no"), NULL);
  /* Somebody else has taken that one of the other disk. */
  assert_is_of (SAID ("no", "external", "manual", "no", "no"), NULL);
}

static void
one_with_memory_is_of_the_domain (void **state)
{
  assert_is_of (SAID ("external", "external", "no", "no", "no"), NULL);
  assert_is_of (SAID ("internal", "internal", "no", "no", "no"), NULL);
}

static void
one_inside_an_image_is_of_the_domain (void **state)
{
  assert_is_of (SAID ("no", "internal", "no", "no", "no"), NULL);
}

static void
one_of_a_floppy_is_of_no_disk (void **state)
{
  assert_is_of (SAID ("no", "no", "no", "no", "external"), NULL);
}

static void
one_that_says_nothing_of_disks_is_of_the_domain (void **state)
{
  assert_is_of ("<domainsnapshot><name>s</name><state>shutoff</state>"
                "<creationTime>7</creationTime>" DOMAIN "</domainsnapshot>",
                NULL);
  assert_is_of (
      "<domainsnapshot><name>s</name><state>disk-snapshot</state>"
      "<creationTime>7</creationTime><disks><disk name='vda' snapshot='external'/></disks>"
      "<domain><uuid>7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11</uuid></domain>"
      "</domainsnapshot>",
      NULL);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (one_that_leaves_out_all_others_is_of_one_disk),
    cmocka_unit_test (one_of_several_is_of_the_domain),
    cmocka_unit_test (one_with_memory_is_of_the_domain),
    cmocka_unit_test (one_inside_an_image_is_of_the_domain),
    cmocka_unit_test (one_of_a_floppy_is_of_no_disk),
    cmocka_unit_test (one_that_says_nothing_of_disks_is_of_the_domain),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
