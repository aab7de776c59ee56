/* Descriptions from those who mean harm: refused in bounded time and memory, by both who read them.
 */
#include "../../backend/snapshot-description.h"
#include "../../backend/threads.h"
#include "../testing.h"
#include "xml-texts.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A sanitizer's own memory would be counted too. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KILOBYTES_LIMIT (1024 * 1024)
#else
#define KILOBYTES_LIMIT (64 * 1024)
#endif
#define SCHEMA "/usr/share/libvirt/schemas/domainsnapshot.rng"
#define THREADS 4

/* -------------------------------------------------------------------- measuring */

typedef struct {
  clock_t clock;
  long kilobytes;
} Begin;

static long
read_kilobytes (const char *key)
{
  g_autofree char *status = NULL;
  const char *line;

  assert_true (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  line = strstr (status, key);
  assert_non_null (line);
  return strtol (line + strlen (key), NULL, 10);
}

/* From here on, the peak is what is used from here on. */
static Begin
begin (void)
{
  FILE *reset = fopen ("/proc/self/clear_refs", "w");

  assert_non_null (reset);
  malloc_trim (0);
  assert_true (fputs ("5", reset) >= 0);
  assert_int_equal (fclose (reset), 0);
  return (Begin){ .clock = clock (), .kilobytes = read_kilobytes ("VmRSS:") };
}

static void
assert_bounded (Begin before)
{
  clock_t used = clock () - before.clock;
  long kilobytes = read_kilobytes ("VmHWM:") - before.kilobytes;

  if (!is_soon (used, REFUSED_IN))
    fail_msg ("took %ld ms", (long)(used / (CLOCKS_PER_SEC / 1000)));
  if (kilobytes >= KILOBYTES_LIMIT)
    fail_msg ("took %ld KiB", kilobytes);
}

static void
assert_refused_bytes (const char *text, gsize length)
{
  GError *error = NULL;
  Begin before = begin ();

  assert_null (snapshot_description_parse (text, length, &error));
  assert_bounded (before);
  assert_error (&error, BACKEND_ERROR_INVALID);
  before = begin ();
  assert_false (snapshot_description_validate (text, length, &error));
  assert_bounded (before);
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void
assert_refused (const char *text)
{
  assert_refused_bytes (text, strlen (text));
}

/* -------------------------------------------------------------------- what is refused */

static void
expansion_attacks_are_refused (void **state)
{
  g_autofree char *entity = repeat ("<!DOCTYPE d [<!ENTITY x \"", "x", 50000, "\">]>");
  g_autofree char *head = g_strconcat (entity, "<domainsnapshot><name>", NULL);
  g_autofree char *quadratic = repeat (head, "&x;", 50000, "</name></domainsnapshot>");
  g_autofree char *billion = repeat ("<!DOCTYPE d [<!ENTITY l0 \"lol\">"
                                     "<!ENTITY l1 \"&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;\">"
                                     "<!ENTITY l2 \"&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;\">"
                                     "<!ENTITY l3 \"&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;\">]>"
                                     "<domainsnapshot><name>",
                                     "&l3;", 1000, "</name></domainsnapshot>");

  assert_refused (billion);
  assert_refused (quadratic);
}

/* Neither a secret file nor one of the schema's directory, which the schema itself may include. */
static void
external_entities_are_refused (void **state)
{
  assert_refused ("<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>"
                  "<domainsnapshot><name>&x;</name></domainsnapshot>");
  assert_refused ("<!DOCTYPE d SYSTEM \"/usr/share/libvirt/schemas/domain.rng\">"
                  "<domainsnapshot/>");
  assert_refused ("<!DOCTYPE d [<!ENTITY % p SYSTEM \"/usr/share/libvirt/schemas/domain.rng\">%p;]>"
                  "<domainsnapshot/>");
  assert_refused ("<domainsnapshot><name>&x;</name></domainsnapshot>");
}

static void
crowds_of_attributes_are_refused (void **state)
{
  g_autofree char *ten_megabytes =
      repeat ("<domainsnapshot><memory", " a%u='x'", 1000000, "/></domainsnapshot>");
  g_autofree char *one =
      repeat ("<domainsnapshot><memory", " a%u='x'", 90000, "/></domainsnapshot>");

  assert_true (strlen (ten_megabytes) > 10 * 1000 * 1000);
  assert_refused (ten_megabytes);
  assert_refused (one);
}

static void
deep_documents_are_refused (void **state)
{
  g_autofree char *open = repeat ("<domainsnapshot>", "<cookie>", 64, "");
  g_autofree char *deep = repeat (open, "</cookie>", 64, "</domainsnapshot>");
  g_autofree char *unclosed = repeat ("<domainsnapshot>", "<cookie>", 100000, "");

  assert_refused (deep);
  assert_refused (unclosed);
}

static void
huge_documents_are_refused (void **state)
{
  g_autofree char *large = repeat ("<domainsnapshot>", "<x/>", 3000000, "</domainsnapshot>");
  g_autofree char *names =
      repeat ("<domainsnapshot>", "<name>a</name>", 49000, "</domainsnapshot>");
  g_autofree char *disks =
      repeat ("<domainsnapshot><disks>", "<disk name='vda'/>", 50000, "</disks></domainsnapshot>");

  assert_refused (large);
  assert_refused (names);
  assert_refused (disks);
}

/* Each kept element would declare it again. */
static void
namespaces_are_not_multiplied (void **state)
{
  g_autofree char *head = repeat ("<domainsnapshot xmlns:u='", "u", 400000, "'>");
  g_autofree char *text = repeat (head, "<u:x/>", 90000, "</domainsnapshot>");

  assert_refused (text);
}

/* Six bytes for one in each of them. */
static void
what_grows_is_not_kept (void **state)
{
  g_autofree char *text =
      repeat ("<domainsnapshot><cookie a='", "\"", 1000000, "'/></domainsnapshot>");
  Begin before = begin ();
  GError *error = NULL;
  g_autoptr (SnapshotDescription) found = snapshot_description_parse (text, strlen (text), &error);

  assert_bounded (before);
  assert_no_error (error);
  assert_null (found->kept_xml);
  assert_error (&found->wrong, BACKEND_ERROR_INVALID);
}

/* Not one document for each of 90,000 that are dropped. */
static void
crowds_that_nobody_knows_cost_nothing (void **state)
{
  GString *head = g_string_new ("<domainsnapshot");
  g_autofree char *text = NULL;
  GError *error = NULL;
  g_autoptr (SnapshotDescription) found = NULL;
  Begin before;

  for (guint i = 0; i < 60; i++)
    g_string_append_printf (head, " xmlns:n%u='u%u'", i, i);
  g_string_append (head, "><name>a</name>");
  text = repeat (head->str, "<k/>", 90000, "</domainsnapshot>");
  g_string_free (head, TRUE);
  before = begin ();
  found = snapshot_description_parse (text, strlen (text), &error);
  assert_bounded (before);
  assert_no_error (error);
  assert_null (found->kept_xml);
}

static void
bad_bytes_are_refused (void **state)
{
  static const char utf16[] = "\xff\xfe<\0d\0/\0>\0";

  assert_refused ("<domainsnapshot><name>\xff</name></domainsnapshot>");
  assert_refused ("<domainsnapshot><name>\xc3</name></domainsnapshot>");
  assert_refused ("<domainsnapshot><name>\xed\xa0\x80</name></domainsnapshot>");
  assert_refused ("<domainsnapshot><name>\xc0\xaf</name></domainsnapshot>");
  assert_refused ("<domainsnapshot><name>\x01</name></domainsnapshot>");
  assert_refused ("<domainsnapshot><name>&#1;</name></domainsnapshot>");
  assert_refused ("<domainsnapshot><name>&#xFFFE;</name></domainsnapshot>");
  assert_refused_bytes (utf16, sizeof utf16 - 1);
  assert_refused_bytes ("<domainsnapshot>\0</domainsnapshot>", 34);
}

static void
documents_cut_anywhere_are_refused (void **state)
{
  static const char whole[] =
      "<?xml version='1.0'?><domainsnapshot><name>a</name><state>running</state><creationTime>1"
      "</creationTime><memory snapshot='no'/><!-- c --><disks><disk name='vda'/></disks></domain"
      "snapshot>";
  GError *error = NULL;

  for (gsize length = 0; length < sizeof whole - 1; length++) {
    assert_null (snapshot_description_parse (whole, length, &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
    assert_false (snapshot_description_validate (whole, length, &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
  }
  assert_true (snapshot_description_validate (whole, sizeof whole - 1, &error));
  assert_no_error (error);
}

/* -------------------------------------------------------------------- validating */

static void
what_the_schema_does_not_know_is_invalid (void **state)
{
  static const char *const wrong[] = {
    "<domain/>",
    "<domainsnapshot><odd/></domainsnapshot>",
    "<domainsnapshot><state>odd</state></domainsnapshot>",
    "<domainsnapshot><memory snapshot='manual'/></domainsnapshot>",
    "<domainsnapshot><name>a</name><name>b</name></domainsnapshot>",
    "<domainsnapshot><disks><disk name='relative'/></disks></domainsnapshot>",
    "<domainsnapshot><compression>gzip</compression></domainsnapshot>",
  };
  GError *error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    assert_false (snapshot_description_validate (wrong[i], strlen (wrong[i]), &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
  }
}

/* libxml2 would take 4 s for this one. */
static void
what_takes_long_to_validate_is_refused (void **state)
{
  g_autofree char *most =
      repeat ("<domainsnapshot><cookie>", "<c/>", 4999, "</cookie></domainsnapshot>");
  g_autofree char *more =
      repeat ("<domainsnapshot><cookie>", "<c d='x'/>", 90000, "</cookie></domainsnapshot>");
  GError *error = NULL;
  Begin before = begin ();

  assert_true (snapshot_description_validate (most, strlen (most), &error));
  assert_bounded (before);
  assert_no_error (error);
  before = begin ();
  assert_false (snapshot_description_validate (more, strlen (more), &error));
  assert_bounded (before);
  assert_error (&error, BACKEND_ERROR_INVALID);
}

static void *
validate_often (void *data)
{
  static const char right[] = "<domainsnapshot><disks><disk name='vda'/></disks></domainsnapshot>";
  static const char wrong[] = "<domainsnapshot><disks><disk name='a'/></disks></domainsnapshot>";
  gboolean *good = data;

  *good = TRUE;
  for (guint i = 0; i < 100; i++) {
    g_autoptr (GError) error = NULL;

    *good = *good && snapshot_description_validate (right, strlen (right), NULL) &&
            !snapshot_description_validate (wrong, strlen (wrong), &error) && error != NULL;
  }
  return NULL;
}

/* The first of the tests: they also parse the schema at once. */
static void
threads_may_validate_at_once (void **state)
{
  gboolean good[THREADS];
  pthread_t threads[THREADS];

  for (guint i = 0; i < THREADS; i++)
    threads[i] = thread_start ("validate", validate_often, &good[i]);
  for (guint i = 0; i < THREADS; i++)
    thread_join (threads[i]);
  for (guint i = 0; i < THREADS; i++)
    assert_true (good[i]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (threads_may_validate_at_once),
    cmocka_unit_test (expansion_attacks_are_refused),
    cmocka_unit_test (external_entities_are_refused),
    cmocka_unit_test (crowds_of_attributes_are_refused),
    cmocka_unit_test (deep_documents_are_refused),
    cmocka_unit_test (huge_documents_are_refused),
    cmocka_unit_test (namespaces_are_not_multiplied),
    cmocka_unit_test (what_grows_is_not_kept),
    cmocka_unit_test (crowds_that_nobody_knows_cost_nothing),
    cmocka_unit_test (bad_bytes_are_refused),
    cmocka_unit_test (documents_cut_anywhere_are_refused),
    cmocka_unit_test (what_the_schema_does_not_know_is_invalid),
    cmocka_unit_test (what_takes_long_to_validate_is_refused),
  };

  if (!g_file_test (SCHEMA, G_FILE_TEST_EXISTS)) {
    print_message ("no %s\n", SCHEMA);
    return 77; /* meson's word for a skipped test */
  }
  return cmocka_run_group_tests (tests, NULL, NULL);
}
