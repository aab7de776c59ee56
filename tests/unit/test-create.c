/* What every backend checks of a request for a snapshot. */
#include "../../backend/create.h"
#include "../../backend/xml.h"
#include "../testing.h"

#include <string.h>

#define QUIET (CREATE_DISK_ONLY | CREATE_QUIESCE | CREATE_QUIESCE_REQUIRED)

/* -------------------------------------------------------------------- what is asked for */

static void
assert_allowed (CreateOptions options)
{
  GError *error = NULL;

  assert_true (create_check (&options, &error));
  assert_no_error (error);
}

static void
assert_invalid (CreateOptions options)
{
  GError *error = NULL;

  assert_false (create_check (&options, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
nothing_need_be_said (void **state)
{
  assert_allowed ((CreateOptions){ 0 });
  assert_allowed ((CreateOptions){ .flags = CREATE_ATOMIC | CREATE_LIVE | CREATE_HALT });
}

static void
quiescing_is_for_disks_only (void **state)
{
  assert_invalid ((CreateOptions){ .flags = CREATE_QUIESCE });
  assert_allowed ((CreateOptions){ .flags = CREATE_QUIESCE | CREATE_DISK_ONLY });
  assert_allowed ((CreateOptions){ .flags = QUIET });
  assert_invalid ((CreateOptions){ .flags = QUIET & ~CREATE_QUIESCE });
  assert_invalid ((CreateOptions){ .flags = QUIET, .from = "a" });
}

static void
whether_it_was_quiet_is_told_to_who_asked (void **state)
{
  const CreateOptions asked = { .flags = CREATE_QUIESCE }, nothing = { 0 };
  g_autofree char *quiet = create_quiesced (&asked, NULL);
  g_autofree char *loud = create_quiesced (&asked, "nobody answered");

  assert_text (quiet, "yes");
  assert_text (loud, "no: nobody answered");
  assert_null (create_quiesced (&nothing, NULL));
  assert_null (create_quiesced (&nothing, "nobody answered"));
}

static void
a_machine_that_is_off_is_not_quiesced (void **state)
{
  const CreateOptions asked = { .flags = CREATE_QUIESCE }, required = { .flags = QUIET };
  g_autofree char *quiesced = NULL;
  char *none = NULL;
  GError *error = NULL;

  assert_true (create_quiesced_off (&asked, &quiesced, &error));
  assert_text (quiesced, "no: the machine was off");
  assert_false (create_quiesced_off (&required, &none, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_null (none);
}

static void
it_is_taken_under_one_or_from_one (void **state)
{
  assert_allowed ((CreateOptions){ .parent = "a" });
  assert_allowed ((CreateOptions){ .from = "a" });
  assert_invalid ((CreateOptions){ .parent = "a", .from = "a" });
}

static void
what_has_no_metadata_has_no_place (void **state)
{
  assert_allowed ((CreateOptions){ .flags = CREATE_NO_METADATA });
  assert_invalid ((CreateOptions){ .flags = CREATE_NO_METADATA, .parent = "a" });
  assert_invalid ((CreateOptions){ .flags = CREATE_NO_METADATA, .from = "a" });
}

static void
there_are_two_compressions (void **state)
{
  assert_allowed ((CreateOptions){ .compression = "zlib" });
  assert_allowed ((CreateOptions){ .compression = "zstd" });
  assert_invalid ((CreateOptions){ .compression = "gzip" });
  assert_invalid ((CreateOptions){ .compression = "" });
}

static void
memory_has_a_file_when_it_is_external (void **state)
{
  assert_allowed ((CreateOptions){ .memory = "no" });
  assert_allowed ((CreateOptions){ .memory = "internal" });
  assert_allowed ((CreateOptions){ .memory = "external", .memory_file = "/m" });
  assert_invalid ((CreateOptions){ .memory = "external" });
  assert_invalid ((CreateOptions){ .memory = "external", .memory_file = "m" });
  assert_invalid ((CreateOptions){ .memory = "internal", .memory_file = "/m" });
  assert_invalid ((CreateOptions){ .memory_file = "/m" });
  assert_invalid ((CreateOptions){ .memory = "manual" });
}

static void
disk_only_leaves_out_the_memory (void **state)
{
  assert_allowed ((CreateOptions){ .memory = "no", .flags = CREATE_DISK_ONLY });
  assert_invalid ((CreateOptions){ .memory = "internal", .flags = CREATE_DISK_ONLY });
  assert_invalid (
      (CreateOptions){ .memory = "external", .memory_file = "/m", .flags = CREATE_DISK_ONLY });
}

static void
assert_disk (const DiskRequest *request, gboolean allowed)
{
  g_autoptr (GPtrArray) disks = g_ptr_array_new ();
  CreateOptions options = { .disks = disks };

  g_ptr_array_add (disks, (gpointer)request);
  if (allowed)
    assert_allowed (options);
  else
    assert_invalid (options);
}

static void
a_disk_is_asked_for_in_libvirts_words (void **state)
{
  static const char *const modes[] = { "no", "internal", "external", "manual", NULL };

  assert_disk (&(DiskRequest){ .name = (char *)"vda" }, TRUE);
  assert_disk (&(DiskRequest){ 0 }, FALSE);
  assert_disk (&(DiskRequest){ .name = (char *)"" }, FALSE);
  for (guint i = 0; modes[i] != NULL; i++)
    assert_disk (&(DiskRequest){ .name = (char *)"vda", .snapshot = (char *)modes[i] }, TRUE);
  assert_disk (&(DiskRequest){ .name = (char *)"vda", .snapshot = (char *)"yes" }, FALSE);
  assert_disk (&(DiskRequest){ .name = (char *)"vda", .type = (char *)"block" }, TRUE);
  assert_disk (&(DiskRequest){ .name = (char *)"vda", .type = (char *)"network" }, FALSE);
}

static void
only_an_external_disk_has_a_file (void **state)
{
  char vda[] = "vda", file[] = "/over", relative[] = "over", external[] = "external", no[] = "no";

  assert_disk (&(DiskRequest){ .name = vda, .file = file }, TRUE);
  assert_disk (&(DiskRequest){ .name = vda, .file = file, .snapshot = external }, TRUE);
  assert_disk (&(DiskRequest){ .name = vda, .file = file, .snapshot = no }, FALSE);
  assert_disk (&(DiskRequest){ .name = vda, .file = relative }, FALSE);
}

/* -------------------------------------------------------------------- names and parents */

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

/* A root "base" (id 1) and its child "updates" (id 2), with the disks vda and vdb. */
static Domain *
make_domain (const char *current)
{
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  Domain *domain = domain_new ("d", "u");
  g_autofree char *vda = xml_disk ("vda", "qcow2", "/images/a.qcow2");
  g_autofree char *vdb = xml_disk ("vdb", "qcow2", "/images/b.qcow2");

  g_ptr_array_add (domain->disks, disk_new ("vda", 1, vda));
  g_ptr_array_add (domain->disks, disk_new ("vdb", 1, vdb));
  g_ptr_array_add (snapshots, snapshot_new ("1", "base"));
  g_ptr_array_add (snapshots, snapshot_new ("2", "updates"));
  ((Snapshot *)g_ptr_array_index (snapshots, 1))->parent = g_strdup ("1");
  domain->current = g_strdup (current);
  domain_seal (domain, snapshots);
  return domain;
}

static void
a_name_that_is_there_is_not_given_again (void **state)
{
  g_autoptr (Domain) domain = make_domain ("2");
  GError *error = NULL;
  g_autofree char *other = create_name (domain, "other", &error);

  assert_text (other, "other");
  assert_null (create_name (domain, "base", &error));
  assert_error (&error, BACKEND_ERROR_EXISTS);
}

/* The seconds from @now on are all taken as names. */
static Domain *
make_domain_with_names (gint64 now, guint count)
{
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  Domain *domain = domain_new ("d", "u");

  for (guint i = 0; i < count; i++) {
    g_autofree char *name = g_strdup_printf ("%" G_GINT64_FORMAT, now + i);

    g_ptr_array_add (snapshots, snapshot_new (name, name));
  }
  domain_seal (domain, snapshots);
  return domain;
}

static void
a_made_up_name_is_the_time_or_the_next_free_number (void **state)
{
  gint64 before = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (Domain) free_domain = make_domain (NULL);
  g_autoptr (Domain) full = make_domain_with_names (before, 1000);
  g_autofree char *time = create_name (free_domain, NULL, NULL);
  g_autofree char *next = create_name (full, NULL, NULL);
  gint64 after = g_get_real_time () / G_USEC_PER_SEC;
  gint64 number = g_ascii_strtoll (time, NULL, 10);

  assert_true (number >= before && number <= after);
  assert_int_equal (g_ascii_strtoll (next, NULL, 10), before + 1000);
}

static void
assert_parent (const char *current, CreateOptions options, const char *expected)
{
  g_autoptr (Domain) domain = make_domain (current);
  const char *parent = "not set";
  GError *error = NULL;

  assert_true (create_parent (domain, &options, &parent, &error));
  assert_no_error (error);
  assert_text (parent, expected);
}

static void
assert_no_parent (const char *current, CreateOptions options, BackendError code)
{
  g_autoptr (Domain) domain = make_domain (current);
  const char *parent;
  GError *error = NULL;

  assert_false (create_parent (domain, &options, &parent, &error));
  assert_error (&error, code);
}

static void
the_parent_is_the_current_one (void **state)
{
  assert_parent ("2", (CreateOptions){ 0 }, "2");
  assert_parent (NULL, (CreateOptions){ 0 }, NULL);
}

static void
another_parent_can_be_asked_for (void **state)
{
  assert_parent ("2", (CreateOptions){ .parent = "1" }, "1");
  assert_parent (NULL, (CreateOptions){ .parent = "2" }, "2");
  assert_no_parent ("2", (CreateOptions){ .parent = "base" }, BACKEND_ERROR_INVALID);
}

static void
a_copy_is_the_child_of_its_origin (void **state)
{
  assert_parent ("2", (CreateOptions){ .from = "1" }, "1");
  assert_parent (NULL, (CreateOptions){ .from = "1" }, "1");
  assert_no_parent ("2", (CreateOptions){ .from = "3" }, BACKEND_ERROR_INVALID);
}

static void
who_names_a_place_means_the_current_one (void **state)
{
  assert_parent ("2", (CreateOptions){ .under = "2" }, "2");
  assert_parent (NULL, (CreateOptions){ .under = "" }, NULL);
  assert_no_parent ("2", (CreateOptions){ .under = "1" }, BACKEND_ERROR_NOT_CURRENT);
  assert_no_parent ("2", (CreateOptions){ .under = "" }, BACKEND_ERROR_NOT_CURRENT);
  assert_no_parent (NULL, (CreateOptions){ .under = "1" }, BACKEND_ERROR_NOT_CURRENT);
}

static void
the_refusal_names_the_current_one (void **state)
{
  g_autoptr (Domain) domain = make_domain ("2");
  const CreateOptions options = { .under = "1" };
  const char *parent;
  g_autoptr (GError) error = NULL;

  assert_false (create_parent (domain, &options, &parent, &error));
  assert_non_null (strstr (error->message, "updates"));
}

/* -------------------------------------------------------------------- disks */

/* What create_check_disks says of requests for these names. */
static gboolean
check_disks (const char *first, const char *second, GError **error)
{
  g_autoptr (Domain) domain = make_domain (NULL);
  g_autoptr (GPtrArray) disks = g_ptr_array_new ();
  DiskRequest one = { .name = (char *)first }, other = { .name = (char *)second };
  CreateOptions options = { .disks = disks };

  g_ptr_array_add (disks, &one);
  if (second != NULL)
    g_ptr_array_add (disks, &other);
  return create_check_disks (&options, domain, error);
}

static void
a_disk_is_named_by_its_target_or_its_file (void **state)
{
  g_autoptr (Domain) domain = make_domain (NULL);
  const CreateOptions no_disks = { 0 };
  GError *error = NULL;

  assert_true (create_check_disks (&no_disks, domain, &error));
  assert_true (check_disks ("vda", "vdb", &error));
  assert_true (check_disks ("/images/b.qcow2", "vda", &error));
  assert_no_error (error);
}

static void
a_disk_that_is_not_there_is_refused (void **state)
{
  GError *error = NULL;

  assert_false (check_disks ("vdc", NULL, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (check_disks ("vda", "/images/c.qcow2", &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
a_disk_is_asked_for_once (void **state)
{
  GError *error = NULL;

  assert_false (check_disks ("vda", "vda", &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (check_disks ("vdb", "/images/b.qcow2", &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
a_request_is_found_by_target_and_by_file (void **state)
{
  g_autoptr (GPtrArray) disks = g_ptr_array_new ();
  DiskRequest target = { .name = (char *)"vda" }, file = { .name = (char *)"/images/b.qcow2" };
  const CreateOptions options = { .disks = disks }, no_disks = { 0 };

  g_ptr_array_add (disks, &target);
  g_ptr_array_add (disks, &file);
  assert_ptr_equal (create_disk_request (&options, "vda", "/images/a.qcow2"), &target);
  assert_ptr_equal (create_disk_request (&options, "vda", NULL), &target);
  assert_ptr_equal (create_disk_request (&options, "vdb", "/images/b.qcow2"), &file);
  assert_null (create_disk_request (&options, "vdb", NULL));
  assert_null (create_disk_request (&no_disks, "vda", NULL));
}

static void
no_and_manual_leave_a_disk_out (void **state)
{
  DiskRequest request = { .name = (char *)"vda" };

  assert_false (disk_request_leaves_out (NULL));
  assert_false (disk_request_leaves_out (&request));
  request.snapshot = (char *)"internal";
  assert_false (disk_request_leaves_out (&request));
  request.snapshot = (char *)"no";
  assert_true (disk_request_leaves_out (&request));
  request.snapshot = (char *)"manual";
  assert_true (disk_request_leaves_out (&request));
}

static void
one_disk_has_names_of_its_own_and_no_place_in_the_tree (void **state)
{
  g_autoptr (Domain) domain = make_domain ("2");
  g_autofree char *name = create_disk_name (domain, "vda", "base", NULL);
  const CreateOptions none = { .disk = "vdc" }, there = { .disk = "vdb" };
  GError *error = NULL;

  assert_text (name, "base");
  assert_true (create_check (&there, &error));
  assert_true (create_check_disks (&there, domain, &error));
  assert_false (create_check_disks (&none, domain, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (create_check (&(CreateOptions){ .disk = "vdb", .parent = "1" }, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (create_check (&(CreateOptions){ .disk = "vdb", .under = "" }, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_false (create_check (&(CreateOptions){ .disk = "vdb", .flags = CREATE_HALT }, &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (nothing_need_be_said),
    cmocka_unit_test (quiescing_is_for_disks_only),
    cmocka_unit_test (whether_it_was_quiet_is_told_to_who_asked),
    cmocka_unit_test (a_machine_that_is_off_is_not_quiesced),
    cmocka_unit_test (it_is_taken_under_one_or_from_one),
    cmocka_unit_test (what_has_no_metadata_has_no_place),
    cmocka_unit_test (there_are_two_compressions),
    cmocka_unit_test (memory_has_a_file_when_it_is_external),
    cmocka_unit_test (disk_only_leaves_out_the_memory),
    cmocka_unit_test (a_disk_is_asked_for_in_libvirts_words),
    cmocka_unit_test (only_an_external_disk_has_a_file),
    cmocka_unit_test (a_name_that_is_there_is_not_given_again),
    cmocka_unit_test (a_made_up_name_is_the_time_or_the_next_free_number),
    cmocka_unit_test (the_parent_is_the_current_one),
    cmocka_unit_test (another_parent_can_be_asked_for),
    cmocka_unit_test (a_copy_is_the_child_of_its_origin),
    cmocka_unit_test (who_names_a_place_means_the_current_one),
    cmocka_unit_test (the_refusal_names_the_current_one),
    cmocka_unit_test (a_disk_is_named_by_its_target_or_its_file),
    cmocka_unit_test (a_disk_that_is_not_there_is_refused),
    cmocka_unit_test (a_disk_is_asked_for_once),
    cmocka_unit_test (a_request_is_found_by_target_and_by_file),
    cmocka_unit_test (no_and_manual_leave_a_disk_out),
    cmocka_unit_test (one_disk_has_names_of_its_own_and_no_place_in_the_tree),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
